"""The product does not know its demo."""

import ast
import os
import re
import subprocess
import sys
from typing import Final

from tests.structure.source import ROOT, app_files

MODULE: Final = re.compile(r"demo(?:\.(?!json|log)[a-z_]+)+")
MAY_NAME = {"config/settings.py": "the app, with WALKER_DEMO", "config/launcher/cli.py": "a command that it brings"}


def test_nothing_below_imports_the_demo() -> None:
    found = [
        f"{source.path}:{node.lineno}"
        for source in app_files()
        if not source.path.startswith("demo/")
        for node in source.nodes
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
        for node in source.nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if MODULE.fullmatch(node.value)
    }
    assert named <= set(MAY_NAME)


def test_an_installation_without_the_demo_registers_nothing_of_it() -> None:
    code = (
        "import sys, django; django.setup(); from hitl.actions import registry; from integrations import platforms; "
        "from django.apps import apps; from agents.answering.interpretation.reader import read; "
        "kinds = {key: type(registry.get(key)) for key in registry.keys()}; "
        "brought = {kind for key in platforms.keys() for kind in platforms.get(key).kinds}; "
        "print(sorted(key for key, kind in kinds.items() if kind not in brought), "
        "[name for name in sorted(sys.modules) if 'sandbox_ads' in name], apps.is_installed('demo'), "
        "[read([said]).intent for said in ('Pause the campaign', 'Which campaign is worst?', 'Write a blog post')])"
    )
    outside = {name: value for name, value in os.environ.items() if name not in ("WALKER_DEMO", "WALKER_TESTING")}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**outside, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    own = "['commit_transaction', 'send_audience_message']"
    assert ended.stdout.strip() == f"{own} [] False ['other', 'other', 'other']", ended.stderr
