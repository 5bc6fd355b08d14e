"""Every kind of message and status, recorded and made up: once, doubled, reordered, in parallel, cut off."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from channels_app.webhooks import deliveries
from conversations import services
from conversations.contacts.admin.reach import blocks_of
from conversations.models import Attachment, ChannelAccount, Contact, ContactPoint, Conversation, Message
from conversations.services import Draft, Sender
from core.clock import now
from core.models import Consent
from core.reach import ledger
from core.tenancy.scope import tenant_scope
from tests.channels_app.meta_whatsapp.conftest import (
    ANA,
    CUSTOMER,
    NUMBER_ID,
    WROTE,
    Door,
    Meta,
    change,
    message,
    person,
    post,
    status,
    wrap,
)
from tests.world import OPERATOR

MEDIA = {"id": "123456", "mime_type": "image/jpeg; charset=x", "sha256": "0" * 64}
# (kind of message, its facts) -> (body, content type, what its metadata has)
KINDS: list[tuple[str, dict[str, Any], tuple[str, str, str]]] = [
    ("text", {"text": {"body": "Olá 😀"}}, ("Olá 😀", "text", "")),
    ("image", {"image": {**MEDIA, "caption": "My shoe"}}, ("My shoe", "image", "whatsapp")),
    ("video", {"video": {**MEDIA, "mime_type": "video/mp4"}}, ("", "video", "whatsapp")),
    ("audio", {"audio": {**MEDIA, "mime_type": "audio/ogg; codecs=opus"}}, ("", "audio", "whatsapp")),
    ("sticker", {"sticker": MEDIA}, ("", "image", "whatsapp")),
    ("document", {"document": {**MEDIA, "filename": "a.pdf"}}, ("", "document", "whatsapp")),
    ("image", {"image": {"caption": "gone"}}, ("gone", "text", "")),
    ("location", {"location": {"latitude": 1.5, "longitude": -2, "name": "Shop"}}, ("Shop (1.5, -2)", "location", "")),
    ("location", {"location": {}}, ("[location message]", "text", "")),
    (
        "contacts",
        {"contacts": [{"name": {"formatted_name": "Bo"}, "phones": [{"phone": "+34 1"}]}]},
        ("Bo: +34 1", "text", "whatsapp"),
    ),
    ("button", {"button": {"text": "Yes", "payload": "p1"}}, ("Yes", "interactive", "button")),
    (
        "interactive",
        {"interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Red"}}},
        ("Red", "interactive", "button"),
    ),
    (
        "interactive",
        {"interactive": {"type": "list_reply", "list_reply": {"id": "r2", "title": "Blue", "description": "d"}}},
        ("Blue", "interactive", "button"),
    ),
    (
        "interactive",
        {"interactive": {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": "{}"}}},
        ("Sent", "interactive", "button"),
    ),
    ("order", {"order": {"product_items": [{}, {}]}}, ("[order of 2 products]", "interactive", "whatsapp")),
    ("text", {"text": {"body": "re"}, "context": {"id": "wamid.q", "from": "1"}}, ("re", "text", "reply_to")),
    (
        "unsupported",
        {"errors": [{"code": 131051, "title": "Unsupported message type"}]},
        ("[unsupported message]", "text", "whatsapp"),
    ),
    ("something_new", {"something_new": {"x": 1}}, ("[something_new message]", "text", "whatsapp")),
]
SILENT = [
    {"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}},
    {"type": "ephemeral", "ephemeral": {}},
    {"type": "system", "system": {"type": "user_changed_number", "body": "changed"}},
    {"type": "request_welcome"},
    {"type": "edit", "edit": {"original_message_id": "wamid.x", "message": {}}},
    {"type": "revoke", "revoke": {"original_message_id": "wamid.x"}},
]


def kinds() -> list[dict[str, Any]]:
    return [message(number, type=kind, **facts) for number, (kind, facts, _) in enumerate(KINDS)]


def check_all(door: Door) -> None:
    """Assert that each message is there once, as its kind says."""
    with door.inside():
        found = {one.channel_message_id: one for one in Message.objects.all()}
        assert len(found) == len(KINDS)
        for number, (_, _, (body, content_type, known)) in enumerate(KINDS):
            one = found[f"wamid.{number:04d}"]
            assert (one.body, one.content_type) == (body, content_type)
            assert not known or known in one.metadata
        assert Contact.objects.count() == Conversation.objects.count() == 1
        assert found["wamid.0000"].sent_at == datetime.fromtimestamp(WROTE, UTC)
        assert {one.source for one in Attachment.objects.all()} == {"123456"}
        assert Attachment.objects.get(filename__isnull=False, content_type="video/mp4").source == "123456"
    assert {row.state for row in door.rows()} == {"done"}


@pytest.mark.slow
def test_every_kind_of_message_comes_in(door: Door) -> None:
    door.take(change(messages=kinds(), contacts=[person()]))
    check_all(door)
    with door.inside():
        pressed = Message.objects.get(channel_message_id="wamid.0012").metadata["button"]
        assert pressed == {"text": "Blue", "payload": "r2"}


@pytest.mark.slow
def test_doubled_and_reordered_posts_are_one_message_each(door: Door) -> None:
    rows = kinds()
    for found in (rows[::-1], rows, rows[::2] + rows):
        post(wrap(change(messages=found, contacts=[person()])))
        deliveries.dispatch_due_deliveries()
    check_all(door)


@pytest.mark.slow
def test_work_that_was_cut_off_is_done_again_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    post(wrap(change(messages=kinds(), contacts=[person()])))
    real = deliveries._handlers["cloud"]

    def dies_after(delivery: Any) -> None:
        real(delivery)
        raise OSError("the worker is gone")

    with monkeypatch.context() as broken:
        broken.setitem(deliveries._handlers, "cloud", dies_after)
        deliveries.dispatch_due_deliveries()
    with door.inside():
        from channels_app.models import InboundDelivery

        InboundDelivery.objects.update(due_at=now())
    for _ in KINDS:  # one retry of a person's line at a time
        deliveries.dispatch_due_deliveries()
        with door.inside():
            InboundDelivery.objects.update(due_at=now())
    check_all(door)


@pytest.mark.slow
def test_posts_in_parallel_are_one_message_each(open_door: Door) -> None:
    rows = kinds()

    def one(found: list[dict[str, Any]]) -> None:
        try:
            assert post(wrap(change(messages=found, contacts=[person()]))).status_code == 200
            deliveries.dispatch_due_deliveries()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, [rows, rows[::-1], rows[:9], rows[9:]]))
    deliveries.dispatch_due_deliveries()
    check_all(open_door)


def test_reactions_and_notes_of_the_system_make_no_contact(door: Door) -> None:
    silent = [message(number, **facts) for number, facts in enumerate(SILENT)]
    door.take(change(messages=silent, contacts=[person()]))
    echoes = [echo_of(number, **facts) for number, facts in enumerate(SILENT)]
    door.take(change("smb_message_echoes", message_echoes=echoes))
    assert len(door.rows()) == 2 * len(SILENT)
    with door.inside():
        assert not Contact.objects.exists()
        assert not Message.objects.exists()
    assert {row.state for row in door.rows()} == {"done"}


def test_sender_who_hides_their_number_is_known_by_meta_s_id_and_joined_later(door: Door) -> None:
    hidden = message(1, type="text", text={"body": "Hi"})
    del hidden["from"]
    who = {"profile": {"name": "Ana"}, "user_id": "ES.abc123", "username": "ana"}
    door.take(change(messages=[hidden], contacts=[who]))
    door.take(change(messages=[message(2)], contacts=[{**who, "wa_id": ANA}]))
    door.take(change(messages=[message(3)], contacts=[person()]))
    with door.inside():
        assert Contact.objects.count() == 1
        points = {(point.kind, point.value) for point in ContactPoint.objects.all()}
        assert points == {("bsuid", "ES.abc123"), ("phone", f"+{ANA}"), ("username", "ana")}
        # A name can be given up and taken by somebody else: it proves nothing.
        assert list(ContactPoint.objects.filter(is_verified=False).values_list("kind", flat=True)) == ["username"]
        assert Message.objects.count() == 3
    door.take(change(messages=[{**hidden, "id": "wamid.4"}], contacts=[{"user_id": "ES.new", "username": "ana"}]))
    with door.inside():
        assert Contact.objects.count() == 2


def test_stop_is_confirmed_and_gets_no_answer(door: Door) -> None:
    door.take(change(messages=[message(1, type="text", text={"body": "Stop!"})], contacts=[person()]))
    with door.inside():
        assert "Opted out of WhatsApp" in blocks()
        confirmed = Message.objects.get(direction="out")
        assert "unsubscribed" in confirmed.body


@pytest.mark.slow
def test_switch_for_marketing_stops_campaigns_only_until_it_is_set_back(open_door: Door, meta: Meta) -> None:
    def prefer(value: str) -> list[str]:
        asked = {"account": NUMBER_ID, "from": CUSTOMER, "value": value}
        assert meta.call("/__prefer", asked)["status"] == 200
        deliveries.dispatch_due_deliveries()
        with open_door.inside():
            return blocks()

    meta.write("Hello")
    deliveries.dispatch_due_deliveries()
    assert [prefer(value) for value in ("stop", "stop", "resume")] == [
        ["Opted out of marketing on WhatsApp"], ["Opted out of marketing on WhatsApp"], []
    ]  # fmt: skip
    with open_door.inside():
        states = Consent.objects.order_by("id").values_list("purpose", "state", "source")
        assert list(states) == [("marketing", "withdrawn", "provider"), ("marketing", "given", "provider")]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, ["Opted out of marketing on WhatsApp"]),
        ({"wa_id": None, "user_id": "ES.abc123"}, ["Opted out of marketing on WhatsApp"]),
        ({"timestamp": WROTE + 9_000_000}, ["Opted out of marketing on WhatsApp"]),
        ({"category": "something_new"}, []),
        ({"value": "maybe"}, []),
        ({"value": 5, "timestamp": {}}, []),
    ],
)
def test_switch_for_marketing_is_read_as_meta_sends_it(door: Door, changed: dict[str, Any], found: list[str]) -> None:
    facts = {"wa_id": ANA, "category": "marketing_messages", "value": "stop", "timestamp": WROTE + 5, **changed}
    who = {"user_id": "ES.abc123"} if "user_id" in changed else {"wa_id": ANA}
    sender = {"from_user_id": "ES.abc123"} if "user_id" in changed else {"from": ANA}
    wrote = {**message(1), **sender}
    if "user_id" in changed:
        del wrote["from"]
    door.take(change(messages=[wrote], contacts=[who]))
    door.take(change("user_preferences", user_preferences=[facts], contacts=[who]))
    assert {row.state for row in door.rows()} == {"done"}
    with door.inside():
        assert blocks() == found
        assert all(line.at <= now() for line in Consent.objects.all())


def test_rate_limit_that_meta_reports_is_tried_again_with_its_words(door: Door) -> None:
    mine = sent_message(door)
    errors = [{"code": 130429, "title": "Rate limit hit", "error_data": {"details": f"Too many to +{ANA}"}}]
    door.take(change(statuses=[status("failed", errors=errors)]))
    with door.inside():
        waiting = Message.objects.get(pk=mine.pk)
        assert (waiting.status, waiting.next_attempt_at is not None) == ("sending", True)
        attempt = waiting.attempts.get()
        assert (attempt.error, attempt.outcome, attempt.permanent) == ("130429", "failed", False)
        assert attempt.error_text.startswith("Rate limit hit: Too many to")
        assert ANA not in attempt.error_text


def test_echo_of_the_phone_is_stored_as_ours_once(door: Door) -> None:
    echo = echo_of(5, type="text", text={"body": "From my phone"})
    door.take(change(messages=[message(1)], contacts=[person()]))
    for _ in range(2):
        door.take(change("smb_message_echoes", message_echoes=[echo]))
    with door.inside():
        mine = Message.objects.get(direction="out")
        assert (mine.body, mine.status, mine.sender_type) == ("From my phone", "sent", "person")
        assert Conversation.objects.count() == 1
    with door.inside():  # and to somebody who never wrote
        Message.objects.all().delete()
    door.take(change("message_echoes", message_echoes=[{**echo, "id": "wamid.77", "to": "34600999999"}]))
    with door.inside():
        assert Contact.objects.count() == 2


def echo_of(number: int, **facts: Any) -> dict[str, Any]:
    """Return a message that was written on the business phone."""
    return {**message(number, sender="447700900011", **facts), "to": ANA}


def test_echo_is_an_answer_and_ends_the_wait_unless_it_is_older_than_the_question(door: Door) -> None:
    door.take(change(messages=[message(5)], contacts=[person()]))
    with door.inside():
        services.hand_off(actor=OPERATOR, conversation_id=Conversation.objects.get().pk, reason="asked")
        Conversation.objects.update(next_due_at=now())
    door.take(change("smb_message_echoes", message_echoes=[echo_of(4)]))
    with door.inside():
        waiting = Conversation.objects.get()
        assert waiting.waiting_since
        assert waiting.first_person_answered_at is None
    door.take(change("smb_message_echoes", message_echoes=[echo_of(6)]))
    with door.inside():
        answered = Conversation.objects.get()
        assert (answered.waiting_since, answered.next_due_at) == (None, None)
        assert answered.first_answered_at == answered.first_person_answered_at == answered.last_message_at


def test_file_of_an_echo_is_kept_like_a_customer_s(door: Door) -> None:
    sent = {"document": {"id": "777", "mime_type": "application/pdf", "filename": "offer.pdf"}}
    for _ in range(2):
        door.take(change("smb_message_echoes", message_echoes=[echo_of(1, type="document", **sent)]))
    with door.inside():
        mine, file = Message.objects.get(), Attachment.objects.get()
        assert (mine.body, mine.content_type, mine.media[0]["id"]) == ("", "document", str(file.pk))
        assert (file.message, file.source, file.state, file.filename) == (mine, "777", "pending", "offer.pdf")
        assert services.claim_attachment(attachment_id=file.pk)


def test_echo_to_somebody_without_a_number_is_theirs_by_meta_s_id(door: Door) -> None:
    hidden = {name: fact for name, fact in message(1).items() if name != "from"}
    door.take(change(messages=[hidden], contacts=[{"profile": {"name": "Ana"}, "user_id": "ES.abc123"}]))
    echo = {name: fact for name, fact in echo_of(2).items() if name != "to"}
    other = {"contacts": [{"user_id": "ES.other"}], "message_echoes": [{**echo, "id": "wamid.3"}]}
    door.take(change("smb_message_echoes", message_echoes=[{**echo, "to_user_id": "ES.abc123"}]))
    door.take(change("smb_message_echoes", **other), change("smb_message_echoes", message_echoes=[{**echo, "id": "w"}]))
    with door.inside():
        assert Conversation.objects.count() == Contact.objects.count() == 2
        first = Conversation.objects.get(messages__channel_message_id="wamid.0001")
        assert [one.direction for one in first.messages.order_by("seq")] == ["in", "out"]
    assert [row.state for row in door.rows()] == ["done", "done", "done", "parked"]


WORDS = ("sent", "delivered", "read")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 0, 1, 1, 2, 2), (2, 0, 1, 2)])
def test_statuses_in_any_order_and_doubled_end_read(door: Door, order: tuple[int, ...]) -> None:
    mine = sent_message(door)
    for number in order:
        door.take(change(statuses=[status(WORDS[number])]))
    assert status_of(door, mine) == "read"


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        (["played"], "read"), (["deleted"], "sent"), (["warning"], "sent"), ([""], "sent"), (["failed"], "failed"),
        (["failed", "delivered"], "failed"), (["delivered", "failed"], "delivered"), (["sent"], "sent"),
    ],
)  # fmt: skip
def test_each_status_ends_where_it_should(door: Door, words: list[str], ended: str) -> None:
    mine = sent_message(door)
    for word in words:
        door.take(change(statuses=[status(word)]))
    assert status_of(door, mine) == ended


@pytest.mark.parametrize(
    ("code", "trouble", "blocked"),
    [
        (131047, "", False),
        (131026, "", True),
        (131050, "", True),
        (190, "190", False),
        (131049, "", False),
        (999999, "", False),
    ],
)
def test_failure_names_its_code_and_who_is_at_fault(door: Door, code: int, trouble: str, blocked: bool) -> None:
    mine = sent_message(door)
    door.take(change(statuses=[status("failed", errors=[{"code": code, "title": "t"}])]))
    with door.inside():
        assert Message.objects.get(pk=mine.pk).attempts.get().error == str(code)
        assert ChannelAccount.objects.get().last_error == trouble
        assert bool(blocks()) == blocked


def test_somebody_without_a_number_who_can_t_be_reached_is_blocked_by_meta_s_id(door: Door) -> None:
    hidden = {name: fact for name, fact in message(1).items() if name != "from"}
    mine = sent_message(door, first=hidden, contact={"profile": {"name": "Ana"}, "user_id": "ES.abc123"})
    facts = {"recipient_id": "", "recipient_user_id": "ES.abc123", "errors": [{"code": 131026, "title": "t"}]}
    door.take(change(statuses=[status("failed", **facts)]))
    assert status_of(door, mine) == "failed"
    with door.inside():
        assert blocks() == ["Not reachable on WhatsApp"]


def test_status_that_overtakes_the_answer_finds_the_message_by_our_id(door: Door) -> None:
    mine = sent_message(door, message_id="")
    door.take(change(statuses=[status("delivered", "wamid.new", biz_opaque_callback_data=str(mine.pk))]))
    assert status_of(door, mine) == "delivered"
    door.take(change(statuses=[status("read", "wamid.none", biz_opaque_callback_data="no id"), status("read", "")]))
    assert status_of(door, mine) == "delivered"


def test_status_of_a_message_with_the_same_id_in_another_organisation_changes_nothing_there(door: Door) -> None:
    from tests.channels_app.meta_whatsapp.conftest import connect

    mine = sent_message(door)
    connect(door.world, "globex", app_secret="of Globex")
    theirs = wrap(change(statuses=[status("read", biz_opaque_callback_data=str(mine.pk))]))
    assert post(theirs, key="globex-meta", secret="of Globex").status_code == 200
    deliveries.dispatch_due_deliveries()
    assert status_of(door, mine) == "sent"
    with tenant_scope(door.world.globex.pk):
        assert not Message.objects.exists()


def blocks() -> list[str]:
    """Return what the console says about the only address."""
    [point] = ContactPoint.objects.all()
    return list(blocks_of(ledger.entries_of([point.value_index])[point.value_index]))


def sent_message(door: Door, message_id: str = "wamid.out", *, first: Any = None, contact: Any = None) -> Message:
    """Let Ana write, and answer her."""
    door.take(change(messages=[first or message(1)], contacts=[contact or person()]))
    with door.inside():
        conversation = Conversation.objects.get()
        mine = services.reply(
            actor=OPERATOR, conversation_id=conversation.pk, draft=Draft(text="Hi", sender=Sender(type="system"))
        )
        mine.attempts.create(number=1, outcome="succeeded", provider_id=message_id)
        Message.objects.filter(pk=mine.pk).update(status="sent", channel_message_id=message_id, next_attempt_at=None)
    return mine


def status_of(door: Door, mine: Message) -> str:
    with door.inside():
        return str(Message.objects.values_list("status", flat=True).get(pk=mine.pk))
