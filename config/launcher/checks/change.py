"""Which tests a change can touch: by imports, by names of files, and by doors; everything when that is unsure."""

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from config.launcher.faults import StartError

MAIN = ("main", "origin/main")
DOORS = ("tests/api", "tests/security", "tests/console", "tests/e2e", "tests/erasure", "tests/conformance")
"""They ask the whole product by its addresses and pages, not by its modules."""
READERS = ("tests/structure", "tests/docs")
"""They read the source and the pages, at any change."""
EVERYTHING = re.compile(
    r"^(?:pyproject\.toml|uv\.lock|requirements.*|manage\.py|walker|\.ci/.*|config/(?:settings|environment).*|config/launcher/.*)$"
    r"|/migrations/|^tests/conftest\.py$"
)
"""All tests rest on these."""
NOT_RUN = re.compile(r"^(?:bench/|docs/|[^/]+\.md$|LICENSE$|Makefile$|\.editorconfig$|\.pre-commit-config\.yaml$)")
"""No test but those that read runs these, unless a module names them."""
SKIPPED = frozenset({".git", ".venv", ".walker", "__pycache__", "node_modules"})
_DOTTED = re.compile(r"[a-z_]\w*(?:\.\w+)+")
_FILE = re.compile(r"[\w./-]*[\w-]+\.[a-z]{2,5}")


@dataclass(frozen=True)
class Selection:
    """The files and folders to hand to pytest, none for all of them, and why."""

    paths: tuple[str, ...]
    why: str


def changed_files(root: Path) -> list[str]:
    """Return what differs from where the branch left main, uncommitted and new files included.

    Raises StartError where there is no main to compare with.
    """
    for main in MAIN:
        found = _git(root, "merge-base", "HEAD", main)
        if found is not None:
            break
    else:
        raise StartError("there is no branch main to compare with; run ./walker check without --changed.")
    differing = _git(root, "diff", "--name-only", "--no-renames", "-z", found.strip()) or ""
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z") or ""
    return sorted({name for name in f"{differing}\0{new}".split("\0") if name})


def _git(root: Path, *words: str) -> str | None:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def select(root: Path, changed: Collection[str]) -> Selection:
    """Return the tests that these files can touch; no paths mean all tests."""
    if not changed:
        return Selection(READERS, "nothing has changed")
    checkout = _Checkout(root)
    touched: set[str] = set()
    for name in changed:
        if EVERYTHING.search(name) or name in checkout.ground:
            return Selection((), f"all tests rest on {name}")
        users = {name} if name.endswith(".py") else checkout.users_of_file(name)
        if not users and not NOT_RUN.search(name):
            return Selection((), f"it is not known what uses {name}")
        touched |= users
    touched |= checkout.importers(touched)
    served = {name for name in touched if "/" in name and not name.startswith(("tests/", "bench/", "config/launcher/"))}
    tests = {name for name in touched if re.fullmatch(r"tests/.*test_\w+\.py", name) and name in checkout.text}
    folders = {folder for folder in READERS if (root / folder).is_dir()}
    if served:
        direct = {name.split("/")[0] for name in changed}
        folders |= {folder for folder in (*DOORS, *(f"tests/{app}" for app in direct)) if (root / folder).is_dir()}
    alone = {name for name in tests if not any(name.startswith(f"{folder}/") for folder in folders)}
    return Selection(tuple(sorted(folders | alone)), f"{len(changed)} changed files")


class _Checkout:
    """What stands in every Python file, and which file imports which."""

    def __init__(self, root: Path) -> None:
        files = [path for path in root.rglob("*.py") if not SKIPPED & set(path.relative_to(root).parts)]
        self.text = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}
        self.templates = {
            path.relative_to(root).as_posix(): path.read_text(encoding="utf-8", errors="replace")
            for path in root.rglob("templates/**/*.*")
            if path.is_file() and not SKIPPED & set(path.relative_to(root).parts)
        }
        bare = {name: name.removesuffix(".py").removesuffix("/__init__") for name in self.text}
        self.modules = {short.replace("/", "."): name for name, short in bare.items()}
        self.used_by: defaultdict[str, set[str]] = defaultdict(set)
        for name, text in self.text.items():
            for used in self._uses(name, text):
                self.used_by[used].add(name)
        shared = {name for name, users in self.used_by.items() if "tests/conftest.py" in users}
        self.ground = {name for name in shared if name.startswith("tests/")} | {"tests/conftest.py"}

    def importers(self, names: Iterable[str]) -> set[str]:
        """Return every file that imports one of these, or a file that does; what all tests rest on passes nothing on.

        Otherwise each change of the product would touch each test by way of the people and tenants that all share.
        """
        found: set[str] = set()
        todo = list(names)
        while todo:
            users = self.used_by[todo.pop()] - found - self.ground
            found |= users
            todo += users
        return found

    def users_of_file(self, name: str) -> set[str]:
        """Return the Python files that name a file that is not Python, directly or by a template, or lie beside it."""
        path = Path(name)
        beside = {other for other in self.text if Path(other).parent == path.parent and path.parent != Path()}
        names, todo = {name}, [name]
        while todo:  # a template that another one includes
            short = Path(todo.pop()).name
            more = {other for other, text in self.templates.items() if short in text} - names
            names |= more
            todo += more
        shorts = {Path(each).name for each in names}
        found = {other: {Path(one).name for one in _FILE.findall(text)} for other, text in self.text.items()}
        return beside | {other for other, names_in in found.items() if shorts & names_in}

    def _uses(self, name: str, text: str) -> set[str]:
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                wanted |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
                wanted |= {node.value, node.value.rpartition(".")[0]}
        # A package is loaded before its modules, a folder's fixtures before its tests.
        parts = {".".join(each.split(".")[:length]) for each in wanted for length in range(1, each.count(".") + 2)}
        used = {self.modules[each] for each in parts if each in self.modules}
        if name.startswith("tests/"):
            parents = list(Path(name).parents)
            used |= {each for folder in parents if (each := f"{folder.as_posix()}/conftest.py") in self.text}
        return used - {name}
