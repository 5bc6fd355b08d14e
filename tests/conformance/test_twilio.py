"""Our Twilio client and our door, judged by servers that nobody in this project wrote."""

import time
from typing import Any

import httpx2
import pytest

from channels_app.webhooks import deliveries, wake_worker
from conversations import services
from conversations.channel_accounts import accounts
from conversations.messages import delivery
from conversations.models import Message
from conversations.services import Draft, Sender
from core.tenancy.scope import tenant_scope
from integrations.outcomes import Failed, Sent
from integrations.twilio.client import TwilioClient
from tests.conformance.conftest import ACCOUNT, OURS, TOKEN
from tests.world import OPERATOR, World

pytestmark = pytest.mark.long
ANA = "whatsapp:+15005550006"
CALLBACK = "https://walker.example.com/channels/whatsapp/status/0197c5a0-0000-7000-8000-000000000000/?part=1-2"
TEMPLATE = "HX" + "0" * 32


def test_text_is_what_the_description_takes(prism: str) -> None:
    client = TwilioClient(ACCOUNT, TOKEN, base_url=prism)
    sent = client.send_text(sender=OURS, to=ANA, body="Olá 😀 & co=1", callback=CALLBACK)
    assert isinstance(sent, Sent)
    assert sent.message_id


def test_template_is_what_the_description_takes(prism: str) -> None:
    client = TwilioClient(ACCOUNT, TOKEN, base_url=prism)
    sent = client.send_template(
        sender=OURS, to=ANA, template_sid=TEMPLATE, variables={"1": "BR-1 is approved"}, callback=CALLBACK
    )
    assert isinstance(sent, Sent)


def test_list_is_what_the_description_takes(prism: str) -> None:
    """Only the request is judged: the answer that Prism makes up breaks the description, and it says 500."""
    client = TwilioClient(ACCOUNT, TOKEN, base_url=prism)
    assert not isinstance(client.list_sent(sender=OURS, to=ANA), Failed)


def test_description_is_really_enforced(prism: str) -> None:
    """What is refused here shows that the accepted ones were looked at."""
    client = TwilioClient("ACshort", TOKEN, base_url=prism)
    assert isinstance(client.send_text(sender=OURS, to=ANA, body="x", callback=""), Failed)
    client = TwilioClient(ACCOUNT, TOKEN, base_url=prism)
    assert isinstance(client.send_text(sender=OURS, to=ANA, body="x", callback="no address"), Failed)


def test_emulator_takes_keeps_and_lists_what_we_send(emulator: str) -> None:
    client = TwilioClient(ACCOUNT, TOKEN, base_url=emulator)
    sent = client.send_text(sender=OURS, to=ANA, body="Hello", callback=CALLBACK)
    listed = client.list_sent(sender=OURS, to=ANA)
    assert isinstance(sent, Sent)
    assert isinstance(listed, list)
    assert [(one.sid, one.body) for one in listed] == [(sent.message_id, "Hello")]


@pytest.mark.parametrize(
    ("given", "code"),
    [({"token": "wrong"}, "20003"), ({"sender": "whatsapp:+15550000000"}, "21606"), ({"to": ""}, "21604")],
)
def test_emulator_refuses_and_we_know_that_a_repeat_cannot_help(
    emulator: str, given: dict[str, str], code: str
) -> None:
    client = TwilioClient(ACCOUNT, given.get("token", TOKEN), base_url=emulator)
    outcome = client.send_text(sender=given.get("sender", OURS), to=given.get("to", ANA), body="Hello", callback="")
    assert isinstance(outcome, Failed)
    assert outcome.permanent
    assert outcome.code in (code, "21201", "21211")


@pytest.fixture
def line(committed_world: World, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Our number at the emulator, connected."""
    settings.PUBLIC_URL = live_server.url
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    with tenant_scope(committed_world.acme.pk):
        accounts.connect_channel(
            actor=OPERATOR, kind="whatsapp", provider="twilio", name="Line", address=OURS.removeprefix("whatsapp:"),
            provider_account=ACCOUNT, credentials={"account_sid": ACCOUNT, "auth_token": TOKEN},
        )  # fmt: skip
    return committed_world


def _simulate(emulator: str, what: str, **form: str) -> None:
    # The emulator answers once our door has answered it.
    how = {"auth": (ACCOUNT, TOKEN), "trust_env": False, "verify": False, "timeout": 30}
    answer = httpx2.post(f"{emulator}/_twilio/simulate/{what}", data=form, **how)
    assert answer.status_code < 300, answer.text


def _eventually(check: Any, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        deliveries.dispatch_due_deliveries()
        time.sleep(0.1)


def test_message_of_the_emulator_comes_in_and_its_reports_move_our_reply(
    line: World, emulator: str, settings: Any
) -> None:
    settings.TWILIO_API_BASE = emulator
    _simulate(emulator, "inbound-message", To=OURS, From=ANA, Body="Oi 😀 & co=1")
    with tenant_scope(line.acme.pk):
        _eventually(lambda: Message.objects.filter(direction="in").exists())
        asked = Message.objects.get()
        assert asked.body == "Oi 😀 & co=1"
        reply = services.reply(
            actor=OPERATOR, conversation_id=asked.conversation_id, draft=Draft(text="Olá", sender=Sender(type="system"))
        )
        assert delivery.deliver(message_id=reply.pk) == "sent"
        sid = Message.objects.values_list("channel_message_id", flat=True).get(pk=reply.pk)
        for status in ("delivered", "sent", "read"):
            _simulate(emulator, "message-status", MessageSid=sid, Status=status)
        _eventually(lambda: Message.objects.get(pk=reply.pk).status == "read")
