"""Errors as a real Bugsink takes them: each one is an issue there, with its type, place, tags and release."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django import Settings

from core.observability.errors import events, receiver
from core.observability.logging import get_logger
from tests.conformance.conftest import serving, vendor_package
from tests.edge.ports import free_port

pytestmark = pytest.mark.long
BUGSINK = "bugsink==2.6.2"
KEY = uuid4().hex
SETTINGS = """
from bugsink.settings.default import *
from bugsink.settings.default import DATABASES

SECRET_KEY = "only for these tests, and long enough for Django's check of keys that are secret"
BASE_URL = "http://127.0.0.1:{port}"
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES["default"]["NAME"] = {database!r}
DATABASES["snappea"]["NAME"] = {queue!r}
SNAPPEA = {{"TASK_ALWAYS_EAGER": True, "NUM_WORKERS": 1}}
"""
MAKE_PROJECT = """
import sys
import django

django.setup()
from projects.models import Project

project = Project.objects.create(name="Walker", sentry_key=sys.argv[1])
print(project.pk)
"""
log = get_logger("tests.bugsink")


@pytest.fixture(scope="module")
def bugsink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A running Bugsink with one project: its DSN, and its database."""
    folder, port, package = tmp_path_factory.mktemp("bugsink"), free_port(), vendor_package(BUGSINK)
    database = folder / "db.sqlite3"
    said = SETTINGS.format(port=port, database=str(database), queue=str(folder / "queue.sqlite3"))
    (folder / "bugsink_conf.py").write_text(said)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "SENTRY"))}
    environment |= {"PYTHONPATH": f"{folder}:{package}", "DJANGO_SETTINGS_MODULE": "bugsink_conf"}

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=600, cwd=folder, env=environment
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run("-m", "django", "migrate", "--no-input")
    run("-m", "django", "migrate", "--no-input", "--database", "snappea")
    project = run("-c", MAKE_PROJECT, KEY).split()[-1]
    command = ["env", *(f"{name}={environment[name]}" for name in ("PYTHONPATH", "DJANGO_SETTINGS_MODULE"))]
    command += [sys.executable, "-m", "django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    with serving(command, f"http://127.0.0.1:{port}/", folder / "log"):
        yield f"http://{KEY}@127.0.0.1:{port}/{project}", database


def stored(database: Path, count: int) -> list[dict[str, object]]:
    """Return the events that Bugsink keeps, in their order, once there are so many."""
    until = time.monotonic() + 30
    with sqlite3.connect(database) as connection:
        while True:
            rows = connection.execute("select data from events_event order by digest_order").fetchall()
            if len(rows) >= count or time.monotonic() > until:
                return [json.loads(data) for (data,) in rows]
            time.sleep(0.2)


def test_errors_arrive_with_what_they_are_and_nothing_else(bugsink: tuple[str, Path], settings: Settings) -> None:
    dsn, database = bugsink
    settings.SENTRY_DSN, settings.COMMIT, settings.PROCESS = dsn, "0a1b2c3", "worker"
    receiver._begin()
    try:
        try:
            raise ValueError("Zbigniew Kowalczyk")
        except ValueError:
            log.exception("turn_failed", row=7)
        receiver.close()
    finally:
        receiver._begin()
    (event,) = stored(database, 1)
    assert event["tags"] == {"category": "application", "process": "worker"}
    assert event["release"] == events.release()
    assert "Zbigniew" not in database.read_bytes().decode("latin-1")
    with sqlite3.connect(database) as connection:
        assert connection.execute("select calculated_type, calculated_value from issues_issue").fetchall() == [
            ("ValueError", "turn_failed")
        ]


def test_wrong_key_is_told_by_the_test_error(bugsink: tuple[str, Path], settings: Settings) -> None:
    dsn, database = bugsink
    before = len(stored(database, 1))
    settings.SENTRY_DSN = dsn.replace(KEY, uuid4().hex)
    assert "not taken" in receiver.send_now(events.Fault("application", "test_error"))
    assert len(stored(database, before)) == before
