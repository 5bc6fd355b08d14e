"""Errors reach the receiver with types and places, without a word of a person, and cost nothing when it is away."""

import logging
import os
import sys
import threading
import time
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import structlog
from celery import shared_task
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from config.launcher import cli
from core.errors import Unavailable
from core.jobs import dead_letters
from core.observability.errors import budget, receiver
from core.observability.errors.events import DEAD_JOB, FIELDS
from core.observability.errors.records import report_what_nobody_catches
from core.observability.logging import get_logger
from core.observability.processes import VERSION
from tests.core.observability.errors.conftest import Envelopes, Json
from tests.world import World

log = get_logger("tests.errors")
CANARIES = ("Zbigniew", "Kowalczyk", "Juniper", "Wilhelmina", "hunter2", "jane.doe")


def count(category: str, outcome: str) -> float:
    return float(receiver.ERRORS.labels(category, outcome)._value.get())


def fail(event: str, error: Exception | None = None, **facts: Any) -> None:
    try:
        raise error or ValueError("Wilhelmina, 4 Juniper Crescent")
    except Exception:
        log.exception(event, **facts)


def types_of(event: Json) -> list[str]:
    return [value["type"] for value in event["exception"]["values"]]


@pytest.fixture
def visitor(settings: Settings) -> Client:
    settings.ROOT_URLCONF = "tests.core.observability.errors.broken_pages"
    settings.SENTRY_ENVIRONMENT, settings.COMMIT, settings.PROCESS = "staging", "0a1b2c3", "web"
    return Client(raise_request_exception=False, headers={"User-Agent": "Kowalczyk", "Cookie": "token=hunter2"})


@pytest.mark.django_db
def test_no_canary_of_message_locals_address_header_body_or_sql_is_in_an_envelope(
    envelopes: Envelopes, visitor: Client
) -> None:
    with structlog.contextvars.bound_contextvars(request_id="0190-abc"):
        assert visitor.post("/people/Zbigniew/?q=Juniper", {"said": "Wilhelmina"}).status_code == 500
        assert visitor.post("/twice/Kowalczyk/?q=1", {"said": "Wilhelmina"}).status_code == 500
    first, second = envelopes.wait(2)
    assert [word for word in CANARIES if word.lower() in "".join(envelopes.raw).lower()] == []
    assert first.keys() <= FIELDS
    assert first["tags"] == {"category": "application", "process": "web", "request_id": "0190-abc"}
    assert (first["release"], first["environment"]) == (f"walker@{VERSION}+0a1b2c3", "staging")
    assert (first["transaction"], types_of(first)) == ("people/<str:name>/", ["ValueError"])
    *_, frame = first["exception"]["values"][0]["stacktrace"]["frames"]
    assert frame.keys() == {"filename", "lineno", "function", "module", "in_app"}
    assert (frame["filename"], frame["function"]) == ("observability/errors/broken_pages.py", "raising")
    # Causes come first, with what has a name of ours.
    assert types_of(second) == ["UniqueViolation", "IntegrityError", "Conflict"]
    assert second["exception"]["values"][0]["value"] == "23505 talk_name_once"
    assert second["exception"]["values"][2]["value"] == "Somebody was faster than j•••@e•••.com."


@pytest.mark.django_db
def test_error_of_task_socket_thread_or_loop_is_sent_under_a_name(
    envelopes: Envelopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What was there before, such as pytest's own, is called too.
    ended: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", ended.append)
    report_what_nobody_catches()

    @shared_task(name="tests.breaking", ignore_result=True)
    def breaking() -> None:
        raise KeyError("Zbigniew")

    def broken_thread() -> None:
        raise OSError("Juniper")

    breaking.apply(throw=False)
    problem = RuntimeError("Wilhelmina")
    logging.getLogger("daphne.server").error("Exception inside application: %s", problem, exc_info=problem)
    logging.getLogger("asyncio").error(f"never retrieved: {problem!r}", exc_info=problem)
    thread = threading.Thread(target=broken_thread)
    thread.start()
    thread.join()
    assert [type(one.exc_value) for one in ended] == [OSError]
    said: tuple[Any, ...] = ("Kowalczyk is away", "Kowalczyk", {"event": "Kowalczyk"})
    for line, text in enumerate(said):
        record = logging.LogRecord(f"library{line}", logging.ERROR, "/their/own/calls.py", 1, text, (), None, "ask")
        logging.getLogger("library").handle(record)
    logging.getLogger("some.library").error("Kowalczyk is away")
    events = envelopes.wait(8)
    assert [event["logentry"]["message"] for event in events[4:7]] == ["their/own/calls.py:ask"] * 3
    assert [event["logentry"]["message"] for event in events[:4]] == [
        "task_failed", "web_server_failed", "event_loop_failed", "thread_ended",
    ]  # fmt: skip
    assert events[0]["transaction"] == "tests.breaking"
    assert "test_reports.py:test_error_of_task" in events[7]["logentry"]["message"]
    assert [word for word in CANARIES if word in "".join(envelopes.raw)] == []


@pytest.mark.django_db
def test_what_people_do_wrong_and_what_others_have_down_is_counted_and_not_sent(
    envelopes: Envelopes, visitor: Client, settings: Settings, acme: World, django_capture_on_commit_callbacks: Any
) -> None:
    before = count("user", "counted"), count("integration", "counted")
    assert visitor.get("/refused/Zbigniew/").status_code == 403
    assert count("user", "counted") - before[0] == 1
    settings.ROOT_URLCONF = "config.urls"
    error = Unavailable("The service is away.")
    away: dict[str, Any] = {"__name__": "integrations.mail.providers.smtp"}
    exec("def call(error): raise error", away)  # noqa: S102  (a place in that module)
    try:
        away["call"](error)
    except Unavailable:
        log.exception("mail_failed")
    assert count("integration", "counted") == before[1] + 1
    with django_capture_on_commit_callbacks(execute=True):
        dead_letters.park(kind="hitl.execution", ref=uuid4(), error="Zbigniew is away")
    (event,) = envelopes.wait(1)
    assert event["logentry"]["message"] == DEAD_JOB
    assert (event["tags"]["category"], event["extra"]["kind"]) == ("integration", "hitl.execution")
    assert "Zbigniew" not in envelopes.raw[-1]


def test_error_in_a_loop_is_sent_once_and_then_with_how_often_it_came(
    envelopes: Envelopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = count("application", "held_back")
    for number in range(500):
        fail("turn_failed", row=number)
    envelopes.wait(1)
    assert count("application", "held_back") == before + 499
    monkeypatch.setattr(budget, "AGAIN_AFTER", 0.0)
    fail("turn_failed", row=500)
    assert envelopes.wait(2)[1]["extra"] == {"row": 500, "held_back": 499}


def test_budget_forgets_old_kinds_and_has_an_end_for_all_together() -> None:
    made = budget.Budget()
    taken = [made.take(f"kind {number}", float(number)) for number in range(3 * budget.KEPT)]
    assert len(made.kinds) == budget.KEPT
    assert taken[: budget.AT_MOST + 1] == [0] * budget.AT_MOST + [None]
    assert sum(one is not None for one in taken) == budget.AT_MOST * 3 * budget.KEPT / budget.MINUTE
    # What was never sent is no different from a new one.
    assert made.take("kind 1499", 1530.0) == 1


@pytest.mark.slow
def test_receiver_that_hangs_costs_no_time_and_what_it_missed_is_counted(
    envelopes: Envelopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelopes.hangs = True
    monkeypatch.setattr(budget, "AT_MOST", 1000)
    before, began = count("", "dropped"), time.monotonic()
    for number in range(300):
        fail(f"turn_{number}_failed")
    logged = time.monotonic() - began
    assert count("", "dropped") - before >= 300 - receiver.QUEUE - 2
    began = time.monotonic()
    receiver.close()
    assert time.monotonic() - began < receiver.AT_THE_END + 1
    assert logged < 3


@pytest.mark.parametrize(
    ("status", "code", "word"), [(200, 0, "taken by 127"), (429, 2, "status_429"), (500, 2, "500")]
)
def test_test_error_says_what_the_receiver_answered(envelopes: Envelopes, status: int, code: int, word: str) -> None:
    envelopes.status = status
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--send-test-error", stdout=out)
    assert (ended.value.code, word in out.getvalue()) == (code, True)
    assert envelopes.wait(1)[0]["logentry"]["message"] == "test_error"
    assert (receiver.last_sent() is None) == (status != 200)
    assert cli.parse(["doctor", "--send-test-error"]).send_test_error


def test_child_of_a_worker_sends_its_own_errors(envelopes: Envelopes) -> None:
    fail("parent_failed")
    envelopes.wait(1)
    holder = threading.Thread(target=receiver._here.lock.acquire)  # as another thread may at the fork
    holder.start()
    holder.join()
    child = os.fork()
    if child == 0:
        try:
            fail("child_failed")
            receiver.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert [event["logentry"]["message"] for event in envelopes.wait(2)] == ["parent_failed", "child_failed"]


def test_error_that_comes_while_its_own_thread_counts_another_does_not_wait_for_itself(envelopes: Envelopes) -> None:
    def count_another() -> None:
        with receiver._here.lock:  # where garbage is collected, and asyncio tells of a task
            fail("turn_failed")

    thread = threading.Thread(target=count_another, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    envelopes.wait(1)


def test_nothing_is_sent_or_loaded_without_an_address_or_its_library(
    envelopes: Envelopes, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dsn in ("", "Zbigniew", "http://127.0.0.1/1", "https://key@host:http/1", "https://key@host/"):
        settings.SENTRY_DSN = dsn
        assert (receiver.host(), receiver.is_on()) == ("", False)
        fail("turn_failed")
    settings.SENTRY_DSN = envelopes.dsn
    monkeypatch.setattr(receiver, "find_spec", lambda _: None)
    fail("turn_failed_again")
    assert receiver._here.client is None
    assert envelopes.events == []
