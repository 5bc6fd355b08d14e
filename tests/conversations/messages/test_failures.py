"""Failed messages: why in words, tried again by themselves where that helps, and sent again by a person."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from conversations import services
from conversations.messages import delivery, outbound
from conversations.messages.selectors import messages
from conversations.messages.statuses import BACK_OFF
from conversations.models import DeliveryAttempt, Message
from conversations.services import Draft
from conversations.types import SendResult
from core.actors import Actor, system
from core.clock import now
from core.errors import Conflict, NotFound, Refused
from core.models import AuditEntry
from tests.conversations.conftest import AGENT, DOOR, ScriptedTransport, Shop

Script = type[ScriptedTransport]
REFUSED = SendResult(
    ok=False,
    error="21211",
    permanent=True,
    error_text="The 'To' number +34600123456 is not a valid phone number.",
    http_status=400,
)


@pytest.fixture
def queued(shop: Shop, transport: Script) -> Message:
    """A reply that waits for its transport."""
    return services.reply(actor=AGENT, conversation_id=shop.call().conversation_id, draft=Draft(text="Hello there"))


def fail(message: Message, transport: Script, result: SendResult = REFUSED) -> None:
    transport.answers = [result]
    assert delivery.deliver(message_id=message.pk) == "failed"


def report(message: Message, status: str, sid: str, **more: bool) -> bool:
    return services.record_status(
        actor=DOOR, message_id=message.pk, status=status, channel_message_id=sid, error="63018", **more
    )


def test_failure_is_kept_with_what_the_provider_said_masked(queued: Message, transport: Script) -> None:
    fail(queued, transport)
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.error, attempt.http_status) == ("21211", 400)
    assert attempt.error_text.startswith("The 'To' number")
    assert "600123456" not in attempt.error_text
    (row,) = messages.list_messages(viewer=system("tests"), conversation_id=queued.conversation_id, limit=1).rows
    assert row.failure is not None
    assert row.failure.reason
    assert row.failure.advice
    assert row.failure.text == attempt.error_text


def test_failed_message_is_sent_again_as_a_new_attempt(queued: Message, transport: Script, support: Actor) -> None:
    fail(queued, transport)
    again = outbound.send_again(actor=support, message_id=queued.pk)
    assert (again.pk, again.status) == (queued.pk, "queued")
    assert delivery.deliver(message_id=queued.pk) == "sent"
    assert list(DeliveryAttempt.objects.order_by("number").values_list("outcome", flat=True)) == ["failed", "succeeded"]
    assert AuditEntry.objects.filter(action="MESSAGE_SENT_AGAIN").count() == 1
    with pytest.raises(Conflict, match="didn't fail"):
        outbound.send_again(actor=support, message_id=queued.pk)


def test_send_again_needs_the_right_and_a_message_of_ours(
    queued: Message, transport: Script, support: Actor, viewer: Actor
) -> None:
    fail(queued, transport)
    with pytest.raises(Refused):
        outbound.send_again(actor=viewer, message_id=queued.pk)
    received = Message.objects.get(direction="in")
    for unknown in (uuid4(), received.pk):
        with pytest.raises(NotFound):
            outbound.send_again(actor=support, message_id=unknown)


@pytest.mark.parametrize("code", ["opted_out", "closed", "sent_otherwise"])
def test_send_again_is_refused_with_the_reason(
    queued: Message, transport: Script, support: Actor, shop: Shop, code: str
) -> None:
    from conversations.types import SenderIdentity

    fail(queued, transport)
    if code == "opted_out":
        sender = SenderIdentity(kind="phone", value="+34600123456", verified=True)
        services.block_point(actor=DOOR, sender=sender, channel="whatsapp", reason=code)
    elif code == "closed":
        services.close(actor=support, conversation_id=queued.conversation_id, resolved=True)
    else:
        copy: UUID = outbound.template_copy_id(queued.pk)
        draft = Draft(text="Hello there", client_id=copy)
        services.reply(actor=AGENT, conversation_id=queued.conversation_id, draft=draft)
    with pytest.raises(Conflict) as refusal:
        outbound.send_again(actor=support, message_id=queued.pk)
    assert refusal.value.code == code
    assert Message.objects.get(pk=queued.pk).status == "failed"


def test_rate_limit_that_is_reported_later_is_tried_again_with_back_off(queued: Message, transport: Script) -> None:
    transport.answers = [SendResult(ok=True, provider_id="SM1"), SendResult(ok=True, provider_id="SM2")]
    delivery.deliver(message_id=queued.pk)
    before = now()
    assert report(queued, "failed", "SM1", is_temporary=True)
    waiting = Message.objects.get(pk=queued.pk)
    assert waiting.status == "sending"
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at - before >= timedelta(seconds=BACK_OFF[0])
    # Repeated and late reports about the attempt that failed end nothing.
    assert not report(queued, "failed", "SM1", is_temporary=True)
    assert not report(queued, "sent", "SM1")
    assert delivery.deliver(message_id=queued.pk, now=now() + timedelta(minutes=1)) == "sent"
    assert report(queued, "delivered", "SM2")
    assert len(transport.sent) == 2


def test_rate_limit_that_is_reported_before_the_answer_is_stored_is_tried_again(
    queued: Message, transport: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    def early(self: ScriptedTransport, outbound: object) -> SendResult:
        report(queued, "failed", "SM1", is_temporary=True)
        return SendResult(ok=True, provider_id="SM1")

    with monkeypatch.context() as busy:
        busy.setattr(transport, "send", early)
        delivery.deliver(message_id=queued.pk)
    assert Message.objects.get(pk=queued.pk).status == "sending"
    assert delivery.deliver(message_id=queued.pk, now=now() + timedelta(minutes=1)) == "sent"


@pytest.mark.slow
def test_rate_limit_ends_after_the_last_attempt(queued: Message, transport: Script) -> None:
    for number in range(len(BACK_OFF) + 1):
        transport.answers = [SendResult(ok=True, provider_id=f"SM{number}")]
        delivery.deliver(message_id=queued.pk, now=now() + timedelta(hours=number))
        assert report(queued, "failed", f"SM{number}", is_temporary=True)
    assert Message.objects.get(pk=queued.pk).status == "failed"


@pytest.mark.slow
def test_console_shows_the_reason_and_sends_again(queued: Message, transport: Script, shop: Shop) -> None:
    fail(queued, transport)
    client = Client()
    client.force_login(shop.world.people["support"], backend="accounts.backends.RoleBackend")
    page = f"/admin/conversations/conversation/{queued.conversation_id}/"
    shown = client.get(page).content.decode()
    assert "Not delivered." in shown
    assert "Send again" in shown
    assert client.post(f"{page}send-again/", {"message": str(queued.pk)}).status_code == 302
    assert Message.objects.get(pk=queued.pk).status == "queued"
    assert client.post(f"{page}send-again/", {"message": str(queued.pk)}).status_code == 409
