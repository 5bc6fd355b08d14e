"""Models and migrations say the same, and migrations hang on nothing that may change under them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.models.fields import NOT_PROVIDED

from tests.rows import check_rows
from tests.structure.source import APPS, ROOT

FILES = [path for name in APPS for path in sorted((ROOT / name / "migrations").glob("0*.py"))]
# Only the code that verifies a seal can make one; it reads the tables as they are at that migration.
SEALING = {
    "0010_seal_open_requests": (
        "core.actors",
        "core.tenancy.scope",
        "hitl.approvals.integrity.seals",
        "hitl.domain.state_machine",
    ),
    # As is only the code that masks the text of a request.
    "0014_search_requests": ("core.tenancy.scope", "hitl.approvals.models.search"),
    # A digest under a key that only the code which looks it up can make.
    "0036_find_accounts_by_provider_account": ("core.tenancy.scope", "conversations.channel_accounts.accounts"),
    "0019_seal_compliance_flags": ("core.actors", "core.tenancy.scope", "hitl.approvals.integrity.seals"),
}


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
        assert ours <= {*allowed, *SEALING.get(path.stem, ())}

    check_rows(FILES, check, named=lambda path: f"{path.parts[-3]}.{path.stem}")
