"""What we send to SendGrid, judged by a validating server on the vendor's own description (Prism)."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.ids import uuid7
from integrations.mail.providers.sendgrid import SendGridSender
from integrations.mail.types import Accepted, Mail, Mailbox, Rejected
from tests.edge.ports import free_port

SPEC = Path(os.environ.get("WALKER_SPECS", "")) / "sendgrid_mail_v3.json"
PRISM = "@stoplight/prism-cli@5.14.2"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("WALKER_SPECS" not in os.environ or not SPEC.is_file(), reason="WALKER_SPECS names no folder"),
    pytest.mark.skipif(shutil.which("npx") is None, reason="npm is not installed"),
]


@pytest.fixture(scope="module")
def judge() -> Iterator[str]:
    """A validating server; npm fetches it at the first time."""
    port = free_port()
    command = ["npx", "--yes", "--package", PRISM, "prism", "mock", "-p", str(port), "-h", "127.0.0.1", "--errors"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # A group of its own: npx does not pass a signal on to what it started.
    process = subprocess.Popen([*command, str(SPEC)], start_new_session=True, **quiet)  # type: ignore[call-overload]
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and not _answers(url):
        time.sleep(0.5)
    yield url
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, trust_env=False)
    except httpx2.TransportError:
        return False
    return True


def _mail(**more: Any) -> Mail:
    facts = {"recipient": "ana@customers.example", "subject": "Grüße", "text": "T", "html": "<p>H</p>"}
    mailbox = Mailbox(more.pop("sender", "desk@acme.example"), "Acme Schühe")
    return Mail(uuid7(), "approval", mailbox, **{**facts, **more})


def _send(judge: str, mail: Mail) -> Any:
    return SendGridSender(base_url=judge, api_key="SG.fake", account=str(mail.delivery_id)).send(mail)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"html": ""},
        {"reply_to": "reply@acme.example", "headers": {"List-Unsubscribe": "<https://acme.example/u>"}},
        {"tracks_opens": True, "tracks_clicks": True},
    ],
)
def test_vendor_s_description_accepts_what_we_send(judge: str, more: dict[str, Any]) -> None:
    assert isinstance(_send(judge, _mail(**more)), Accepted)


def test_vendor_s_description_refuses_a_sender_that_is_none(judge: str) -> None:
    assert _send(judge, _mail(sender="nope")) == Rejected("400", permanent=True)
