"""Models and migrations say the same, and migrations hang on nothing that may change under them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.fields import NOT_PROVIDED

from core.db.roles import as_owner
from core.management.commands.migrate import BEFORE_0_2
from tests.rows import check_rows
from tests.structure.source import APPS, ROOT

FILES = [path for name in APPS for path in sorted((ROOT / name / "migrations").glob("0*.py"))]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def _named_by_fields() -> Iterator[str]:
    """Modules of field classes and of defaults: Django writes their names into migrations."""
    for model in apps.get_models():
        for field in model._meta.local_fields:
            yield type(field).__module__
            if field.default is not NOT_PROVIDED and callable(field.default):
                yield field.default.__module__


def test_migration_imports_nothing_of_ours_but_fields_and_defaults() -> None:
    allowed = set(_named_by_fields())

    def check(path: Path) -> None:
        nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Import | ast.ImportFrom)]
        names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        ours = {name for name in names if name.split(".")[0] in APPS}
        assert ours <= allowed

    check_rows(FILES, check, named=lambda path: f"{path.parts[-3]}.{path.stem}")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_database_of_an_earlier_version_is_refused_with_what_to_do() -> None:
    app, name = BEFORE_0_2
    with as_owner():
        MigrationRecorder(connection).record_applied(app, name)
    try:
        with pytest.raises(CommandError, match=r"before 0\.2.*run --reset"):
            call_command("migrate", verbosity=0)
    finally:
        with as_owner():
            MigrationRecorder(connection).record_unapplied(app, name)
    call_command("migrate", verbosity=0)


def test_no_migration_has_a_name_by_which_an_earlier_version_is_known() -> None:
    assert BEFORE_0_2 not in {(path.parts[-3], path.stem) for path in FILES}
