"""Out through Meta's API to the stand-in, and the statuses back through the webhook."""

import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from channels_app.kit import media
from channels_app.kit.phones import fallbacks
from channels_app.meta_whatsapp import read_marks
from channels_app.meta_whatsapp.transport import MetaTransport, content_of
from channels_app.webhooks import deliveries
from conversations import services
from conversations.mediums import WhatsApp
from conversations.messages import delivery, outbound
from conversations.messages.files.rules import Upload
from conversations.models import Attachment, ChannelAccount, Conversation, DeliveryAttempt, Message
from conversations.services import Draft, Sender
from conversations.types import OutboundMessage, SenderIdentity, explain_common
from core.clock import now
from core.errors import Invalid
from core.ids import uuid7
from core.jobs import queues
from core.models import Consent, ReplyWindow
from core.reach.gate import NotReachable
from integrations.media import LIMIT
from tests import files
from tests.channels_app.meta_whatsapp.conftest import NUMBER_ID, Door, Meta, change, status
from tests.edge.phone_fixture import eventually
from tests.world import OPERATOR

pytestmark = pytest.mark.slow

API = f"POST /v23.0/{NUMBER_ID}/messages"
LATER = timedelta(minutes=5)


@pytest.fixture
def inside(open_door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """The number, in its tenant's scope; read marks are not queued to a broker."""
    monkeypatch.setattr(read_marks, "_enqueue", lambda _: None)
    with open_door.inside():
        yield open_door


def arrived(meta: Meta) -> Conversation:
    assert meta.write("Where is my parcel?")["status"] == 200
    deliveries.dispatch_due_deliveries()
    return Conversation.objects.get()


def answer(text: str, conversation: Conversation, **more: Any) -> Message:
    draft = Draft(text=text, sender=Sender(type="system"), **more)
    message = services.reply(actor=OPERATOR, conversation_id=conversation.pk, draft=draft)
    delivery.deliver(message_id=message.pk)
    message.refresh_from_db()
    return message


def status_of(message: Message) -> str:
    deliveries.dispatch_due_deliveries()
    return str(Message.objects.values_list("status", flat=True).get(pk=message.pk))


@pytest.mark.parametrize("how", [{}, {"reversed": True, "copies": 2}, {"early": True}])
def test_answer_arrives_and_its_ticks_come_back_in_any_order(inside: Door, meta: Meta, how: dict[str, Any]) -> None:
    conversation = arrived(meta)
    meta.call("/__behave", how)
    message = answer("It is on its way 😀", conversation)
    assert message.channel_message_id.startswith("wamid.")
    assert DeliveryAttempt.objects.get().http_status == 200
    assert [reply["body"] for reply in meta.replies()] == ["It is on its way 😀"]
    eventually(lambda: status_of(message) == "delivered")
    meta.call("/__read", {"account": NUMBER_ID})
    eventually(lambda: status_of(message) == "read")


def test_choices_are_buttons_then_a_list_then_lines(inside: Door, meta: Meta) -> None:
    conversation = arrived(meta)
    for count in (2, 5, 12):
        choices = [{"id": f"c{number}", "title": f"Choice {number}"} for number in range(count)]
        assert answer(f"Pick of {count}", conversation, metadata={"choices": choices}).status == "sent"
    kinds = [reply["more"]["content"]["type"] for reply in meta.replies()]
    assert kinds == ["interactive", "interactive", "text"]
    assert "12. Choice 11" in meta.replies()[-1]["body"]


def test_outside_the_window_a_template_goes_out_with_language_policy(inside: Door, meta: Meta) -> None:
    conversation = arrived(meta)
    ReplyWindow.objects.update(wrote_at=now() - timedelta(hours=24))
    message = answer("Two\nlines", conversation)
    [reply] = meta.replies()
    assert (message.status, reply["body"]) == ("sent", "News about your request: Two lines")
    language = reply["more"]["content"]["template"]["language"]
    assert language == {"code": "en", "policy": "deterministic"}


def test_window_that_meta_sees_closed_sends_the_template_after_all(inside: Door, meta: Meta) -> None:
    conversation = arrived(meta)
    meta.call("/__behave", {"hours_later": 25})
    message = answer("Hello", conversation)
    eventually(lambda: status_of(message) == "failed")
    assert DeliveryAttempt.objects.get(message=message).error == "131047"
    assert fallbacks.send_fallback(message.pk) == "template"
    again = Message.objects.filter(direction="out").latest("seq")
    assert delivery.deliver(message_id=again.pk) == "sent"


@pytest.mark.parametrize(
    ("rule", "behaviour", "status", "error", "waits"),
    [
        ({"do": "429", "retry_after": 77}, {}, "sending", "429", 77),
        ({"do": "fail", "status": 500}, {}, "sending", "500", 30),
        ({"do": "drop_after"}, {}, "sending", "connection_lost", 30),
        ({}, {"token_expired": True}, "failed", "190", 0),
    ],
)
def test_each_refusal_is_retried_or_final_as_its_code_says(
    inside: Door, meta: Meta, rule: dict[str, Any], behaviour: dict[str, Any], status: str, error: str, waits: int
) -> None:
    conversation = arrived(meta)
    meta.call("/__behave", {"wait": 5, **behaviour})
    if rule:
        meta.call("/__script", {"match": API, **rule})
    message = answer("Hello", conversation)
    assert message.status == status
    assert DeliveryAttempt.objects.get(message=message).error == error
    if waits:
        assert message.next_attempt_at is not None
        assert waits - 5 < (message.next_attempt_at - now()).total_seconds() < waits + 5
    assert (ChannelAccount.objects.get().last_error == "190") == (error == "190")


def test_lost_answer_is_settled_by_the_status_and_not_sent_twice(inside: Door, meta: Meta) -> None:
    conversation = arrived(meta)
    meta.call("/__script", {"match": API, "do": "drop_after"})
    message = answer("Only once", conversation)
    assert message.status == "sending"
    eventually(lambda: status_of(message) == "delivered")
    assert delivery.deliver(message_id=message.pk, now=now() + LATER) == ""
    assert len(meta.replies()) == 1


def test_file_is_fetched_by_its_id(inside: Door, meta: Meta) -> None:
    picture = {"type": "image/png", "content": base64.b64encode(b"\x89PNG bytes").decode()}
    assert meta.write("Look", files=[picture])["status"] == 200
    deliveries.dispatch_due_deliveries()
    attachment = Attachment.objects.get()
    assert media.fetch(attachment.pk) == "stored"
    gone = {"type": "image", "image": {"id": "999999", "mime_type": "image/png"}}
    meta.write("", message=gone)
    deliveries.dispatch_due_deliveries()
    lost = Attachment.objects.exclude(pk=attachment.pk).get()
    assert media.fetch(lost.pk) == "failed"
    assert Message.objects.filter(direction="in").count() == 2


@pytest.mark.parametrize(
    ("wrong", "state", "error"),
    [
        ({"token_expired": True}, "failed", "190"),
        ({"media": {"url": "https://evil.example/file"}}, "failed", "strange_address"),
        ({"media": {"url": "http://127.0.0.1:PORT/file"}}, "failed", "strange_address"),
        ({"media": {"url": "https://[bad/file"}}, "failed", "strange_address"),
        ({"media": {"file_size": LIMIT + 1}}, "failed", "too_large"),
        ({"media": {"sha256": "0" * 64}}, "pending", "digest_differs"),
        ({"match": "GET /files/", "do": "fail", "status": 401}, "failed", "status_401"),
    ],
)
def test_file_that_meta_refuses_or_describes_falsely_is_not_kept_and_no_token_goes_elsewhere(
    inside: Door, meta: Meta, wrong: dict[str, Any], state: str, error: str
) -> None:
    picture = {"type": "image/png", "content": base64.b64encode(files.png()).decode()}
    meta.write("Look", files=[picture])
    deliveries.dispatch_due_deliveries()
    attachment = Attachment.objects.get()
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0)
        port = str(elsewhere.getsockname()[1])
        behaviour = json.loads(json.dumps(wrong).replace("PORT", port))
        meta.call("/__script" if "do" in wrong else "/__behave", behaviour)
        assert media.fetch(attachment.pk) == state
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    attachment.refresh_from_db()
    assert (attachment.error, attachment.content) == (error, None)


HIDDEN = "GB.13491208655302741918"


def test_somebody_without_a_number_is_answered_by_meta_s_id(inside: Door, meta: Meta) -> None:
    assert meta.write("Where is my parcel?", **{"from": HIDDEN})["status"] == 200
    deliveries.dispatch_due_deliveries()
    conversation = Conversation.objects.get()
    message = answer("It is on its way", conversation, files=[VOICE])
    assert message.status == "sent"
    eventually(lambda: status_of(message) == "delivered")
    ReplyWindow.objects.update(wrote_at=now() - timedelta(hours=24))
    assert answer("And there", conversation).status == "sent"
    sent = [one["more"]["content"] for one in meta.replies(HIDDEN)]
    assert [one["type"] for one in sent] == ["text", "audio", "template"]
    assert {(one.get("to"), one["recipient"]) for one in sent} == {(None, HIDDEN)}
    meta.call("/__behave", {"fail_with": 131026})
    lost = answer("Still there?", conversation)
    eventually(lambda: status_of(lost) == "failed")
    with pytest.raises(NotReachable):
        answer("Hello?", conversation, purpose=Consent.Purpose.MARKETING)


def bodies(meta: Meta) -> list[tuple[str, str, str]]:
    """Return type, text and file's name of what the product sent."""
    sent = [(reply["more"]["content"], reply) for reply in meta.replies()]
    return [
        (content["type"], reply["body"], "".join(file["name"] for file in reply["more"]["files"]))
        for content, reply in sent
    ]


PICTURE, PAPER, VOICE = (
    Upload("photo.png", files.png(30, 20)), Upload("Ünser offer.pdf", files.PDF), Upload("note.ogg", files.OGG)
)  # fmt: skip


def test_files_are_uploaded_and_leave_as_messages_of_their_kind(inside: Door, meta: Meta) -> None:
    conversation = arrived(meta)
    message = answer("Here you are", conversation, files=[PICTURE, PAPER])
    assert message.status == "sent"
    assert bodies(meta) == [("image", "Here you are", ""), ("document", "", "Ünser offer.pdf")]
    [photo] = meta.replies()[0]["more"]["files"]
    assert (photo["type"], photo["digest"]) == ("image/png", hashlib.sha256(PICTURE.content).hexdigest())
    eventually(lambda: status_of(message) == "delivered")
    # A recording has no caption, and a long text doesn't fit one.
    answer("Listen", conversation, files=[VOICE])
    answer("x" * 1025, conversation, files=[PAPER])
    assert [kind for kind, *_ in bodies(meta)[2:]] == ["text", "audio", "text", "document"]
    with pytest.raises(Invalid, match="can't carry"):
        answer("", conversation, files=[Upload("sound.wav", b"RIFF\x04\x00\x00\x00WAVEfmt ")])
    ReplyWindow.objects.update(wrote_at=now() - timedelta(hours=24))
    assert answer("Late", conversation, files=[PAPER]).status == "failed"


def test_repeated_attempt_uploads_and_sends_only_what_is_missing(inside: Door, meta: Meta) -> None:
    conversation = arrived(meta)
    # The first file leaves; the second one is uploaded, and its message refused for now.
    meta.call("/__behave", {"copies": 0})
    meta.call("/__script", {"match": API, "do": "stall", "seconds": 0})
    meta.call("/__script", {"match": API, "do": "fail", "status": 500})
    message = answer("", conversation, files=[PICTURE, PAPER])
    assert (message.status, len(meta.replies())) == ("sending", 1)
    uploaded = DeliveryAttempt.objects.get(message=message).parts["2"]["upload"]
    delivery.deliver(message_id=message.pk, now=now() + LATER)
    assert [kind for kind, *_ in bodies(meta)] == ["image", "document"]
    assert meta.replies()[1]["more"]["content"]["document"]["id"] == uploaded


def test_part_reported_as_sent_or_failed_is_kept_or_sent_again(inside: Door, meta: Meta) -> None:
    conversation = arrived(meta)
    meta.call("/__behave", {"copies": 0})
    meta.call("/__script", {"match": API, "do": "drop_after"})
    message = answer("", conversation, files=[PICTURE, PAPER])
    [lost] = meta.replies()
    data = lost["more"]["content"]["biz_opaque_callback_data"]
    inside.take(change(statuses=[status("delivered", lost["sid"], biz_opaque_callback_data=data)]))
    assert status_of(message) == "sending"  # one of two
    delivery.deliver(message_id=message.pk, now=now() + LATER)
    assert [kind for kind, *_ in bodies(meta)] == ["image", "document"]
    last = meta.replies()[1]
    errors = [{"code": 131053, "title": "Media upload error"}]
    data = last["more"]["content"]["biz_opaque_callback_data"]
    inside.take(change(statuses=[status("failed", last["sid"], biz_opaque_callback_data=data, errors=errors)]))
    assert status_of(message) == "failed"
    outbound.send_again(actor=inside.world.actor("support"), message_id=message.pk)
    delivery.deliver(message_id=message.pk)
    assert [kind for kind, *_ in bodies(meta)] == ["image", "document", "document"]
    first, second = (reply["more"]["content"]["document"]["id"] for reply in meta.replies()[1:])
    assert first != second


def test_read_mark_and_typing_reach_meta(open_door: Door, meta: Meta) -> None:
    with open_door.inside():
        arrived(meta)
        message = Message.objects.get()
        assert read_marks.show_reading(message.pk)
        rows = meta.call("/__view")["accounts"]
        states = [one["status"] for number in rows for one in number["messages"]]
        assert states == ["typing"]
        Conversation.objects.update(state="person")
        assert read_marks.show_reading(message.pk)
        Message.objects.update(channel_message_id="wamid.unknown")
        assert not read_marks.show_reading(message.pk)


def test_read_mark_is_asked_for_where_an_agent_answers_and_with_a_colleague_s_reply(
    open_door: Door, meta: Meta, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setitem(queues._tasks, "show_reading", lambda _, message_id: asked.append(message_id))
    with open_door.inside():
        conversation = arrived(meta)
        assert asked == [str(Message.objects.get().pk)]
        answer("An agent answers", conversation)
        assert len(asked) == 1
        services.hand_off(actor=OPERATOR, conversation_id=conversation.pk, reason="asked")
        meta.write("Is anybody there?")
        deliveries.dispatch_due_deliveries()
        assert len(asked) == 1
        answer("I am", conversation)
        assert asked[1:] == [str(Message.objects.filter(direction="in").latest("seq").pk)]


def test_content_never_breaks_the_medium_s_limits() -> None:
    def outbound(text: str, **metadata: Any) -> OutboundMessage:
        recipient = SenderIdentity(kind="phone", value="+34600123456")
        return OutboundMessage(uuid7(), uuid7(), uuid7(), "", {}, recipient, text, metadata=metadata)

    same = [{"title": "x" * 20 + "1"}, {"title": "x" * 20 + "2"}]
    for made in (
        outbound("x" * 1025, choices=[{"title": "A"}]), outbound("x", choices=same), outbound("x", choices=["no"]),
        outbound("x", choices=[]), outbound("x"),
    ):  # fmt: skip
        assert content_of(made, WhatsApp)["type"] == "text"
    assert MetaTransport.missing_for_activation({"app_secret": " "}) == "app_secret"


def test_failures_are_explained_in_words_with_what_to_do_and_meta_s_page() -> None:
    found = MetaTransport.explain("131026")
    assert found.reason == "The recipient can't be reached on WhatsApp."
    assert found.advice == "Check the number, or contact the customer another way."
    assert found.url.startswith("https://developers.facebook.com/")
    assert "token" in MetaTransport.explain("190").reason
    assert MetaTransport.explain("opted_out") == explain_common("opted_out")
    assert MetaTransport.explain("999999") == replace(explain_common("999999"), url=found.url)
