"""Measures of the source's structure: `python -m tests.structure.ceilings.measures [ROOT] [--list NAME]` prints them.

Python files are read, never imported. `--list` prints the places behind one row.
"""

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.structure.source import only_hands_on, read

APPS = ("core", "accounts", "console", "hitl", "conversations", "integrations", "hub", "agents", "channels_app",
        "analytics", "config", "demo")  # fmt: skip
BESIDE = ("bench", "standins", "tests")
PACKAGE_MOST, FACADE_MOST, PARAMETERS_MOST, SHORT, SMALL = 16, 40, 7, 5, 40
SKIP = {".git", ".venv", ".walker", "__pycache__", "node_modules"}
NOT_GERUNDS = {
    "setting",
    "building",
    "string",
    "thing",
    "morning",
    "ceiling",
    "ring",
    "king",
    "spring",
    "evening",
    "rating",
}
"""Nouns that only end like one."""
IS_GERUND = re.compile(r"(?:^|_)([a-z]+ing)s?$")
CLEAN = (
    "agents",
    "hub",
    "analytics",
    "hitl",
    "conversations",
    "channels_app",
    "console",
    "accounts",
    "core",
)
"""What may not know the demo's platform or the built-in model by name."""
DEMO_PACKAGES = ("sandbox_ads", "built_in")
VERY_WIDE = 12
FACED = ("hitl", "conversations", "integrations", "hub", "agents", "channels_app", "analytics")
"""Apps with services: core, accounts and console are made of what the others build on."""
FACES = ("services", "selectors", "events", "actions", "registry", "types", "errors", "mediums", "models")
CLIENT_FACES = (*FACES, "client")
MORE_FACES = {
    "hitl": (
        "domain.state_machine",
        "admin.panels",
        "notifications.channels",
        "notification_channels",
        "killswitch.targets",
    )
}
LEASED = re.compile(r"\bLeased\b")
"""The base of `core.reliability.lease`, from which models have their lease."""
SAYS = {
    "packages": f"packages with more than {PACKAGE_MOST} modules",
    "test_packages": f"test folders with more than {PACKAGE_MOST} modules",
    "facades": f"facades of more than {FACADE_MOST} names",
    "gerunds": "gerund module names (product, benches, stand-ins)",
    "demo_imports": "import lines of the demo outside it",
    "demo_words": "places that name a demo kind or tool as text",
    "leases": "models that define lease_until themselves",
    "private_once": "private functions called once",
    "private_short": f"... of these up to {SHORT} lines in all",
    "wide": f"functions with more than {PARAMETERS_MOST} parameters",
    "very_wide": f"... of these more than {VERY_WIDE}",
    "small": f"modules under {SMALL} lines with one importer",
    "repeats": "docstrings that only repeat the name",
    "circles": "circles of files",
    "passing_by": "import lines that pass by the facade of a lower app",
}


class Checkout:
    """Every Python file of a checkout, parsed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.text: dict[str, str] = {}
        self.tree: dict[str, ast.Module] = {}
        self.nodes: dict[str, Sequence[ast.AST]] = {}
        for top in (*APPS, *BESIDE):
            for path in sorted((root / top).rglob("*.py")):
                if SKIP & set(path.parts):
                    continue
                name = path.relative_to(root).as_posix()
                self.text[name] = path.read_text(encoding="utf-8")
                if top != "tests" and "/migrations/" not in name:
                    source = read(path)
                    self.tree[name], self.nodes[name] = source.tree, source.nodes

    def product(self, *, beside: bool = False) -> list[str]:
        """Return product modules without migrations; `beside` adds benches and stand-ins."""
        tops = (*APPS, *(("bench", "standins") if beside else ()))
        return [name for name in self.text if name.split("/")[0] in tops and "/migrations/" not in name]

    def lines(self, name: str) -> int:
        return self.text[name].count("\n")


def module_of(name: str) -> str:
    """Return the dotted name of a file."""
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, int]]:
    """Yield what a module imports, functions' imports included: full dotted names."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def named(node: ast.Assign) -> set[str]:
    """Return the plain names that an assignment sets."""
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


def loose_modules(checkout: Checkout, tops: tuple[str, ...]) -> list[str]:
    count: Counter[str] = Counter()
    for name in checkout.text:
        folder, _, file = name.rpartition("/")
        if file != "__init__.py" and name.split("/")[0] in tops and "migrations" not in folder:
            count[folder] += 1
    return [f"{number} {folder}" for folder, number in count.most_common() if number > PACKAGE_MOST]


def facades(checkout: Checkout) -> list[str]:
    """Return modules that hand on more than FACADE_MOST names: by __all__, or by importing them and nothing else."""
    found = []
    for name in checkout.product():
        names: set[str] = set()
        for node in checkout.tree[name].body:
            if isinstance(node, ast.Assign) and "__all__" in named(node):
                names |= {ast.literal_eval(e) for e in getattr(node.value, "elts", [])}
            elif isinstance(node, ast.ImportFrom) and only_hands_on(checkout.tree[name]):
                names |= {alias.asname or alias.name for alias in node.names} - {"annotations"}
        if len(names) > FACADE_MOST:
            found.append(f"{len(names)} {name}")
    return sorted(found, key=lambda line: -int(line.split()[0]))


def gerunds(checkout: Checkout) -> list[str]:
    return [
        name for name in checkout.product(beside=True)
        if (match := IS_GERUND.search(Path(name).stem)) and match[1] not in NOT_GERUNDS
    ]  # fmt: skip


def demo_imports(checkout: Checkout) -> list[str]:
    """Return lines of clean apps that import the demo's platform, the built-in model, the demo or a stand-in."""
    found = []
    for name in checkout.product():
        if name.split("/")[0] not in CLEAN or any(f"/{package}/" in f"/{name}" for package in DEMO_PACKAGES):
            continue
        for line in sorted({line for what, line in imports_of(checkout.nodes[name]) if is_demo(what)}):
            found.append(f"{name}:{line} {checkout.text[name].splitlines()[line - 1].strip()}")
    return found


def is_demo(what: str) -> bool:
    parts = what.split(".")
    return (
        any(package in parts for package in DEMO_PACKAGES)
        or parts[0] in {"demo", "standins"}
        or parts[:2] == ["config", "demo"]
    )


def demo_words(checkout: Checkout) -> list[str]:
    """Return texts in clean apps, docstrings left out, that name a kind, a tool or an agent of the demo."""
    words = re.compile(
        r"\b(?:set_campaign_budget|pause_campaign|update_page_meta|publish_content|list_campaigns|"
        r"campaign_performance|content_performance|list_drafts|draft_post|paid_ads|Summer Sale)\b"
    )
    found = []
    for name in checkout.product():
        if name.split("/")[0] not in CLEAN or any(f"/{package}/" in f"/{name}" for package in DEMO_PACKAGES):
            continue
        said = {id(node.value) for node in checkout.nodes[name] if isinstance(node, ast.Expr)}
        for node in checkout.nodes[name]:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                found += [f"{name}:{node.lineno}"] if words.search(node.value) else []
    return sorted(set(found))


def leases(checkout: Checkout) -> list[str]:
    """Return models that define lease_until themselves instead of inheriting it."""
    found = []
    for name in checkout.product():
        for node in checkout.nodes[name]:
            if not isinstance(node, ast.ClassDef) or any(LEASED.search(ast.unparse(base)) for base in node.bases):
                continue
            if LEASED.search(node.name):
                continue
            for item in node.body:
                if isinstance(item, ast.Assign) and "lease_until" in named(item):
                    found.append(f"{name}:{item.lineno} {node.name}")
    return found


def functions(nodes: Sequence[ast.AST]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def private_functions(checkout: Checkout) -> tuple[list[str], list[str]]:
    """Return private module functions called once in their module, and those of up to SHORT lines in all.

    Decorated functions are left out, and so are those that are handed on by name instead of being called.
    """
    once, short = [], []
    for name in checkout.product():
        nodes = checkout.nodes[name]
        used = Counter(node.id for node in nodes if isinstance(node, ast.Name))
        used.update(node.attr for node in nodes if isinstance(node, ast.Attribute))
        called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        for node in checkout.tree[name].body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("_"):
                continue
            if used[node.name] == 1 and node.name in called and not node.decorator_list:
                once.append(f"{name}:{node.lineno} {node.name}")
                if (node.end_lineno or 0) - node.lineno < SHORT:
                    short.append(once[-1])
    return once, short


def wide_functions(checkout: Checkout) -> list[str]:
    found = []
    for name in checkout.product():
        for node in functions(checkout.nodes[name]):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            number = len([arg for arg in given if arg.arg not in {"self", "cls"}])
            if number > PARAMETERS_MOST:
                found.append(f"{number} {name}:{node.lineno} {node.name}")
    return sorted(found, key=lambda line: -int(line.split()[0]))


def small_modules(checkout: Checkout) -> list[str]:
    """Return modules under SMALL lines that exactly one product module imports; a dotted name as text is an import."""
    known = {module_of(name): name for name in checkout.text}
    dotted = re.compile(r"[a-z_]+(?:\.[A-Za-z_]+)+")
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name in checkout.product():
        wanted = {what for what, _ in imports_of(checkout.nodes[name])}
        for node in checkout.nodes[name]:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and dotted.fullmatch(node.value):
                wanted |= {node.value, node.value.rpartition(".")[0]}
        for what in wanted & known.keys():
            if known[what] != name:
                users[known[what]].add(name)
    fixed = re.compile(r"(?:^|/)(?:__init__|__main__|apps|urls|tasks|admin)\.py$|/management/|/templatetags/")
    return [
        f"{checkout.lines(name)} {name} <- {next(iter(users[name]))}" for name in checkout.product()
        if checkout.lines(name) < SMALL and len(users[name]) == 1 and not fixed.search(name)
    ]  # fmt: skip


def passing_by(checkout: Checkout) -> list[str]:
    """Return imports of another app's insides: past its services, selectors, models and a few named modules."""
    found = []
    for name in checkout.product():
        own = name.split("/")[0]
        if own in ("config", "demo"):  # they put the product together
            continue
        by_line: dict[int, set[str]] = {}
        for node in checkout.nodes[name]:
            if isinstance(node, ast.Import):
                by_line.setdefault(node.lineno, set()).update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                by_line.setdefault(node.lineno, set()).update(
                    f"{node.module}.{alias.name}" if node.module in FACED else node.module for alias in node.names
                )
        for line, modules in sorted(by_line.items()):
            inside = [each for each in sorted(modules) if each.split(".")[0] in FACED and each.split(".")[0] != own]
            found += [f"{name}:{line} {each}" for each in inside if not is_face(each)]
    return found


def is_face(module: str) -> bool:
    """Return True for what an app offers to those above it; in `integrations` each outside system has its own face."""
    app, _, rest = module.partition(".")
    parts = rest.split(".")
    if app == "integrations" and (len(parts) == 1 or parts[-1] in CLIENT_FACES):
        return True
    more = MORE_FACES.get(app, ())
    return not rest or parts[0] in FACES or any(rest == each or rest.startswith(f"{each}.") for each in more)


def lines_by_app(checkout: Checkout) -> dict[str, tuple[int, int, int]]:
    """Return (product, tests, migrations) lines by app."""
    count: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for name in checkout.text:
        top, *rest = name.split("/")
        if top == "tests":
            app = rest[0] if rest[0] in APPS else "channels_app" if rest[0] == "channels" else "(other tests)"
            count[app][1] += checkout.lines(name)
        else:
            count[top][2 if "/migrations/" in name else 0] += checkout.lines(name)
    return {app: (a, b, c) for app, (a, b, c) in count.items()}


def docstrings_that_repeat(checkout: Checkout) -> list[str]:
    """Return functions whose docstring says nothing but the words of their name."""
    found = []
    for name in checkout.product():
        for node in functions(checkout.nodes[name]):
            said = ast.get_docstring(node)
            if not said:
                continue
            words = set(re.findall(r"[a-z]+", said.lower())) - set("a an the and of its it is to".split())
            stems = {part[:4] for part in node.name.lower().strip("_").split("_") if part}
            if words and all(word[:4] in stems for word in words):
                found.append(f"{name}:{node.lineno} {node.name}: {said}")
    return found


def circles(checkout: Checkout) -> list[str]:
    """Return groups of files that import each other, found by removing files that take no part in any."""
    known = {module_of(name): name for name in checkout.tree}
    uses: dict[str, set[str]] = {
        name: {known[what] for what, _ in imports_of(checkout.nodes[name]) if what in known} - {name}
        for name in checkout.tree
    }
    for name in checkout.tree:  # a package's face is passed through, so it ties nobody
        if name.endswith("__init__.py"):
            uses[name] = set()
    reach = {name: set(found) for name, found in uses.items()}
    alive = {name for name, found in uses.items() if found}
    changed = True
    while changed:
        keep = {n for n in alive if uses[n] & alive and any(n in uses[other] for other in alive)}
        changed, alive = keep != alive, keep
    groups: list[set[str]] = []
    for name in sorted(alive):
        seen, todo = set(), list(reach[name] & alive)
        while todo:
            if (each := todo.pop()) not in seen:
                seen.add(each)
                todo += list(uses[each] & alive)
        if name in seen and not any(name in group for group in groups):
            groups.append({each for each in seen if name in _reached(each, uses, alive)} | {name})
    return [f"{len(group)} " + ", ".join(sorted(group)) for group in groups]


def _reached(start: str, uses: dict[str, set[str]], alive: set[str]) -> set[str]:
    seen: set[str] = set()
    todo = list(uses[start] & alive)
    while todo:
        if (each := todo.pop()) not in seen:
            seen.add(each)
            todo += list(uses[each] & alive)
    return seen


def measure(root: Path) -> dict[str, list[str]]:
    """Return the places behind each measure of a checkout."""
    checkout = Checkout(root)
    once, short = private_functions(checkout)
    wide = wide_functions(checkout)
    return {
        "packages": loose_modules(checkout, APPS),
        "test_packages": loose_modules(checkout, ("tests",)),
        "facades": facades(checkout),
        "gerunds": gerunds(checkout),
        "demo_imports": demo_imports(checkout),
        "demo_words": demo_words(checkout),
        "leases": leases(checkout),
        "private_once": once,
        "private_short": short,
        "wide": wide,
        "very_wide": [row for row in wide if int(row.split()[0]) > VERY_WIDE],
        "small": small_modules(checkout),
        "repeats": docstrings_that_repeat(checkout),
        "circles": circles(checkout),
        "passing_by": passing_by(checkout),
    }


def main(argv: list[str]) -> None:
    """Print one line a measure, then lines by app."""
    wanted = argv[argv.index("--list") + 1] if "--list" in argv else ""
    root = Path(next((each for each in argv if not each.startswith("--") and each != wanted), "."))
    rows = measure(root)
    if wanted:
        sys.stdout.write("".join(f"{row}\n" for row in rows[wanted]))
        return
    for key, found in rows.items():
        sys.stdout.write(f"{key:14}{len(found):6}  {SAYS[key]}\n")
    sys.stdout.write(f"\n{'lines':14}{'product':>9}{'tests':>9}{'migrations':>12}\n")
    by_app = lines_by_app(Checkout(root))
    for app in (*APPS, "bench", "standins", "(other tests)"):
        if app in by_app:
            product, tests, migrations = by_app[app]
            sys.stdout.write(f"{app:14}{product:9,}{tests:9,}{migrations:12,}\n")
    sums = [sum(row[column] for app, row in by_app.items() if app not in ("bench", "standins")) for column in range(3)]
    sys.stdout.write(f"{'apps + tests':14}{sums[0]:9,}{sums[1]:9,}{sums[2]:12,}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
