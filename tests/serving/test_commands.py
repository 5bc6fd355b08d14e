"""`walker serve` and `walker migrate`, for installations whose services run elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.launcher import cli, parts, serve
from config.launcher.faults import StartError

FOREIGN = ("DATABASE_", "REDIS_", "SECRET_KEY", "WALKER_")


def walker(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in an environment that has only what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    command = [sys.executable, "-m", "config.launcher", *words]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env={**kept, **more}, capture_output=True, text=True, check=False
    )


def test_each_process_is_started_by_its_name() -> None:
    for name in parts.NAMES:
        part = serve.part_of(cli.parse(["serve", name, "--port", "0"]))
        assert (part.name, part.settings) == (name, {"WALKER_PROCESS": name})


def test_workers_do_as_many_tasks_at_once_as_they_are_given() -> None:
    asked = [serve.part_of(cli.parse(["serve", "models", *more])) for more in ([], ["--at-once", "9"])]
    assert [part.arguments[part.arguments.index("-c") + 1] for part in asked] == ["4", "9"]


def test_process_without_an_environment_says_what_is_missing(tmp_path: Path) -> None:
    for words in (("serve", "beat"), ("migrate",)):
        said = walker(*words, "--data", str(tmp_path / "none"))
        assert (said.returncode, "set DATABASE_URL, REDIS_URL, SECRET_KEY and WALKER_KEYS" in said.stderr) == (1, True)


def test_secrets_come_from_files_and_a_missing_one_is_named(tmp_path: Path) -> None:
    said = walker("serve", "beat", "--data", str(tmp_path), DATABASE_URL_FILE=str(tmp_path / "gone"))
    assert (said.returncode, "DATABASE_URL_FILE names" in said.stderr) == (1, True)


def test_roles_are_only_made_for_the_names_that_the_product_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://walker_app:one@db.example/walker")
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://postgres:two@db.example/walker")
    with pytest.raises(StartError, match="DATABASE_OWNER_URL must name the role walker_owner"):
        serve.make_roles("postgresql://postgres:two@db.example/walker")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_waiting_ends_at_once_where_everything_is_applied_and_in_time_where_nothing_is(tmp_path: Path) -> None:
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    given = {name: os.environ[name] for name in ("REDIS_URL", "SECRET_KEY", "WALKER_KEYS")}
    wait = ("migrate", "--wait", "1", "--data", str(tmp_path))
    done = walker(*wait, DATABASE_URL=f"{base}/{connection.settings_dict['NAME']}", **given)
    assert (done.returncode, done.stderr) == (0, "")
    late = walker(*wait, DATABASE_URL=f"{base}/nowhere", **given)
    assert (late.returncode, "Run `walker migrate`" in late.stderr) == (1, True)
