"""The product's source as syntax trees, for tests about its shape."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# From top to bottom; packages on one line are siblings and may not know each other.
LAYERS = (
    ("config",),
    ("channels_app", "analytics"),
    ("agents",),
    ("conversations", "integrations"),
    ("hitl",),
    ("console",),
    ("accounts",),
    ("core",),
)
APPS = tuple(name for layer in LAYERS for name in layer)
PRODUCT = (*APPS, "standins", "bench")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file: its path below the root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def calls(self) -> Iterator[ast.Call]:
        """Every call."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))


@cache
def product() -> tuple[Source, ...]:
    """All files of the product, without migrations."""
    paths = [path for name in PRODUCT for path in sorted((ROOT / name).rglob("*.py"))]
    paths += [ROOT / "walker", ROOT / "manage.py"]
    return tuple(_read(path) for path in paths if "migrations" not in path.parts)


def app_files() -> Iterator[Source]:
    """The files of the apps and the composition root."""
    return (source for source in product() if source.path.split("/")[0] in APPS)


def services() -> Iterator[tuple[Source, Function]]:
    """Every public service: what a flat module defines, or what a package's __init__ offers."""
    for app in APPS:
        inside = [source for source in app_files() if source.path.startswith((f"{app}/services.", f"{app}/services/"))]
        offered = {name for source in inside if source.path.endswith("__init__.py") for name in _imported(source)}
        for source in inside:
            for node in source.tree.body:
                is_public = isinstance(node, Function) and not node.name.startswith("_")
                if isinstance(node, Function) and is_public and (not offered or node.name in offered):
                    yield source, node


def _imported(source: Source) -> Iterator[str]:
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def name_of(call: ast.Call) -> str:
    """The last part of what is called: `get_model` for `apps.get_model(...)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def length(node: Function) -> int:
    """Lines from `def` to the end of the body, docstring and all."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _read(path: Path) -> Source:
    text = path.read_text()
    # Python 3.11 loses count of its depth when the collector runs finalizers in the middle of a parse.
    gc.disable()
    try:
        tree = ast.parse(text)
    finally:
        gc.enable()
    return Source(str(path.relative_to(ROOT)), text, tree)
