"""The real sandbox phone as a process, bound to the product's own door."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from standins.phone import seed
from tests.edge.standin_process import Process, end, launch

SHARED = "a secret of the tests"
ACME_SID = seed.account_sid("acme")
MEMBER, CUSTOMER = list(seed.CAST["acme"][2])


@dataclass(frozen=True)
class Phone:
    """A running phone; the methods are what a test wants to do to it or know of it."""

    url: str
    process: Process

    def call(self, method: str, path: str, json: Any = None) -> Any:
        """Make one control request."""
        answer = httpx2.request(method, self.url + path, json=json, trust_env=False, verify=False, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def write(self, body: str, *, sender: str = MEMBER, **more: Any) -> dict[str, Any]:
        """Let a person write to Acme."""
        found: dict[str, Any] = self.call(
            "POST", "/__write", {"account": ACME_SID, "from": sender, "body": body, **more}
        )
        return found

    def script(self, match: str, do: str, **rule: Any) -> None:
        """Make the next matching API requests go wrong."""
        self.call("POST", "/__script", {"match": match, "do": do, **rule})

    def behave(self, **wanted: Any) -> None:
        """Change how reports travel."""
        self.call("POST", "/__behave", wanted)

    def view(self) -> dict[str, Any]:
        """Return what Acme's account has seen."""
        accounts = self.call("GET", "/__view")["accounts"]
        found: dict[str, Any] = next(one for one in accounts if one["sid"] == ACME_SID)
        return found

    def replies(self, to: str = MEMBER) -> list[dict[str, Any]]:
        """Return what the product sent to a person, oldest first."""
        return [one for one in self.view()["messages"] if one["recipient"] == to]


def start_phone(folder: Path, public: str, door: str = "") -> Phone:
    """Start the process and wait until it says where it listens."""
    options = (f"--public={public}", f"--door={door}")
    return Phone(*launch("phone", folder, *options, SANDBOX_PHONE_TOKEN=SHARED))


def eventually(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until the check returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found or time.monotonic() > deadline:
            assert found, "it did not come about in time"
            return found
        time.sleep(0.05)


@pytest.fixture
def phone(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Phone]:
    """A phone whose webhooks go through the live server's door."""
    settings.PUBLIC_URL = live_server.url
    running = start_phone(tmp_path / "phone", live_server.url)
    settings.TWILIO_API_BASE = running.url
    yield running
    end(running.process)
