"""Dependencies point downwards: imports, foreign keys, and no names in strings that go round them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps

from tests.structure.source import LAYERS, ROOT, app_files, name_of

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def _is_upward(source: str, target: str) -> bool:
    if source == target or source not in RANK or target not in RANK:
        return False
    return RANK[target] <= RANK[source]


def test_foreign_keys_point_downwards_only() -> None:
    upward = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields(include_parents=False)
        if field.concrete and field.is_relation and field.related_model
        if _is_upward(model.__module__.split(".")[0], field.related_model.__module__.split(".")[0])
    ]
    assert upward == []


@pytest.mark.parametrize(("source", "target"), [("core", "hitl"), ("integrations", "conversations")])
def test_order_upward_or_sideways_is_seen(source: str, target: str) -> None:
    assert _is_upward(source, target)


def test_models_and_tasks_are_never_named_in_strings() -> None:
    named = [
        f"{source.path}:{call.lineno}"
        for source in app_files()
        if not source.path.startswith("core/")
        for call in source.calls()
        if name_of(call) in ("get_model", "send_task") and any(isinstance(a, ast.Constant) for a in call.args)
    ]
    assert named == []


def test_import_contracts_hold() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    asked = subprocess.run([tool, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stdout + asked.stderr
