"""The loop by telephone and API against the running product: asked by webhook, signed by key, done, told."""

import json
import os
import re
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from standins.phone.signature import signature
from tests.e2e.installation import Installation, running

pytestmark = pytest.mark.long
WITHIN = 60.0


class Desk:
    """Acme's number, its phones and its API, as a program of the company uses them."""

    def __init__(self, installation: Installation) -> None:
        self.tenant = installation.demo["tenants"][0]
        self.number = next(one for one in self.tenant["channels"] if one["kind"] == "whatsapp")
        self.base = installation.demo["urls"]["console"].removesuffix("admin/")
        self.phone = installation.demo["urls"]["phone"]
        self.mailbox = installation.demo["urls"]["mailbox"]
        self.member = f"whatsapp:{self.number['phones']['member']}"

    def api(self, path: str, body: Any = None) -> Any:
        """Call the API with the demo's key."""
        headers = {"Authorization": f"Bearer {self.tenant['api_key']}", "Content-Type": "application/json"}
        given = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}api/v1/{path}", given, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def write(self, body: str, sender: str = "") -> None:
        """Let a person write on the sandbox phone, which signs and posts."""
        note = {"account": self.number["account_sid"], "from": sender or self.member, "body": body}
        request = urllib.request.Request(  # noqa: S310
            f"{self.phone}__write", json.dumps(note).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            assert 200 <= json.load(answer)["status"] < 300

    def replies(self, to: str = "") -> list[str]:
        """Return what came to a person's phone, oldest first."""
        with urllib.request.urlopen(f"{self.phone}__view", timeout=10) as answer:  # noqa: S310
            accounts = json.load(answer)["accounts"]
        [ours] = [one for one in accounts if one["sid"] == self.number["account_sid"]]
        return [one["body"] for one in ours["messages"] if one["recipient"] == (to or self.member)]

    def mails(self, reference: str) -> list[dict[str, Any]]:
        """Return what came to the mailboxes about a request."""
        with urllib.request.urlopen(f"{self.mailbox}__view", timeout=10) as answer:  # noqa: S310
            return [one for one in json.load(answer)["mails"] if reference in one["subject"]]

    def post(self, form: dict[str, str]) -> tuple[int, bytes]:
        """Post a signed webhook as Twilio does; 0 when nobody answers."""
        headers = {"X-Twilio-Signature": signature(self.number["auth_token"], self.number["webhook_url"], form)}
        request = urllib.request.Request(self.number["webhook_url"], urlencode(form).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def message(self, body: str, sender: str) -> dict[str, str]:
        """Return the parameters of a message."""
        return {
            "MessageSid": f"SM{uuid4().hex}", "AccountSid": self.number["account_sid"], "From": sender,
            "To": f"whatsapp:{self.number['number']}", "Body": body, "NumMedia": "0", "SmsStatus": "received",
        }  # fmt: skip

    def talk_of(self, sender: str) -> dict[str, Any]:
        """Return the newest conversation of a sender."""
        [contact] = self.api("contacts/search/", {"q": sender.removeprefix("whatsapp:")})["results"]
        found: dict[str, Any] = self.api(f"conversations/?contact={contact['id']}")["results"][0]
        return found

    def introduced(self, sender: str) -> int:
        """Let a customer say hello on their phone, which opens the 24 hours there; returns the replies so far."""
        self.write("Hello", sender)
        eventually(lambda: self.replies(sender))
        time.sleep(2)  # what follows sooner would join the first message's run
        return len(self.replies(sender))


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


def eventually(check: Callable[[], Any], seconds: float = WITHIN) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.2)
    return found


def test_budget_asked_by_phone_is_signed_by_key_done_once_and_told(installation: Installation, desk: Desk) -> None:
    desk.write("Raise the daily budget of Brand Search to 910")
    asked = eventually(lambda: [text for text in desk.replies() if "BR-" in text])[-1]
    reference = re.findall(r"BR-\d+", asked)[0]
    [approval] = desk.api(f"approvals/?q={reference}")["results"]
    [mail, *_] = eventually(lambda: desk.mails(reference))
    assert f"/admin/hitl/approval/{approval['id']}/" in json.dumps(mail)
    signed = desk.api(f"approvals/{approval['id']}/approve/", {"digest": approval["digest"], "reason": "Fine."})
    assert signed["state"] in ("approved", "executing", "executed")
    eventually(lambda: [text for text in desk.replies() if reference in text and "910" in text and text != asked])
    effects = [one for one in installation.journal("sandbox-acme") if one["resource"] == "campaign/cam_1002"]
    assert [one["after"] for one in effects if one["after"] == {"daily_budget": "910.00"}] == [
        {"daily_budget": "910.00"}
    ]
    assert desk.api(f"approvals/{approval['id']}/")["state"] == "executed"


def test_fifty_copies_at_once_are_one_message_one_run_and_one_reply(desk: Desk) -> None:
    sender = "whatsapp:+447700900950"
    before = desk.introduced(sender)
    form = desk.message("What can you do for me?", sender)
    with ThreadPoolExecutor(25) as pool:
        answers = set(pool.map(lambda _: desk.post(form), range(50)))
    assert answers == {(200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>')}
    eventually(lambda: len(desk.replies(sender)) > before)
    time.sleep(5)  # long enough for a second run, had there been one
    talk = desk.talk_of(sender)
    messages = desk.api(f"conversations/{talk['id']}/messages/")["results"]
    assert [one["direction"] for one in messages] == ["in", "out", "in", "out"]
    runs = desk.api(f"agent-runs/?conversation={talk['id']}")["results"]
    assert (len(runs), len(desk.replies(sender))) == (2, before + 1)


def test_message_stored_while_the_worker_is_dead_is_answered_once(installation: Installation, desk: Desk) -> None:
    sender = "whatsapp:+447700900951"
    before = desk.introduced(sender)
    worker = installation.child("worker")
    os.killpg(os.getpgid(worker), signal.SIGKILL)
    assert desk.post(desk.message("Hello?", sender))[0] == 200
    eventually(lambda: len(desk.replies(sender)) > before)
    time.sleep(3)
    assert len(desk.replies(sender)) == before + 1


@pytest.fixture
def other() -> Iterator[Installation]:
    """An installation whose database may be stopped, in a folder that the database's own user can reach again."""
    with tempfile.TemporaryDirectory(prefix="walker-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with running(Path(folder) / "data") as started:
            yield started


def test_database_that_was_stopped_is_503_and_the_repeat_is_taken(other: Installation) -> None:
    desk = Desk(other)
    sender = "whatsapp:+447700900952"
    before = desk.introduced(sender)
    form = desk.message("Are you there?", sender)
    os.kill(other.child("postgres"), signal.SIGINT)
    statuses = []
    deadline = time.monotonic() + WITHIN
    while (not statuses or statuses[-1] != 200 or 503 not in statuses) and time.monotonic() < deadline:
        statuses.append(desk.post(form)[0])
        time.sleep(0.1)
    assert set(statuses) == {200, 503}
    assert desk.post(form)[0] == 200
    eventually(lambda: len(desk.replies(sender)) > before)
    messages = desk.api(f"conversations/{desk.talk_of(sender)['id']}/messages/")["results"]
    assert [one["direction"] for one in messages] == ["in", "out", "in", "out"]


def test_mail_whose_worker_was_killed_in_the_call_reaches_everybody_once(
    installation: Installation, desk: Desk
) -> None:
    step = {"match": "POST /v3", "do": "stall_after", "seconds": 6, "times": 1}
    script = urllib.request.Request(  # noqa: S310
        f"{desk.mailbox}__script", json.dumps(step).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(script, timeout=10).close()  # noqa: S310
    desk.write("Raise the daily budget of Retargeting to 515")
    asked = eventually(lambda: [text for text in desk.replies() if "BR-" in text and "515" in text])[-1]
    reference = re.findall(r"BR-\d+", asked)[0]
    eventually(lambda: desk.mails(reference))
    os.killpg(os.getpgid(installation.child("worker")), signal.SIGKILL)
    # Longer than the lease of a call and the sweep after it.
    time.sleep(170)
    reached = [mail["recipient"] for mail in desk.mails(reference)]
    assert len(reached) == len(set(reached)) > 1
