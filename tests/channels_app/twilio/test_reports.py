"""Reports about our messages: signed by the right account, about its own messages, in words that are known."""

import pytest

from channels_app.kit.found import forget
from channels_app.webhooks import deliveries
from conversations import services
from conversations.channel_accounts import accounts
from conversations.messages import delivery
from conversations.models import ChannelAccount, Message
from conversations.services import Draft, Sender
from core.tenancy.scope import tenant_scope
from tests.channels_app.twilio.conftest import SID, Door, fields, post
from tests.conversations.conftest import (
    ScriptedTransport,
    transport,  # noqa: F401  (a fixture)
)
from tests.world import OPERATOR

THEIRS = {"AccountSid": "AC" + "9" * 32, "From": "whatsapp:+447700900009"}


@pytest.fixture
def sent(door: Door, transport: type[ScriptedTransport]) -> Message:  # noqa: F811
    """An answer that the provider has."""
    door.take()
    with door.inside():
        conversation = Message.objects.get().conversation_id
        message = services.reply(
            actor=OPERATOR, conversation_id=conversation, draft=Draft(text="Hi", sender=Sender(type="system"))
        )
        delivery.deliver(message_id=message.pk)
    return message


def report(message: Message, word: str, *, signature: str | None = None, token: str = "", **more: str) -> int:
    """Post a report about the message, and work it."""
    form = {"MessageSid": "SM1", "AccountSid": SID, "From": fields()["To"], "To": fields()["From"], **more}
    how = {"token": token} if token else {}
    path = f"/channels/whatsapp/status/{message.pk}/"
    status = post({**form, "MessageStatus": word}, path=path, signature=signature, **how).status_code
    deliveries.dispatch_due_deliveries()
    return int(status)


def status_of(door: Door, message: Message) -> str:
    with door.inside():
        return str(Message.objects.get(pk=message.pk).status)


def test_repeated_and_late_reports_leave_what_was_read_read(door: Door, sent: Message) -> None:
    words = ["read", "read", "delivered", "sent", "failed", "undelivered", "queued"]
    assert {report(sent, word) for word in words} == {200}
    assert status_of(door, sent) == "read"


@pytest.mark.parametrize("signature", ["", "-", "AAAA", "not base64"])
def test_report_with_a_wrong_signature_changes_nothing(door: Door, sent: Message, signature: str) -> None:
    before = len(door.rows())
    assert report(sent, "failed", signature=signature) == 403
    assert (status_of(door, sent), len(door.rows())) == ("sent", before)


def test_report_of_another_tenant_about_our_message_changes_nothing(door: Door, sent: Message) -> None:
    with tenant_scope(door.world.globex.pk):
        account = accounts.connect_channel(
            actor=OPERATOR, kind="whatsapp", provider="twilio",
            name="Line", address=THEIRS["From"].removeprefix("whatsapp:"),
            provider_account=THEIRS["AccountSid"],
            credentials={"account_sid": THEIRS["AccountSid"], "auth_token": "theirs"},
        )  # fmt: skip
        assert ChannelAccount.objects.filter(pk=account.pk).exists()
    forget()
    assert report(sent, "failed", token="theirs", **THEIRS) == 200
    assert report(sent, "failed", token="theirs") == 403
    assert status_of(door, sent) == "sent"


@pytest.mark.parametrize("code", ["63018", "30001", "30022", "14107", "21611"])
def test_limit_that_twilio_reports_is_tried_again_with_its_words(door: Door, sent: Message, code: str) -> None:
    said = "Rate limit exceeded for +447700900123"
    assert report(sent, "undelivered", ErrorCode=code, ErrorMessage=said) == 200
    with door.inside():
        waiting = Message.objects.get(pk=sent.pk)
        assert (waiting.status, waiting.next_attempt_at is not None) == ("sending", True)
        attempt = waiting.attempts.get()
        assert (attempt.error, attempt.outcome, attempt.permanent) == (code, "failed", False)
        assert attempt.error_text.startswith("Rate limit exceeded for")
        assert "7700900123" not in attempt.error_text


@pytest.mark.parametrize("word", ["", "banana", "DELIVERED", "x" * 500, "receiving", "\x00", "é"])
def test_word_that_is_not_known_is_taken_and_changes_nothing(door: Door, sent: Message, word: str) -> None:
    assert report(sent, word) == 200
    assert status_of(door, sent) == "sent"
    assert {row.state for row in door.rows()} == {"done"}


def test_report_is_worked_once_however_often_it_comes(door: Door, sent: Message) -> None:
    before = len(door.rows())
    assert [report(sent, "delivered") for _ in range(3)] == [200] * 3
    assert (len(door.rows()), status_of(door, sent)) == (before + 1, "delivered")
