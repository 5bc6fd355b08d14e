"""The product does not know its demo."""

import ast
import re
from typing import Final

from tests.structure.source import app_files

MODULE: Final = re.compile(r"demo(?:\.(?!json|log)[a-z_]+)+")
MAY_NAME = {"config/settings.py": "the app, with WALKER_DEMO", "config/launcher/cli.py": "a command that it brings"}


def test_nothing_below_imports_the_demo() -> None:
    found = [
        f"{source.path}:{node.lineno}"
        for source in app_files()
        if not source.path.startswith("demo/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
        if name.split(".")[0] == "demo"
    ]
    assert found == []


def test_modules_of_the_demo_are_named_in_two_places_alone() -> None:
    named = {
        source.path
        for source in app_files()
        if not source.path.startswith("demo/")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if MODULE.fullmatch(node.value)
    }
    assert named <= set(MAY_NAME)
