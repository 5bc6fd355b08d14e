"""Recorded webhooks through the door: as they were, doubled and reordered."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.db import connection
from django.http import QueryDict

from channels_app.twilio.signature import Secrets, is_signed
from channels_app.webhooks import deliveries
from conversations import services
from conversations.channel_accounts import accounts
from conversations.messages import delivery
from conversations.models import ChannelAccount, Message
from conversations.services import Draft, Sender
from core.tenancy.scope import tenant_scope
from tests.channels_app.twilio.conftest import Door, post
from tests.conversations.conftest import (
    ScriptedTransport,
    transport,  # noqa: F401  (a fixture)
)
from tests.recordings import load, names
from tests.world import OPERATOR, World

PLACE = "twilio/webhooks-from-emulate"
USED = {*names(PLACE)}
STATUS = sorted(name.split("/")[-1][:3] for name in USED if name.endswith("-status.json"))
INBOUND = sorted(name.split("/")[-1].removesuffix("_inbound.json") for name in USED if "_inbound" in name)
SID = "AC00000000000000000000000000000000"


def recorded(name: str) -> dict[str, Any]:
    number, _, kind = name.partition("-")
    file = f"{number}-{kind}_inbound.json" if kind else f"{number}-status.json"
    found: dict[str, Any] = load(f"{PLACE}/{file}")
    return found


def form_of(sample: dict[str, Any]) -> dict[str, str]:
    return dict(parse_qsl(sample["webhook"]["raw_body"], keep_blank_values=True))


@pytest.mark.parametrize("name", [*STATUS, *INBOUND])
def test_recorded_signature_holds_for_the_recorded_address(name: str) -> None:
    sample = recorded(name)
    raw = sample["webhook"]["raw_body"].encode()
    facts = {"url": sample["signed_url"], "form": QueryDict(raw), "body": raw, "settings": ""}
    signature = sample["webhook"]["headers"]["X-Twilio-Signature"]
    assert is_signed(signature=signature, secrets=Secrets(tokens=(sample["auth_token"],)), **facts)


@pytest.fixture
def line(world: World) -> Door:
    """The numbers of the recordings, in a test of one connection."""
    return connect_both(world)


@pytest.fixture
def open_line(committed_world: World) -> Door:
    """The same in a test of several connections."""
    return connect_both(committed_world)


def connect_both(world: World) -> Door:
    """Connect the numbers of the recordings: one for text messages, one for WhatsApp."""
    account: ChannelAccount | None = None
    for kind, address in (("sms", "+15551234567"), ("whatsapp", "+14155238886")):
        with tenant_scope(world.acme.pk):
            account = accounts.connect_channel(
                actor=OPERATOR, kind=kind, provider="twilio", name=kind, address=address, provider_account=SID,
                credentials={"account_sid": SID, "auth_token": "twilio_test_auth_token"},
            )  # fmt: skip
    assert account is not None
    return Door(world, account)


def deliver(sample: dict[str, Any], path: str = "/channels/whatsapp/webhook/") -> int:
    return post(form_of(sample), path=path, token="twilio_test_auth_token").status_code


def test_recorded_messages_doubled_and_reordered_are_one_each(line: Door) -> None:
    samples = [recorded(name) for name in (*INBOUND, *reversed(INBOUND))]
    assert {deliver(sample) for sample in samples} == {200}
    deliveries.dispatch_due_deliveries()
    sids = {form_of(sample)["MessageSid"] for sample in samples}
    with line.inside():
        assert set(Message.objects.values_list("channel_message_id", flat=True)) == sids
        assert Message.objects.count() == len(sids)


def sent_message(line: Door) -> Message:
    """A message that Twilio has; the recordings report about it."""
    contact = {"From": "whatsapp:+15005550006", "To": "whatsapp:+14155238886", "AccountSid": SID, "Body": "hi"}
    post({**contact, "MessageSid": "SM1", "NumMedia": "0"}, token="twilio_test_auth_token")
    deliveries.dispatch_due_deliveries()
    conversation = Message.objects.get().conversation_id
    message = services.reply(
        actor=OPERATOR, conversation_id=conversation, draft=Draft(text="Hello", sender=Sender(type="system"))
    )
    delivery.deliver(message_id=message.pk)
    return message


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])))
def test_reports_in_any_order_and_doubled_end_at_the_furthest(
    line: Door,
    transport: type[ScriptedTransport],  # noqa: F811
    order: tuple[str, ...],
) -> None:
    samples = {form_of(recorded(name))["MessageStatus"]: recorded(name) for name in STATUS}
    kept = [samples[word] for word in order if word in samples]
    with line.inside():
        message = sent_message(line)
        for sample in (*kept, *kept):
            assert deliver(sample, f"/channels/whatsapp/status/{message.pk}/") == 200
        deliveries.dispatch_due_deliveries()
        message.refresh_from_db()
    assert message.status == ("read" if "read" in samples else "delivered")


def test_report_about_a_message_of_nobody_is_done(line: Door) -> None:
    assert deliver(recorded("003"), f"/channels/whatsapp/status/{line.account.pk}/") == 200
    deliveries.dispatch_due_deliveries()
    assert {row.state for row in line.rows()} == {"done"}


@pytest.mark.slow
def test_recorded_traffic_doubled_and_mixed_in_parallel_is_one_of_each(
    open_line: Door,
    transport: type[ScriptedTransport],  # noqa: F811
) -> None:
    with open_line.inside():
        message = sent_message(open_line)
    report = f"/channels/whatsapp/status/{message.pk}/"
    calls = [(recorded(name), "/channels/whatsapp/webhook/") for name in INBOUND]
    calls = [*calls, *((recorded(name), report) for name in STATUS)] * 3

    def send(call: tuple[dict[str, Any], str]) -> int:
        try:
            status = deliver(*call)
            deliveries.dispatch_due_deliveries()
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, calls[::-1])) == {200}
    deliveries.dispatch_due_deliveries()
    sids = {form_of(recorded(name))["MessageSid"] for name in INBOUND}
    with open_line.inside():
        came = Message.objects.filter(direction="in").exclude(channel_message_id="SM1")
        assert sorted(came.values_list("channel_message_id", flat=True)) == sorted(sids)
        message.refresh_from_db()
    # Reports have a line each and overtake one another: whichever end came first is the end.
    assert message.status in ("failed", "delivered", "read")
    assert {row.state for row in open_line.rows()} == {"done"}
