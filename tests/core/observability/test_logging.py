"""Log lines hold ids and states, never personal data or a body."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from celery import shared_task

from core.errors import Conflict
from core.observability.logging import get_logger, logging_config

Lines = Callable[[], list[dict[str, Any]]]
log = get_logger("tests.log")


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What reaches the product's formatter at level INFO."""
    stream = io.StringIO()
    options = logging_config()["formatters"]["json"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=options["processors"], foreign_pre_chain=options["foreign_pre_chain"]
        )
    )
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def test_event_is_a_json_line_with_its_ids(lines: Lines) -> None:
    log.info("message_sent", message_id="m1", attempt=2)
    (line,) = lines()
    assert (line["event"], line["message_id"], line["attempt"]) == ("message_sent", "m1", 2)
    assert (line["level"], line["logger"]) == ("info", "tests.log")


def test_phone_and_email_in_values_come_out_masked(lines: Lines) -> None:
    log.info("x", a="jane.doe@example.com", b={"c": ["+44 20 7946 0958"]}, d=4111111111111111)
    (line,) = lines()
    assert (line["a"], line["b"], line["d"]) == ("j•••@e•••.com", {"c": ["+44 ••• ••58"]}, "card •••• 1111")


@pytest.mark.parametrize("key", ["body", "message", "text", "Payload", "token", "email", "password"])
def test_body_like_key_is_dropped(lines: Lines, key: str) -> None:
    log.info("x", **{key: "raise it", "nested": {key: "raise it", "id": "7"}})
    (line,) = lines()
    assert key not in line
    assert line["nested"] == {"id": "7"}


def test_line_of_a_library_is_masked(lines: Lines) -> None:
    logging.getLogger("some.library").warning("cannot reach %s", "jane.doe@example.com")
    assert lines()[0]["event"] == "cannot reach j•••@e•••.com"


@pytest.mark.parametrize("logger", [log, logging.getLogger("some.library")])
def test_exception_is_told_without_its_values(lines: Lines, logger: Any) -> None:
    try:
        raise ValueError("Key (email)=(Jane Doe, Elm Street) already exists")
    except ValueError:
        logger.exception("it_failed")
    (line,) = lines()
    assert "Elm Street" not in json.dumps(line)
    assert line["exception"][0] == "builtins.ValueError"
    assert "test_logging.py" in line["exception"][1]


def test_failed_task_is_told_without_what_celery_quotes(lines: Lines) -> None:
    @shared_task(name="tests.failing", ignore_result=True)
    def failing() -> None:
        raise ValueError("Jane Doe, Elm Street")

    failing.apply(throw=False)
    (line,) = lines()
    assert (line["event"], line["task"]) == ("task_failed", "tests.failing")
    assert "Elm Street" not in json.dumps(line)


def test_detail_of_our_own_error_is_kept(lines: Lines) -> None:
    try:
        raise Conflict("Somebody was faster.")
    except Conflict:
        log.exception("lost")
    assert lines()[0]["exception"][0] == "core.errors.Conflict: Somebody was faster."


def test_uuid_and_time_are_left_as_they_are(lines: Lines) -> None:
    log.info("x", id="018f3c2e-7b1a-7000-8000-012345678901", at="2026-11-21T10:30:00.123456+00:00")
    (line,) = lines()
    assert line["id"] == "018f3c2e-7b1a-7000-8000-012345678901"
    assert line["at"] == "2026-11-21T10:30:00.123456+00:00"
