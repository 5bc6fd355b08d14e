"""The product's source as syntax trees, for tests about its shape."""

import ast
import gc
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# From top to bottom; packages on one line are siblings and may not know each other.
LAYERS = (
    ("demo",),
    ("config",),
    ("channels_app", "analytics"),
    ("agents",),
    ("hub",),
    ("conversations", "integrations"),
    ("hitl",),
    ("console",),
    ("accounts",),
    ("core",),
)
APPS = tuple(name for layer in LAYERS for name in layer)
PRODUCT = (*APPS, "standins", "bench")
Function = ast.FunctionDef | ast.AsyncFunctionDef
CUT_BY_NOUN = tuple(
    f"conversations/{name}/"
    for name in ("merges", "surveys", "replies", "messages", "inbox", "channel_accounts", "contacts", "custom_fields")
)
DOORS = re.compile(r"/(admin|rest|selectors|models|files)\b")


@dataclass(frozen=True)
class Source:
    """One file: its path below the root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node, walked to once for all tests."""
        return tuple(ast.walk(self.tree))

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        return (node for node in self.nodes if isinstance(node, Function))

    def calls(self) -> Iterator[ast.Call]:
        """Every call."""
        return (node for node in self.nodes if isinstance(node, ast.Call))


@cache
def product() -> tuple[Source, ...]:
    """All files of the product, without migrations."""
    paths = [path for name in PRODUCT for path in sorted((ROOT / name).rglob("*.py"))]
    paths += [ROOT / "walker", ROOT / "manage.py"]
    return tuple(read(path) for path in paths if "migrations" not in path.parts)


NO_USE_CASES = re.compile(r"hitl/(domain|management|selectors)/|hitl/(\w+/selectors|receivers|tasks)\.py")


def app_files() -> Iterator[Source]:
    """The files of the apps, the composition root and the demo."""
    return (source for source in product() if source.path.split("/")[0] in APPS)


def services() -> Iterator[tuple[Source, Function]]:
    """Every public service: what an app's `services` module or package defines or offers, and hitl's use cases.

    Where an app is cut into packages of its nouns, also each function there that is called as a service is: for an
    actor, or by keywords alone.
    """
    yield from _use_cases_of_hitl()
    by_path = {source.path: source for source in app_files()}
    for app in APPS:
        face = by_path.get(f"{app}/services.py") or by_path.get(f"{app}/services/__init__.py")
        if face is None:
            continue
        yield from _public_functions(face, None)
        for module, names in _imported(face):
            source = by_path.get(f"{module.replace('.', '/')}.py")
            if source is not None:
                yield from _public_functions(source, names)
    for source in by_path.values():
        if source.path.startswith(CUT_BY_NOUN) and not DOORS.search(source.path):
            yield from ((s, node) for s, node in _public_functions(source, None) if _is_called_as_service(node))


def _is_called_as_service(node: Function) -> bool:
    given = [argument.arg for argument in node.args.kwonlyargs]
    return "actor" in given or bool(given and not node.args.args)


def _use_cases_of_hitl() -> Iterator[tuple[Source, Function]]:
    """What hitl's packages do by keyword; its own pages and endpoints call them without the face for other apps."""
    for source in app_files():
        if source.path.startswith("hitl/") and not NO_USE_CASES.match(source.path):
            for _, node in _public_functions(source, None):
                loose = len(node.args.args) + len(node.args.posonlyargs)
                if node.args.kwonlyargs and (not loose or (loose == 1 and "now" in _keywords(node))):
                    yield source, node


def _keywords(node: Function) -> set[str]:
    return {argument.arg for argument in node.args.kwonlyargs}


def _public_functions(source: Source, names: set[str] | None) -> Iterator[tuple[Source, Function]]:
    for node in source.tree.body:
        if isinstance(node, Function) and not node.name.startswith("_") and (names is None or node.name in names):
            yield source, node


def only_hands_on(tree: ast.Module) -> bool:
    """True for a face: a module that imports, says which names it offers where it must, and does nothing else."""
    body = tree.body[ast.get_docstring(tree) is not None :]
    return all(isinstance(node, ast.ImportFrom) or _lists_names(node) for node in body)


def _lists_names(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def _imported(face: Source) -> Iterator[tuple[str, set[str]]]:
    """The modules of the same app that a face imports, with what it takes of each, as far as it is offered again."""
    offered = {
        text.value
        for node in face.tree.body
        if _lists_names(node)
        for text in ast.walk(node)
        if isinstance(text, ast.Constant)
    }
    if only_hands_on(face.tree):
        offered |= {alias.name for node in face.tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    for node in face.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == face.path.split("/")[0]:
            names = {alias.name for alias in node.names if alias.asname == alias.name or alias.name in offered}
            yield node.module, names


def name_of(call: ast.Call) -> str:
    """The last part of what is called: `get_model` for `apps.get_model(...)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def length(node: Function) -> int:
    """Lines from `def` to the end of the body, docstring and all."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def read(path: Path) -> Source:
    """Return a file below the root."""
    text = path.read_text()
    # Python 3.11 loses count of its depth when the collector runs finalizers in the middle of a parse.
    gc.disable()
    try:
        tree = ast.parse(text)
    finally:
        gc.enable()
    return Source(os.path.relpath(path, ROOT), text, tree)
