"""Files to customers: by WhatsApp and MMS under signed addresses that live for minutes, and in the widget."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.test import Client

from channels_app.file_links import make_link
from channels_app.twilio.transport import Part
from channels_app.web_chat import files as widget_files
from channels_app.web_chat import tokens
from channels_app.web_chat.settings.limits import Bucket
from channels_app.webhooks import deliveries
from conversations import services
from conversations.messages import delivery
from conversations.messages.files.rules import Upload
from conversations.models import Attachment, ChannelAccount, Conversation, DeliveryAttempt, Message
from conversations.services import Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core import clock
from core.actors import system
from core.models import ReplyWindow
from core.tenancy.scope import tenant_scope
from tests import files
from tests.channels_app.twilio.conftest import OURS, Door
from tests.edge.phone_fixture import Phone, eventually
from tests.world import OPERATOR, World

API = "POST /2010-04-01"
PICTURE, PAPER = Upload("Ünser receipt.png", files.png(30, 20)), Upload("offer.pdf", files.PDF)


@pytest.fixture
def inside(open_door: Door) -> Iterator[Door]:
    """The door, in its tenant's scope."""
    with open_door.inside():
        yield open_door


def arrived(phone: Phone) -> Conversation:
    """Mia writes, and the message is processed."""
    assert phone.write("Can you send me the receipt?")["status"] == 200
    deliveries.dispatch_due_deliveries()
    return Conversation.objects.get()


def send(conversation: Conversation, *uploads: Upload, text: str = "") -> Message:
    message = services.reply(
        actor=OPERATOR,
        conversation_id=conversation.pk,
        draft=Draft(text=text, files=uploads, sender=Sender(type="system")),
    )
    delivery.deliver(message_id=message.pk)
    message.refresh_from_db()
    return message


def path_of(link: str) -> str:
    return link.removeprefix(str(django_settings.PUBLIC_URL))


@pytest.mark.slow
def test_files_leave_one_by_one_after_the_text_and_are_fetched_by_the_provider(inside: Door, phone: Phone) -> None:
    message = send(arrived(phone), PICTURE, PAPER, text="Here you are")
    assert message.status == "sent"
    sent = phone.replies()
    assert [one["body"] for one in sent] == ["Here you are", "", ""]
    fetched = [one["more"]["files"][0] for one in sent[1:]]
    assert [(each["type"], each["name"], each["digest"]) for each in fetched] == [
        ("image/png", "Unser-receipt.png", hashlib.sha256(PICTURE.content).hexdigest()),
        ("application/pdf", "offer.pdf", hashlib.sha256(PAPER.content).hexdigest()),
    ]

    def status() -> str:
        deliveries.dispatch_due_deliveries()
        return str(Message.objects.values_list("status", flat=True).get(pk=message.pk))

    eventually(lambda: status() == "delivered")


@pytest.mark.slow
def test_repeated_attempt_sends_only_the_files_that_did_not_leave(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    phone.script(API, "drop_after", times=1)
    message = send(conversation, PICTURE, PAPER)
    assert (message.status, len(phone.replies())) == ("sending", 1)
    DeliveryAttempt.objects.update(started_at=clock.now() - timedelta(minutes=1))
    delivery.deliver(message_id=message.pk, now=clock.now() + timedelta(minutes=5))
    assert [one["more"]["files"][0]["type"] for one in phone.replies()] == ["image/png", "application/pdf"]


@pytest.mark.slow
def test_file_after_the_window_is_not_sent_even_if_there_is_a_template(inside: Door, phone: Phone) -> None:
    conversation = arrived(phone)
    ReplyWindow.objects.update(wrote_at=clock.now() - timedelta(hours=25))
    message = send(conversation, PICTURE, text="Here you are")
    attempt = DeliveryAttempt.objects.get(message=message)
    assert (message.status, attempt.error, phone.replies()) == ("failed", "window_closed", [])


def test_parts_are_told_apart_by_their_text() -> None:
    assert Part("hello").is_in("hello")
    assert not Part("hello").is_in("")
    assert Part("", ("u",)).is_in("")
    assert not Part("", ("u",)).is_in("hello")


@pytest.mark.slow
def test_address_serves_one_file_of_one_message_for_ten_minutes(
    inside: Door, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = send(arrived(phone), PICTURE)
    file = Attachment.objects.get()
    path = path_of(make_link(message_id=message.pk, attachment_id=file.pk))
    strangers = [
        make_link(message_id=uuid4(), attachment_id=file.pk),
        make_link(message_id=message.pk, attachment_id=uuid4()),
        make_link(message_id=Message.objects.get(direction="in").pk, attachment_id=file.pk),
    ]
    with tenant_scope(inside.world.globex.pk):
        strangers.append(make_link(message_id=message.pk, attachment_id=file.pk))
    client = Client()
    answer = client.get(path)
    assert (answer.content, answer["Content-Type"]) == (PICTURE.content, "image/png")
    assert answer["Content-Disposition"] == 'inline; filename="Unser-receipt.png"'
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-store")
    head = client.head(path)
    assert (head.status_code, head["Content-Length"], head.content) == (200, str(len(PICTURE.content)), b"")
    for link in strangers:
        assert client.get(path_of(link)).status_code == 404
    for wrong in (path[:-2] + "x/", "/channels/files/x/", "/channels/files/" + "a" * 3000 + "/", "/channels/files/"):
        assert client.get(wrong).status_code == 404
    assert client.post(path).status_code == 405
    later = clock.now() + timedelta(minutes=10, seconds=1)
    monkeypatch.setattr("channels_app.file_links.now", lambda: later)
    assert client.get(path).status_code == 404


@pytest.mark.slow
def test_mms_takes_all_files_with_the_text_in_one_message(inside: Door, phone: Phone, monkeypatch: Any) -> None:
    from integrations.outcomes import Sent
    from integrations.twilio.client import TwilioClient

    calls: list[dict[str, Any]] = []

    def keep(self: Any, facts: dict[str, Any]) -> Sent:
        calls.append(facts)
        return Sent(f"SM{len(calls):032x}")

    monkeypatch.setattr(TwilioClient, "_create", keep)
    account = ChannelAccount.objects.get()
    line = ChannelAccount.objects.create(
        kind="sms", provider="twilio", name="SMS", address=OURS, credentials={**account.credentials, "mms": True}
    )
    asked = services.receive(
        actor=system("t"),
        inbound=InboundMessage(line.pk, SenderIdentity("phone", "+34600123456", verified=True), "Hi"),
    )
    message = send(Conversation.objects.get(pk=asked.conversation_id), PICTURE, PAPER, text="Both")
    ((call,), status) = calls, message.status
    assert (call["body"], len(call["media_url"]), status) == ("Both", 2, "sent")


@pytest.fixture
def visitor(committed_world: World) -> Iterator[tuple[ChannelAccount, str]]:
    """A widget, and the token of a visitor who has written there and got two files."""
    with tenant_scope(committed_world.acme.pk):
        widget = ChannelAccount.objects.create(
            kind="webchat", provider="widget", name="Chat", origins=["https://shop.example"]
        )
        yield widget, _token_of(widget, "one")


def _token_of(widget: ChannelAccount, who: str) -> str:
    moment = clock.now()
    guest = tokens.Guest(
        widget.tenant_id, widget.pk, "visitor", tokens.visitor_point(who), None, moment, moment + tokens.TOKEN_LIFE
    )
    inbound = InboundMessage(widget.pk, SenderIdentity("webchat", guest.point), "Hello")
    chat = services.receive(actor=system("t"), inbound=inbound).conversation_id
    services.reply(
        actor=OPERATOR, conversation_id=chat, draft=Draft(text="", files=[PICTURE, PAPER], sender=Sender(type="system"))
    )
    return tokens.issue(guest)


def test_visitor_gets_the_files_of_their_own_conversation_only(
    visitor: tuple[ChannelAccount, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    widget, token = visitor
    picture, paper = Attachment.objects.order_by("-content_type")
    other = _token_of(widget, "two")
    client = Client()

    def ask(file: Attachment, token: str, origin: str = "https://shop.example") -> Any:
        headers = {"authorization": f"Bearer {token}", "origin": origin}
        return client.get(f"/widget/v1/files/{file.pk}/", headers=headers)

    answer = ask(picture, token)
    assert (answer.content, answer["Content-Type"]) == (PICTURE.content, "image/png")
    assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "no-store")
    saved = ask(paper, token)
    assert (saved["Content-Type"], saved["Content-Disposition"]) == (
        "application/octet-stream",
        'attachment; filename="offer.pdf"',
    )
    assert ask(picture, other).status_code == 404
    assert ask(picture, token, "https://evil.example").status_code == 403
    assert ask(picture, "forged").status_code == 401
    assert client.get(f"/widget/v1/files/{picture.pk}/").status_code == 401
    preflight = client.options(f"/widget/v1/files/{picture.pk}/", headers={"origin": "https://shop.example"})
    assert (preflight.status_code, preflight["Access-Control-Allow-Headers"]) == (204, "authorization")
    ChannelAccount.objects.filter(pk=widget.pk).update(is_active=False)
    assert ask(picture, token).status_code == 401
    monkeypatch.setattr(widget_files.FileView, "per_visitor", Bucket(size=0, seconds=60))
    assert ask(picture, token).status_code == 429
