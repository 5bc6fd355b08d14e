"""The sandbox mailbox refuses as SendGrid does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.edge.mailbox_fixture import API_KEY, Mailbox, start_mailbox
from tests.edge.standin_process import end

GOOD: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "ana@customers.example"}]}],
    "from": {"email": "desk@acme.example"},
    "subject": "Hi",
    "content": [{"type": "text/plain", "value": "T"}],
    "custom_args": {"a": "b"},
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    """A mailbox without a product."""
    folder: Path = tmp_path_factory.mktemp("mailbox")
    running = start_mailbox(folder, "http://127.0.0.1:1")
    yield running
    end(running.process)


@pytest.mark.slow
def test_mail_is_taken_with_an_id_and_no_body(alone: Mailbox) -> None:
    answer = alone.call("POST", "/v3/mail/send", GOOD, key=API_KEY)
    assert (answer.status_code, answer.content) == (202, b"")
    assert alone.mails()[0]["id"] == answer.headers["X-Message-Id"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"from": {"email": "nope"}}, 400),
        ({"from": {"email": "other@acme.example"}}, 403),
        ({"subject": ""}, 400),
        ({"content": []}, 400),
        ({"personalizations": []}, 400),
        ({"custom_args": {"a": 1}}, 400),
        ({"categories": [str(number) for number in range(11)]}, 400),
        ({"unheard": 1}, 400),
    ],
)
def test_bad_request_is_refused_and_not_kept(alone: Mailbox, change: dict[str, Any], status: int) -> None:
    before = len(alone.mails())
    answer = alone.call("POST", "/v3/mail/send", {**GOOD, **change}, key=API_KEY)
    assert (answer.status_code, len(alone.mails())) == (status, before)
    assert set(answer.json()["errors"][0]) == {"message", "field", "help"}


def test_wrong_key_is_refused(alone: Mailbox) -> None:
    assert alone.call("POST", "/v3/mail/send", GOOD, key="SG.wrong").status_code == 401


def test_page_is_there_and_loads_nothing_from_elsewhere(alone: Mailbox) -> None:
    answer = alone.call("GET", "/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "://" not in answer.text.replace("http://127.0.0.1", "")


@pytest.mark.parametrize(
    ("name", "status"), [("localhost:1", 200), ("[::1]:1", 200), ("rebound.example", 421), ("", 421)]
)
def test_mails_are_shown_under_names_of_this_machine_only(alone: Mailbox, name: str, status: int) -> None:
    answer = httpx2.get(f"{alone.url}/__view", headers={"Host": name}, trust_env=False)
    assert answer.status_code == status
