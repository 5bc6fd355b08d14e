"""How checks of an installation are run: together, in time, each for itself, and what the command makes of them."""

import json
import threading
import time
import tomllib
from collections.abc import Callable
from io import StringIO
from types import FunctionType
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from config.launcher import cli, status
from config.launcher.place import ROOT
from core.installation import registry
from core.installation.registry import Check, Finding, failure, last_report, register, run_checks, warning, well
from core.observability import health
from core.observability.processes import VERSION
from tests.world import World

SECRET = "hunter2"


def checks(monkeypatch: pytest.MonkeyPatch, *looks: Callable[[], Finding], seconds: float = 1.0) -> None:
    """Let there be these checks alone."""
    named = {look.__name__: Check(look.__name__, look.__name__.title(), look, seconds) for look in looks}
    monkeypatch.setattr(registry, "_checks", named)


def good() -> Finding:
    return well("Fine.")


def doubtful() -> Finding:
    return warning("Hm.", "Look.")


def bad() -> Finding:
    return failure("No.", "Mend it.")


def raising() -> Finding:
    raise RuntimeError(SECRET)


def leaving() -> Finding:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select %s::int", [SECRET])
    return well("Never.")


def hanging() -> Finding:
    threading.Event().wait(3)
    return well("Late.")


def say(*words: str) -> tuple[int, str]:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", *words, stdout=out)
    return int(str(ended.value.code)), out.getvalue()


def test_check_that_raises_or_hangs_is_a_failure_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checks(monkeypatch, hanging, raising, good, bad, seconds=0.3)
    began = time.monotonic()
    report = run_checks()
    assert time.monotonic() - began < 2
    assert [(one.key, one.status) for one in report.results] == [
        ("hanging", "failure"), ("raising", "failure"), ("good", "ok"), ("bad", "failure"),
    ]  # fmt: skip
    assert report.results[1].text == "The check itself failed: RuntimeError."
    assert "no answer within" in report.results[0].text
    assert SECRET not in json.dumps(report.as_json()) + caplog.text


def test_checks_that_all_hang_end_with_the_time_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "WHOLE", 0.4)
    looks = [FunctionType(hanging.__code__, hanging.__globals__, f"hanging_{n}") for n in range(registry.AT_ONCE + 3)]
    checks(monkeypatch, *looks, seconds=2.0)
    began = time.monotonic()
    assert {one.status for one in run_checks().results} == {"failure"}
    assert time.monotonic() - began < 1.5


@pytest.mark.django_db(transaction=True)
def test_error_of_the_database_is_named_by_its_kind_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checks(monkeypatch, leaving)
    report = run_checks()
    assert report.results[0].text == "The check itself failed: DataError."
    assert SECRET not in json.dumps(report.as_json()) + caplog.text


@pytest.mark.parametrize(
    ("looks", "code", "worst"),
    [((good,), 0, "ok"), ((good, doubtful), 1, "warning"), ((bad, doubtful, good), 2, "failure")],
)
def test_exit_code_and_json_say_the_worst(
    monkeypatch: pytest.MonkeyPatch, looks: tuple[Callable[[], Finding], ...], code: int, worst: str
) -> None:
    checks(monkeypatch, *looks)
    ended, said = say("--json")
    told = json.loads(said)
    assert (status.DOCTOR_CODES.get(ended, 2), told["status"], told["version"]) == (code, worst, VERSION)
    assert [sorted(one) for one in told["checks"]] == [
        ["key", "next_step", "seconds", "status", "text", "title"] for _ in looks
    ]
    assert f"{sum(look is good for look in looks)} ok" in say()[1]


def test_words_for_people_have_the_next_step_below(monkeypatch: pytest.MonkeyPatch) -> None:
    checks(monkeypatch, doubtful)
    assert "WARNING Doubtful: Hm.\n        Look.\n" in say()[1]


def test_command_that_cannot_begin_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").touch()
    assert status.doctor(cli.parse(["doctor", "--json", "--data", str(tmp_path / "file")])) == 2
    assert status.DOCTOR_CODES.get(1, 2) == 2  # as Django ends when the settings can't be read


def test_report_is_kept_for_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    assert last_report() is None
    checks(monkeypatch, doubtful)
    report = run_checks()
    assert last_report() == report


def test_key_is_taken_once() -> None:
    first = registry.all_checks()[0]
    register(first)
    with pytest.raises(ValueError, match="already registered"):
        register(Check(first.key, "Another", good))


def test_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


@pytest.mark.slow
def test_all_checks_run_in_time_and_break_nowhere(committed_world: World) -> None:
    for part in ("worker", "beat", "web"):
        health.keep_beat(part)
    began = time.monotonic()
    report = run_checks()
    assert time.monotonic() - began < 15
    assert [one for one in report.results if "itself failed" in one.text or "no answer" in one.text] == []
    assert all(one.text.endswith(".") and (one.status == "ok") != bool(one.next_step) for one in report.results)
