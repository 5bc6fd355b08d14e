"""The real sandbox mailbox as a process, bound to the product's own door."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from standins.mailbox import seed
from tests.edge.phone_fixture import SHARED
from tests.edge.standin_process import Process, end, launch

API_KEY = seed.api_key("acme", SHARED)
VERIFICATION_KEY = seed.verification_key("acme", SHARED)


@dataclass(frozen=True)
class Mailbox:
    """A running mailbox; the methods are what a test wants to do to it or know of it."""

    url: str
    process: Process

    def call(self, method: str, path: str, json: Any = None, *, key: str = "") -> httpx2.Response:
        """Make one request."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.request(method, self.url + path, json=json, headers=headers, trust_env=False, timeout=30)

    def view(self) -> dict[str, Any]:
        """Return what the mailbox has."""
        found: dict[str, Any] = self.call("GET", "/__view").json()
        return found

    def mails(self) -> list[dict[str, Any]]:
        """Return the mails, newest first."""
        found: list[dict[str, Any]] = self.view()["mails"]
        return found

    def fire(self, mail_id: str, kind: str, **more: Any) -> int:
        """Let something happen to a mail."""
        return self.call("POST", "/__fire", {"id": mail_id, "kind": kind, **more}).status_code

    def script(self, match: str, do: str, **rule: Any) -> None:
        """Make the next matching API requests go wrong."""
        assert self.call("POST", "/__script", {"match": match, "do": do, **rule}).status_code == 201

    def write(self, text: str, **more: Any) -> int:
        """Let a reader write to Acme, and return the status of the product's answer."""
        facts = {"account": "acme", "sender": "ana@customers.example", "name": "Ana", "text": text}
        answer = self.call("POST", "/__write", {**facts, **more})
        assert answer.status_code == 202, answer.text
        return int(answer.json()["status"])

    def behave(self, **wanted: Any) -> None:
        """Change how events travel."""
        assert self.call("POST", "/__behave", wanted).status_code == 200


def start_mailbox(folder: Path, public: str, door: str = "") -> Mailbox:
    """Start the process and wait until it says where it listens."""
    options = (f"--public={public}", f"--door={door}")
    return Mailbox(*launch("mailbox", folder, *options, SANDBOX_MAILBOX_TOKEN=SHARED))


@pytest.fixture
def mailbox(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Mailbox]:
    """A mailbox whose events go through the live server's door."""
    settings.PUBLIC_URL = live_server.url
    running = start_mailbox(tmp_path / "mailbox", live_server.url)
    settings.SENDGRID_API_BASE = running.url
    yield running
    end(running.process)
