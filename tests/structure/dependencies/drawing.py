"""A drawing of the structure: which app imports which, and the packages of each in the order of its contract."""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.structure.source import read

MANY: Final = 16
"""So many modules may lie in one package; a larger one is drawn with their number."""


def draw(root: Path) -> str:
    """Return the checkout at `root` as a Mermaid flowchart."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    inside = {contract["id"]: contract["layers"] for contract in contracts if contract["type"] == "layers"}
    apps = [name.strip() for layer in inside["order"] for name in layer.split("|")]
    boxes = [f'  {app}["{_box(root, app, inside.get(app, []))}"]' for app in apps]
    direct = {app: set(_imported(root / app)) & set(apps) - {app} for app in apps}
    arrows = [
        f"  {app} --> {lower}"
        for app in apps
        for lower in apps
        if lower in direct[app] and not any(lower in _below(other, direct) for other in direct[app])
    ]
    return "\n".join(["```mermaid", "flowchart TD", *boxes, *arrows, "```"])


def _box(root: Path, app: str, layers: list[str]) -> str:
    """One line for each layer of an app: its packages, without modules of their own."""
    rows = []
    for layer in layers:
        names = [name.strip(" ()") for name in layer.replace(":", "|").split("|")]
        found = [_named(root / app / name) for name in names if (root / app / name / "__init__.py").exists()]
        rows += [" · ".join(found)] if found else []
    return "<br/>".join([f"<b>{app}</b>", *rows])


def _named(package: Path) -> str:
    count = sum(1 for path in package.glob("*.py") if path.name != "__init__.py")
    return f"{package.name} ({count} modules)" if count > MANY else package.name


def _imported(app: Path) -> Iterator[str]:
    """The first name of everything that an app's files import."""
    for path in sorted(app.rglob("*.py")):
        for node in read(path).nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.split(".")[0]


def _below(app: str, direct: Mapping[str, set[str]]) -> set[str]:
    """Everything that an app imports, directly or by others."""
    return direct[app] | {name for lower in direct[app] for name in _below(lower, direct)}
