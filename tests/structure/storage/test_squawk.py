"""squawk judges the SQL of each `expand` migration."""

import json
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import migrations

from core.upgrades.kinds import kind_of, name_of
from tests.structure.storage.test_kinds import ours

pytestmark = [pytest.mark.long, pytest.mark.django_db]
LEFT_OUT: Final = {
    "require-lock-timeout": "`walker migrate` sets the limit itself, and tries again",
    "require-statement-timeout": "what locks has a limit, and a concurrent index takes as long as it takes",
    "require-concurrent-index-creation": "on new tables; on others our own judge asks for it",
    "adding-foreign-key-constraint": "a new column has no rows to compare, and our own judge lets no other through",
    "constraint-missing-not-valid": "the same",
    "prefer-text-field": "the models say how long values are, and a longer varchar rewrites nothing",
    "prefer-bigint-over-int": "numbers that stay small are small",
    "prefer-bigint-over-smallint": "the same",
    "prefer-identity": "Django makes keys",
    "prefer-robust-stmts": "each migration is one transaction with its record",
}
"""Rules that don't fit, each with the reason."""


def squawk() -> str:
    found = shutil.which("squawk", path=str(Path(sys.executable).parent)) or shutil.which("squawk")
    if found is None:
        pytest.skip("squawk isn't installed")
    return found


def problems(sql: str) -> list[str]:
    """Return what squawk says of statements."""
    command = [squawk(), "--reporter", "json", "--pg-version", "16", "--exclude", ",".join(LEFT_OUT)]
    command += ["--stdin-filepath", "migration.sql"]
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [f"{one['rule_name']} in line {one['line']}: {one['message']}" for one in found]


def test_sql_of_expand_migrations_is_fine() -> None:
    found = []
    judged: list[migrations.Migration] = [one for one, _ in ours() if kind_of(one) == "expand"]
    for migration in judged:
        said = StringIO()
        call_command("sqlmigrate", migration.app_label, migration.name, stdout=said)
        found += [f"{name_of(migration)}: {problem}" for problem in problems(said.getvalue())]
    assert judged
    assert found == []


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("alter table core_outbox add column more int not null;", "adding-required-field"),
        ("alter table core_outbox alter column attempts type bigint;", "changing-column-type"),
        ("alter table core_outbox rename column attempts to tries;", "renaming-column"),
    ],
)
def test_sql_that_stops_the_older_version_is_named(sql: str, rule: str) -> None:
    assert any(problem.startswith(rule) for problem in problems(sql)), problems(sql)
