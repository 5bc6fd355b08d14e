"""What browsers report: from pages of ours, about scripts of ours, without a word of the page."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from redis import RedisError

from console.base import browser_errors
from core.observability.errors import budget, receiver
from core.observability.logging import get_logger
from tests.core.observability.errors.conftest import Envelopes
from tests.world import World

DOOR = "/browser-errors/"
GOOD: dict[str, Any] = {
    "file": "/static/console/live.0123456789ab.js",
    "line": 12,
    "column": 7,
    "name": "TypeError",
    "message": "Cannot read properties of null (reading 'textContent') of Zbigniew",
}


def post(client: Client, body: str | None = None, *, site: str | None = "same-origin", **given: Any) -> int:
    headers = {} if site is None else {"Sec-Fetch-Site": site}
    headers |= {name.replace("_", "-"): given.pop(name) for name in ("Origin", "Content_Length") if name in given}
    content = json.dumps({**GOOD, **given}) if body is None else body
    return client.post(DOOR, content, content_type="text/plain", headers=headers).status_code


@pytest.mark.django_db
def test_report_becomes_an_event_of_a_browser_without_words_of_the_page(envelopes: Envelopes) -> None:
    client = Client(enforce_csrf_checks=True)
    assert post(client) == 204
    assert post(client, file="/widget/v1/walker.js", name="Ada Lovelace", message="Unexpected token Z, Juniper") == 204
    assert post(client, site=None, Origin="http://testserver", line=13) == 204
    first, second, _ = envelopes.wait(3)
    (value,) = first["exception"]["values"]
    assert value["value"] == "Cannot read properties of null (reading 'textContent') of …"
    assert value["type"] == "TypeError"
    assert value["stacktrace"]["frames"][0]["filename"] == "console/live.js"
    assert (first["tags"]["process"], first["tags"]["category"]) == ("browser", "application")
    assert (first["platform"], first["extra"]) == ("javascript", {"column": 7})
    assert second["exception"]["values"][0]["type"] == "Error"
    assert [word for word in ("Zbigniew", "Juniper", "Ada", "Lovelace") if word in "".join(envelopes.raw)] == []


def test_words_of_the_script_itself_stay() -> None:
    assert browser_errors.mask("noPlace.checkVisibility is not a function", "console/at_once.js") == (
        "….checkVisibility is not a function"
    )


def test_no_character_ends_a_line_or_turns_text_round() -> None:
    said = 'not a function\n\r\x00\x1b[2J\x9b\u2028\u202e{"event": "sign_in"}\ud83d'
    assert browser_errors.mask(said, "console/live.js") == 'not a function…[……{"event": "…"}…'


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "given", "status"),
    [
        (None, {"site": "cross-site"}, 403),
        (None, {"site": "same-site"}, 403),
        (None, {"site": None}, 403),
        (None, {"site": None, "Origin": "https://evil.example"}, 403),
        (None, {"site": None, "Origin": "null"}, 403),
        (None, {"site": None, "Origin": "://testserver"}, 403),
        (None, {"site": None, "Origin": "http://["}, 403),
        (None, {"message": "x" * browser_errors.LONGEST}, 413),
        (None, {"message": "x" * browser_errors.LONGEST, "Content_Length": "0000000000002048"}, 413),
        ("", {}, 413),
        ("[1]", {}, 400),
        ("{", {}, 400),
        (json.dumps({"file": GOOD["file"]}), {}, 400),
        (None, {"line": "12"}, 400),
        (None, {"line": -1}, 400),
        (None, {"column": True}, 400),
        (None, {"line": 10**9}, 400),
        (None, {"message": ["x"]}, 400),
        (None, {"name": None}, 400),
        (None, {"file": "/admin/people/Zbigniew/"}, 400),
        (None, {"file": "/static/console/Zbigniew.js"}, 400),
        (None, {"file": "/static/../../etc/passwd"}, 400),
        (None, {"file": None}, 400),
    ],
)
def test_what_is_no_report_of_ours_is_refused(
    envelopes: Envelopes, body: str | None, given: dict[str, Any], status: int
) -> None:
    assert post(Client(), body, **given) == status
    assert Client().get(DOOR).status_code == 405
    receiver.close()
    assert envelopes.events == []


@pytest.mark.django_db
def test_reports_are_limited_by_address_by_session_and_in_total(
    envelopes: Envelopes, acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    assert [post(client, line=number) for number in range(12)] == [204] * 10 + [429] * 2
    assert post(Client(REMOTE_ADDR="203.0.113.9")) == 204
    monkeypatch.setattr(browser_errors, "OF_ONE", 1000)
    client.force_login(acme.people["viewer"])
    monkeypatch.setattr(browser_errors, "OF_ONE", 2)
    assert post(client) == 429  # the address had its share
    moved = Client(REMOTE_ADDR="203.0.113.10")
    moved.cookies = client.cookies
    assert [post(moved) for _ in range(2)] == [204, 429]  # and so has the session, which asked once from there
    monkeypatch.setattr(browser_errors, "OF_ONE", 1000)
    monkeypatch.setattr(browser_errors, "OF_ALL", 15)
    assert {post(Client(REMOTE_ADDR=f"203.0.113.{number}")) for number in range(10)} == {204, 429}

    def away(name: str, *, seconds: float) -> int:
        raise RedisError

    monkeypatch.setattr(browser_errors, "count_up", away)
    assert post(Client()) == 429


@pytest.mark.django_db
def test_reports_that_a_stranger_makes_up_hold_back_no_error_of_our_own(envelopes: Envelopes) -> None:
    for number in range(budget.AT_MOST + 5):
        assert post(Client(REMOTE_ADDR=f"203.0.113.{number}"), line=number) == 204
    get_logger(__name__).error("turn_failed")
    assert envelopes.wait(budget.AT_MOST + 1)[-1]["logentry"]["message"] == "turn_failed"


@pytest.mark.django_db
def test_without_a_receiver_reports_are_lines_of_the_log_under_the_same_limits(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SENTRY_DSN = ""
    receiver._begin()
    caplog.set_level("INFO")
    assert [post(Client()), post(Client())] == [204, 204]
    lines: list[Any] = [record.msg for record in caplog.records if record.name == "console.base.browser_errors"]
    assert [(line["event"], line["file"], line["line"]) for line in lines] == [("browser_error", "console/live.js", 12)]
    assert "Zbigniew" not in str(lines)
    receiver._begin()
