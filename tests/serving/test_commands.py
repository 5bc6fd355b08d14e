"""`walker serve` and `walker migrate`, for installations whose services run elsewhere."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from config.launcher import cli, parts, ports, serve
from config.launcher.faults import StartError
from core.management.commands.migrate import ONE_MIGRATES

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
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://walker_owner:two@db.example/walker")
    with pytest.raises(StartError, match=r"can't be made through DATABASE_ADMIN_URL: .*refused") as told:
        serve.make_roles("postgresql://postgres:hidden@127.0.0.1:1/walker")
    assert "hidden" not in str(told.value)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_waiting_ends_at_once_where_everything_is_applied_and_in_time_where_nothing_is(tmp_path: Path) -> None:
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    given = {name: os.environ[name] for name in ("REDIS_URL", "SECRET_KEY", "WALKER_KEYS")}
    wait = ("migrate", "--wait", "1", "--data", str(tmp_path))
    done = walker(*wait, DATABASE_URL=f"{base}/{connection.settings_dict['NAME']}", **given)
    assert (done.returncode, done.stderr) == (0, "")
    late = walker(*wait, DATABASE_URL=f"{base}/nowhere", **given)
    assert late.returncode == 1
    assert re.search(r'database "nowhere" does not exist\s*\)\. Run `walker migrate`', late.stderr)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_migration_waits_for_another_one_and_a_signal_ends_it() -> None:
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    given = {**os.environ, "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}"}
    waiting = "select 1 from pg_locks where locktype = 'advisory' and classid = %s and not granted"
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s, 0)", [ONE_MIGRATES])
        try:
            second = subprocess.Popen(
                [sys.executable, "-m", "config.launcher", "migrate"], cwd=settings.BASE_DIR, env=given
            )
            until = time.monotonic() + 60
            is_waiting = None
            while not is_waiting:
                assert (second.poll(), time.monotonic() < until) == (None, True)
                time.sleep(0.1)
                cursor.execute(waiting, [ONE_MIGRATES])
                is_waiting = cursor.fetchone()
            second.send_signal(signal.SIGTERM)
            # Not by the signal itself, which the first process of a container wouldn't get.
            assert second.wait(10) == 130
        finally:
            cursor.execute("select pg_advisory_unlock(%s, 0)", [ONE_MIGRATES])


def test_process_counts_into_an_empty_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setenv("WALKER_METRICS_PORT", str(ports.pick()))
    found = serve.metrics_of(cli.parse(["serve", "worker"]))
    folder = Path(found["PROMETHEUS_MULTIPROC_DIR"])
    assert found["WALKER_METRICS_AT"] == f"127.0.0.1 {os.environ['WALKER_METRICS_PORT']}"
    (folder / "counter_1.db").write_bytes(b"of an earlier one")
    (folder / "note").touch()
    serve.metrics_of(cli.parse(["serve", "worker"]))
    assert ([file.name for file in folder.iterdir()], folder.parent) == (["note"], tmp_path)
    monkeypatch.delenv("WALKER_METRICS_PORT")
    assert serve.metrics_of(cli.parse(["serve", "worker"])) == {}
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    monkeypatch.setenv("WALKER_METRICS_HOST", "")
    usual = serve.metrics_of(cli.parse(["serve", "beat", "--metrics-port"]))
    assert usual["WALKER_METRICS_AT"] == "127.0.0.1 9204"
    shutil.rmtree(Path(usual["PROMETHEUS_MULTIPROC_DIR"]).parent)


def test_port_for_metrics_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        for words in (["beat", "--metrics-port", str(taken)], ["web", "--port", "8123", "--metrics-port", "8123"]):
            with pytest.raises(StartError, match=f"port {words[-1]} on 127.0.0.1 is taken"):
                serve.metrics_of(cli.parse(["serve", *words]))
    with pytest.raises(StartError, match="between 1 and 65535"):
        serve.metrics_of(cli.parse(["serve", "beat", "--metrics-port", "70000"]))
    monkeypatch.setenv("WALKER_METRICS_PORT", "many")
    with pytest.raises(StartError, match="WALKER_METRICS_PORT must be a number"):
        serve.metrics_of(cli.parse(["serve", "beat"]))
