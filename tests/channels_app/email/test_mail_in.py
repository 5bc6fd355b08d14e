"""Emails come in once, into their thread, from proven senders or marked as unproven, and machines get no answer."""

import base64
import json
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client

from accounts.members.profile import change_profile
from channels_app.email import inbox as inbox_module
from channels_app.email import threads
from channels_app.email.sendgrid.connect import close_inbound, open_inbound
from channels_app.kit import media
from channels_app.kit.phones.fallbacks import send_fallback
from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries
from channels_app.webhooks.intake import REFUSED
from conversations import selectors, services
from conversations.channel_accounts import accounts
from conversations.contacts import contacts
from conversations.inbox.teams import teams
from conversations.messages import delivery, file_contents, outbound
from conversations.messages.files.rules import Upload
from conversations.models import Attachment, ChannelAccount, Contact, Conversation, DeliveryAttempt, Message, Survey
from conversations.services import Draft, Sender
from conversations.surveys import surveys
from conversations.types import InboundMessage, SenderIdentity
from core.errors import Invalid
from core.models import Consent, Outbox
from core.reach.gate import NotReachable
from core.tenancy.scope import tenant_scope
from integrations.mail.retention import CONTENT
from integrations.models import MailDelivery
from tests import files
from tests.channels_app.email.conftest import Door, event, open_door
from tests.channels_app.twilio.test_channel_page import console
from tests.integrations.mail.conftest import api  # noqa: F401  (fixture)
from tests.integrations.mail.servers import Answers
from tests.world import OPERATOR, World


@dataclass
class MailDoor:
    """Acme's door for emails."""

    door: Door
    path: str

    def post(self, raw: bytes | None = None, *, path: str = "", **fields: Any) -> int:
        """Post a mail as Inbound Parse does in raw mode, or only the given fields."""
        given = {"dkim": "{@customers.example : pass}", "SPF": "pass", **fields}
        if raw is not None:
            given["email"] = raw
        body = b"".join(_field(name, value) for name, value in given.items()) + b"--xYzZY--\r\n"
        answer = Client().post(path or self.path, body, content_type="multipart/form-data; boundary=xYzZY")
        return answer.status_code

    def take(self, raw: bytes, **fields: Any) -> None:
        """Let a mail come in and be worked."""
        assert self.post(raw, **fields) == 200
        deliveries.dispatch_due_deliveries()

    def messages(self) -> list[Message]:
        """Return what customers wrote."""
        with tenant_scope(self.door.world.acme.pk):
            return list(Message.objects.select_related("conversation").filter(direction="in").order_by("id"))

    def reply(self, message: Message, text: str = "We look into it.") -> MailDelivery:
        """Let a colleague answer, and return the mail that went out."""
        with tenant_scope(self.door.world.acme.pk):
            actor = self.door.world.actor("support")
            sent = services.reply(
                actor=actor,
                conversation_id=message.conversation_id,
                draft=Draft(text=text, sender=Sender(type="person")),
            )
            delivery.deliver(message_id=sent.pk)
            return MailDelivery.objects.get(ref=sent.pk)


def _field(name: str, value: Any) -> bytes:
    """Return a field of a form; a file is a pair of its name, as the form writes it, and its content."""
    named, value = (b"; filename=" + value[0], value[1]) if isinstance(value, tuple) else (b"", value)
    found = value if isinstance(value, bytes) else str(value).encode()
    facts = name.encode() + b'"' + named
    return b'--xYzZY\r\nContent-Disposition: form-data; name="%s\r\n\r\n%s\r\n' % (facts, found)


def mail(text: str = "Where is my order?", **headers: str) -> bytes:
    """Return a mail of Ana's."""
    made = EmailMessage()
    facts = {"From": "Ana <ana@customers.example>", "To": "desk@acme.example", "Subject": "My order"}
    facts |= {"Message-ID": "<one@customers.example>"} | {name.replace("_", "-"): one for name, one in headers.items()}
    for name, value in facts.items():
        if value:
            made[name] = value
    made.set_content(text)
    return bytes(made)


def open_mail_door(world: World, **more: str) -> MailDoor:
    door = open_door(world, **more)
    with tenant_scope(world.acme.pk):
        address = open_inbound(actor=OPERATOR, account_id=door.account.pk, reply_domain="in.acme.example")
    return MailDoor(door, urlsplit(address).path)


@pytest.fixture
def inbox(world: World) -> MailDoor:
    """The door in a test of one connection."""
    return open_mail_door(world)


def test_mail_becomes_a_message_with_its_proven_sender(inbox: MailDoor) -> None:
    inbox.take(mail())
    (message,) = inbox.messages()
    assert (message.body, message.sender_verified) == ("My order\n\nWhere is my order?", True)
    assert message.metadata["mail"]["subject"] == "My order"
    with tenant_scope(inbox.door.world.acme.pk):
        assert Contact.objects.get().display_name == "Ana"
        assert Outbox.objects.filter(event="message_received", ref=message.pk).exists()


@pytest.mark.slow
def test_first_report_is_awaited_until_a_report_came_whatever_mail_came(inbox: MailDoor) -> None:
    def is_reported() -> bool:
        page = console(inbox.door.world).get(f"/admin/conversations/channelaccount/{inbox.door.account.pk}/")
        step = next(each for each in page.content.decode().split("<li") if "Wait for the first report" in each)
        return "wk-setup-done" in step

    inbox.take(mail())
    assert not is_reported()
    inbox.door.take(event("delivered", inbox.door.mail()))
    assert is_reported()


def test_mail_is_stored_raw_and_not_readable_in_the_table(inbox: MailDoor) -> None:
    inbox.post(mail())
    (row,) = inbox.door.rows()
    assert row.body.encode("latin-1").endswith(mail())
    with tenant_scope(inbox.door.world.acme.pk), connection.cursor() as cursor:
        cursor.execute("select channels_app_inbounddelivery::text from channels_app_inbounddelivery")
        assert "customers" not in cursor.fetchone()[0]


@pytest.mark.parametrize("secret", ["nobody.x", "%00", "a%0Ab.c", "{key}.wrong", "{key}.", "{key}", "%F0%9F%98%80.é"])
def test_wrong_secret_is_refused_and_counted(inbox: MailDoor, secret: str) -> None:
    refused = REFUSED.labels("mail", "bad_secret")
    before = refused._value.get()
    path = f"/channels/email/{secret.format(key=inbox.door.account.public_key)}/inbound/"
    assert inbox.post(mail(), path=path) == 403
    assert (inbox.door.rows(), refused._value.get()) == ([], before + 1)


def test_previous_address_works_until_the_next_and_none_after_closing(inbox: MailDoor) -> None:
    account = inbox.door.account.pk
    with tenant_scope(inbox.door.world.acme.pk):
        second = urlsplit(open_inbound(actor=OPERATOR, account_id=account)).path
        assert [inbox.post(mail(), path=one) for one in (inbox.path, second)] == [200, 200]
        third = urlsplit(open_inbound(actor=OPERATOR, account_id=account)).path
        assert [inbox.post(mail(), path=one) for one in (inbox.path, second, third)] == [403, 200, 200]
        close_inbound(actor=OPERATOR, account_id=account)
        assert inbox.post(mail(), path=third) == 403


@pytest.mark.parametrize("message_id", ["<one@customers.example>", ""])
def test_repeated_and_relayed_mail_is_one(inbox: MailDoor, message_id: str) -> None:
    raw = mail(Message_ID=message_id)
    for one in (raw, raw, b"Received: from elsewhere\r\n" + raw):
        inbox.take(one)
    assert (len(inbox.door.rows()), len(inbox.messages())) == (1, 1)


def test_same_id_from_another_sender_or_at_another_tenant_is_another_mail(inbox: MailDoor, world: World) -> None:
    inbox.take(mail())
    inbox.take(mail(From="Ben <ben@customers.example>"))
    with tenant_scope(world.globex.pk):
        assert InboundDelivery.objects.count() == 0
    assert len({one.conversation_id for one in inbox.messages()}) == 2


def test_mail_cut_between_store_and_work_is_received_once(inbox: MailDoor) -> None:
    inbox.post(mail())
    (row,) = inbox.door.rows()
    deliveries.dispatch_due_deliveries()
    with tenant_scope(inbox.door.world.acme.pk):
        InboundDelivery.objects.filter(pk=row.pk).update(state="received", attempts=0)
    deliveries.dispatch_due_deliveries()
    assert len(inbox.messages()) == 1


@pytest.mark.slow
def test_mails_posted_in_parallel_are_one_each(committed_world: World) -> None:
    inbox, found = open_mail_door(committed_world), []

    def post(number: int) -> None:
        found.append(inbox.post(mail(Message_ID=f"<{number % 2}@customers.example>")))
        deliveries.dispatch_due_deliveries()
        connection.close()

    workers = [threading.Thread(target=post, args=[number]) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    deliveries.dispatch_due_deliveries()
    assert (set(found), len(inbox.messages())) == ({200}, 2)


ANA = "Ana <ana@customers.example>"


@pytest.mark.parametrize(
    ("headers", "fields", "sender", "verified"),
    [
        ({}, {}, "ana@customers.example", True),
        ({}, {"dkim": "{@customers.example : fail}", "SPF": "fail"}, "ana@customers.example", False),
        ({}, {"dkim": "none", "envelope": '{"to":[],"from":"b@customers.example"}'}, "ana@customers.example", True),
        ({}, {"dkim": "none", "envelope": '{"to":[],"from":"b@evil.example"}'}, "ana@customers.example", False),
        ({}, {"dkim": "{@mail.customers.example : pass}", "SPF": ""}, "ana@customers.example", False),
        ({"From": "a@eu.customers.example"}, {"SPF": ""}, "a@eu.customers.example", True),
        ({"From": "a@evilcustomers.example"}, {"SPF": ""}, "a@evilcustomers.example", False),
        ({"Reply_To": "Bo <bo@customers.example>"}, {}, "bo@customers.example", False),
        ({"Reply_To": ANA}, {}, "ana@customers.example", True),
        ({"Reply_To": "desk@acme.example"}, {}, "ana@customers.example", True),
        ({"X_Original_Sender": "bo@other.example"}, {}, "bo@other.example", False),
        ({"Reply_To": "c@c.example", "X_Original_Sender": "bo@other.example"}, {}, "c@c.example", False),
        ({"From": f"{ANA}, bo@customers.example"}, {}, "ana@customers.example", False),
        (
            {"Authentication_Results": "inbound-parse.walker.invalid; dkim=pass header.d=customers.example"},
            {"dkim": "none", "SPF": ""},
            "ana@customers.example",
            False,
        ),
    ],
)
def test_sender_is_the_first_of_three_headers_and_proven_or_not(
    inbox: MailDoor, headers: dict[str, str], fields: dict[str, str], sender: str, verified: bool
) -> None:
    inbox.take(mail(**headers), **fields)
    (message,) = inbox.messages()
    with tenant_scope(inbox.door.world.acme.pk):
        point = message.conversation.contact.points.get()
        assert (point.value, message.sender_verified) == (sender, verified)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto_reply"),
        ({"Precedence": "bulk"}, "list"),
        ({"List_Id": "<all.customers.example>"}, "list"),
        ({"X_Auto_Response_Suppress": "OOF, AutoReply"}, "auto_reply"),
        ({"Return_Path": "<>"}, "auto_reply"),
        ({"From": "no-reply@customers.example"}, "auto_reply"),
        ({"From": "no-reply@forms.example", "Reply_To": "Ana <ana@customers.example>"}, ""),
        ({"From": "no-reply@forms.example", "Reply_To": "donotreply@forms.example"}, "auto_reply"),
        ({"From": "no-reply@forms.example", "Reply_To": "desk@acme.example"}, "auto_reply"),
        ({"From": "MAILER-DAEMON@forms.example", "Reply_To": "ana@customers.example"}, "bounce"),
        ({"From": "MAILER-DAEMON@customers.example"}, "bounce"),
        ({"Auto_Submitted": "no"}, ""),
    ],
)
def test_mail_of_a_machine_is_stored_and_never_answered(inbox: MailDoor, headers: dict[str, str], outcome: str) -> None:
    inbox.take(mail(**headers))
    (message,) = inbox.messages()
    assert message.metadata["mail"]["automatic"] == outcome
    with tenant_scope(inbox.door.world.acme.pk):
        assert Outbox.objects.filter(event="message_received").exists() == (not outcome)


@pytest.mark.slow
def test_program_that_wrote_last_is_not_asked_how_it_was(inbox: MailDoor) -> None:
    world = inbox.door.world
    inbox.take(mail(List_Id="<all.customers.example>"))
    inbox.take(mail(From="bo@customers.example", Message_ID="<two@customers.example>"))
    with tenant_scope(world.acme.pk):
        asking = teams.TeamSettings(name="Care", is_default=True, survey="always")
        teams.create_team(actor=world.actor("admin"), settings=asking, seats=[])
        for message in inbox.messages():
            services.close(actor=OPERATOR, conversation_id=message.conversation_id, resolved=True)
            surveys.ask_survey(actor=OPERATOR, survey_id=Survey.objects.latest("id").pk)
        for question in Message.objects.filter(direction="out"):
            delivery.deliver(message_id=question.pk)
        assert list(Survey.objects.order_by("id").values_list("skipped", flat=True)) == ["automatic", ""]
        assert [one.address for one in MailDelivery.objects.all()] == ["bo@customers.example"]


def test_our_own_mail_is_stored_and_nothing_else(inbox: MailDoor) -> None:
    inbox.take(mail(From="desk@acme.example"))
    assert ([row.state for row in inbox.door.rows()], inbox.messages()) == (["done"], [])


def test_answer_keeps_subject_chain_and_token(inbox: MailDoor) -> None:
    inbox.take(mail(References="<root@customers.example> <zero@customers.example>"))
    (first,) = inbox.messages()
    sent = inbox.reply(first)
    with tenant_scope(inbox.door.world.acme.pk):
        token = threads.token_of(first.conversation)
    assert (sent.subject, sent.reply_to) == ("Re: My order", f"reply+{token}@in.acme.example")
    assert sent.headers["In-Reply-To"] == "<one@customers.example>"
    chain = "<root@customers.example> <zero@customers.example> <one@customers.example>"
    assert sent.headers["References"] == chain
    assert "Auto-Submitted" not in sent.headers


def test_answer_has_the_signature_of_who_wrote_it_and_the_conversation_has_not(inbox: MailDoor) -> None:
    inbox.take(mail())
    (first,) = inbox.messages()
    with tenant_scope(inbox.door.world.acme.pk):
        change_profile(actor=inbox.door.world.actor("owner"), signature="Not theirs")
        change_profile(actor=inbox.door.world.actor("support"), signature="Sam\r\nAcme, Lisbon")
    sent = inbox.reply(first)
    with tenant_scope(inbox.door.world.acme.pk):
        assert sent.text == "We look into it.\n\n-- \nSam\nAcme, Lisbon"
        assert Message.objects.get(pk=sent.ref).body == "We look into it."


@pytest.mark.slow
@pytest.mark.parametrize("way", ["token", "our id", "their id", "none", "token of another", "id of another"])
def test_mail_finds_its_thread_only_if_its_sender_belongs_to_it(inbox: MailDoor, way: str) -> None:
    inbox.take(mail())
    (first,) = inbox.messages()
    sent = inbox.reply(first)
    facts = {"Message_ID": "<two@customers.example>", "Subject": "Other words"}
    if way.startswith("token"):
        facts["To"] = sent.reply_to.replace("reply+", "Reply+")
    elif "id" in way:
        facts["References"] = "<one@customers.example>" if way == "their id" else sent.headers["Message-ID"]
    if "another" in way:
        facts["From"] = "eve@customers.example"
    inbox.take(mail("Thanks!\n\nOn Monday Desk wrote:\n> words", **facts))
    second = inbox.messages()[1]
    joins = way in ("token", "our id", "their id")
    assert (second.conversation_id == first.conversation_id) == joins
    assert second.body == ("Thanks!" if joins else "Other words\n\nThanks!")
    assert second.metadata["mail"]["quoted"].endswith("> words")


def test_thread_of_another_mailbox_is_not_joined(inbox: MailDoor) -> None:
    inbox.take(mail())
    (first,) = inbox.messages()
    with tenant_scope(inbox.door.world.acme.pk):
        token = threads.token_of(first.conversation)
        Conversation.objects.filter(pk=first.conversation_id).update(thread="x")
        other = accounts.connect_channel(
            actor=OPERATOR,
            kind="email",
            provider="imap",
            name="B",
            address="b@acme.example",
            provider_account="",
            credentials={},
        )
        Conversation.objects.filter(pk=first.conversation_id).update(channel_account=other)
    facts = {"To": f"reply+{token}@in.acme.example", "References": "<one@customers.example>"}
    inbox.take(mail(Message_ID="<two@customers.example>", **facts))
    assert inbox.messages()[1].conversation_id != first.conversation_id


def test_late_answer_to_a_closed_thread_reopens_it(inbox: MailDoor) -> None:
    inbox.take(mail())
    (first,) = inbox.messages()
    with tenant_scope(inbox.door.world.acme.pk):
        services.close(actor=OPERATOR, conversation_id=first.conversation_id, resolved=True)
    inbox.take(mail(Message_ID="<two@customers.example>", In_Reply_To="<one@customers.example>"))
    second = inbox.messages()[1]
    assert (second.conversation_id, second.conversation.state) == (first.conversation_id, "agent")


@pytest.mark.slow
def test_bounce_marks_the_answer_as_failed_and_brings_a_person_and_is_no_message(inbox: MailDoor) -> None:
    inbox.take(mail())
    (first,) = inbox.messages()
    sent = inbox.reply(first)
    with tenant_scope(inbox.door.world.acme.pk):
        Message.objects.filter(pk=sent.ref).update(status="sent")
    report = EmailMessage()
    report["From"], report["Message-ID"] = "MAILER-DAEMON@mx.example", "<bounce@mx.example>"
    report.set_content("It could not be delivered.")
    inner = EmailMessage()
    inner["Message-ID"] = sent.headers["Message-ID"]
    inner.set_content("We look into it.")
    report.add_attachment(inner)
    inbox.take(bytes(report))
    with tenant_scope(inbox.door.world.acme.pk):
        assert Message.objects.get(pk=sent.ref).status == "failed"
        assert send_fallback(sent.ref) == "person"
        assert Conversation.objects.get().escalation_reason == "not_delivered"
    assert len(inbox.messages()) == 1


@pytest.mark.slow
def test_answer_carries_its_files_and_goes_out_again_when_its_mail_was_lost(
    inbox: MailDoor,
    api: Answers,  # noqa: F811
) -> None:
    inbox.take(mail())
    (first,) = inbox.messages()
    with tenant_scope(inbox.door.world.acme.pk):
        actor = inbox.door.world.actor("support")
        facts: dict[str, Any] = {"actor": actor, "conversation_id": first.conversation_id}
        person = Sender(type="person")
        offer = Upload("Ünser offer.pdf", files.PDF)
        with pytest.raises(Invalid, match="larger than 10 MB"):
            services.reply(**facts, draft=Draft(files=[Upload("long.txt", b"word " * 2_200_000)], sender=person))
        sent = services.reply(**facts, draft=Draft(files=[offer, Upload("photo.png", files.png())], sender=person))
        delivery.deliver(message_id=sent.pk)
        [body] = api.seen
        names = [(one["filename"], one["type"]) for one in body["attachments"]]
        assert names == [("Ünser offer.pdf", "application/pdf"), ("photo.png", "image/png")]
        assert base64.b64decode(body["attachments"][0]["content"]) == files.PDF
        assert body["content"] == [{"type": "text/plain", "value": "Please see the attached files."}]
        lost = MailDelivery.objects.get()
        said = "550 5.7.1 <ana@customers.example>: message refused by policy"
        inbox.door.take(event("bounce", lost, type="blocked", reason=said))
        assert Message.objects.get(pk=sent.pk).status == "failed"
        words = DeliveryAttempt.objects.get(message=sent).error_text
        assert (words.startswith("550 5.7.1"), "policy" in words, "ana@" in words) == (True, True, False)
        outbound.send_again(actor=actor, message_id=sent.pk)
        assert delivery.deliver(message_id=sent.pk) == "sent"
        assert [len(one["attachments"]) for one in api.seen] == [2, 2]
        inbox.door.take(event("dropped", lost, seconds=5))
        assert Message.objects.get(pk=sent.pk).status == "sent"
        gone = services.reply(**facts, draft=Draft(text="And this", files=[offer], sender=person))
        Attachment.objects.filter(message=gone).delete()
        assert delivery.deliver(message_id=gone.pk) == "failed"
        assert DeliveryAttempt.objects.get(message=gone).error == "mail_file_gone"
    assert len(api.seen) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "is_old"),
    [("unsubscribe", False), ("group_unsubscribe", False), ("spamreport", False), ("spamreport", True)],
)
def test_who_unsubscribes_or_complains_gets_no_campaign_and_still_their_answers(
    inbox: MailDoor,
    api: Answers,  # noqa: F811
    kind: str,
    is_old: bool,
) -> None:
    inbox.take(mail())
    (first,) = inbox.messages()
    sent = inbox.reply(first)
    if is_old:  # its address and text were forgotten since
        with tenant_scope(inbox.door.world.acme.pk):
            MailDelivery.objects.filter(pk=sent.pk).update(**dict.fromkeys(CONTENT))
    for seconds in (0, 0, 5):
        inbox.door.take(event(kind, sent, seconds))
    with tenant_scope(inbox.door.world.acme.pk):
        lines = Consent.objects.values_list("channel", "purpose", "state", "source")
        assert list(lines) == [("email", "marketing", "withdrawn", "provider")]
        contacts.add_tag(actor=inbox.door.world.actor("support"), contact_id=first.sender_id, name="VIP")
        [audience] = selectors.list_audiences()
        assert (audience.contacts, audience.left_out) == (0, {"opted_out": 1})
        sale = Draft(text="Sale", purpose="marketing", sender=Sender(type="system"))
        with pytest.raises(NotReachable, match="opted out"):
            services.reply(actor=OPERATOR, conversation_id=first.conversation_id, draft=sale)
    assert inbox.reply(first, "It left today.").status == "sent"


def test_bounce_about_a_message_of_another_channel_changes_nothing(inbox: MailDoor) -> None:
    """A visitor of the web chat knows the ids of the messages there."""
    with tenant_scope(inbox.door.world.acme.pk):
        chat = ChannelAccount.objects.create(kind="webchat", name="Desk")
        asked = services.receive(
            actor=OPERATOR, inbound=InboundMessage(chat.pk, SenderIdentity("webchat", "visitor:1"), text="Hello")
        )
        told = services.reply(
            actor=OPERATOR,
            conversation_id=asked.conversation_id,
            draft=Draft(text="Hello", sender=Sender(type="system")),
        )
    inbox.take(
        mail(f"<{told.pk.hex}@acme.example>", From="MAILER-DAEMON@evil.example", References=f"<{told.pk.hex}@x>")
    )
    with tenant_scope(inbox.door.world.acme.pk):
        told.refresh_from_db()
        assert told.status != "failed"


@pytest.mark.slow
def test_programs_that_answer_each_other_stop_and_a_person_s_answers_do_not_count(
    inbox: MailDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that doesn't say that it is one answers each of our answers."""
    monkeypatch.setattr(inbox_module, "LOOP_ANSWERS", 3)
    for number in range(6):
        inbox.take(mail(f"I am away. {number}", Message_ID=f"<{number}@customers.example>"))
        with tenant_scope(inbox.door.world.acme.pk):
            last = Message.objects.filter(direction="in").latest("id")
            automatic = last.metadata["mail"]["automatic"]
            if not automatic:
                services.reply(
                    actor=OPERATOR,
                    conversation_id=last.conversation_id,
                    draft=Draft(text="We look.", sender=Sender(type="agent")),
                )
            elif number < 5:
                inbox.reply(last)
    found = [one.metadata["mail"]["automatic"] for one in inbox.messages()]
    assert found == ["", "", "", "loop", "loop", "loop"]
    inbox.take(mail("Somebody else.", From="bo@customers.example", Message_ID="<bo@customers.example>"))
    assert inbox.messages()[-1].metadata["mail"]["automatic"] == ""


@pytest.mark.slow
def test_files_are_fetched_like_those_of_other_channels(inbox: MailDoor) -> None:
    made = EmailMessage()
    made["From"], made["Message-ID"], made["Subject"] = "ana@customers.example", "<f@customers.example>", "Files"
    made.set_content("Look\n" * 2_000)
    made.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="bill.pdf")
    for name, kind, content in AS_DECLARED:
        made.add_attachment(content, maintype=kind.partition("/")[0], subtype=kind.partition("/")[2], filename=name)
    inbox.take(bytes(made))
    (message,) = inbox.messages()
    assert len(message.body) == 4096
    found = fetched(inbox)
    assert found[:2] == [("email.txt", "stored", "", "text/plain"), ("bill.pdf", "stored", "", "application/pdf")]
    # What a sender says about a file decides only where a browser would run it.
    assert [one[1:] for one in found[2:]] == [
        ("stored", "", "application/pdf"), ("stored", "", f"{OPEN_DOCUMENT}.text"),
        ("failed", "executable", "application/octet-stream"), ("failed", "archive", "application/zip"),
        ("failed", "type_refused", "text/html"), ("failed", "type_refused", "application/javascript"),
        ("failed", "unknown", "application/octet-stream"), ("stored", "", "application/octet-stream"),
    ]  # fmt: skip


OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
UNKNOWN = b"\x00\x01\x02\x03"
AS_DECLARED = [
    ("offer.pdf", "application/octet-stream", files.PDF),
    ("offer.odt", f"{OPEN_DOCUMENT}.text", files.zipped(mimetype=f"{OPEN_DOCUMENT}.text".encode())),
    ("offer.pdf", "application/octet-stream", files.EXE),
    ("a.zip", "application/zip", files.zipped(a_txt=b"a")),
    ("page.html", "text/html", b"Hello"),
    ("page.js", "application/javascript", b"alert(1)"),
    ("what.bin", "application/octet-stream", UNKNOWN),
    ("photo.heic", "image/heic", UNKNOWN),
]


def fetched(inbox: MailDoor) -> list[tuple[str, str, str, str]]:
    """Fetch all files, and return name, state, error and type of each."""
    with tenant_scope(inbox.door.world.acme.pk):
        for _, key in media.list_due():
            media.fetch(key)
        rows = Attachment.objects.order_by("id")
        return [(one.filename, one.state, one.error, one.content_type) for one in rows]


def test_what_is_kept_beside_a_mail_never_exceeds_its_limit(inbox: MailDoor) -> None:
    quotes = '"' * 240
    chain = [f"<{number:03d}{quotes}@c>" for number in range(20)]
    crowd = ", ".join(f"{number}{'ü' * 200}@c.example" for number in range(20))
    facts = {
        "References": " ".join(chain[:10]),
        "In-Reply-To": " ".join(chain[10:]),
        "Message-ID": f"<{quotes}@c>",
        "To": crowd,
        "Cc": crowd,
    }
    lines = [*(f"{name}: {value}" for name, value in facts.items()), f"Subject: {'😀' * 300}", "From: ana@c.example"]
    quoted = "\n".join(f"> {number} {'ä' * 60}" for number in range(200))
    form = {"headers": "\r\n".join(lines), "text": f"Yes\n\nOn Monday Desk wrote:\n{quoted}"}
    assert inbox.post(None, **form) == 200
    inbox.post(None, headers="From: bo@c.example", text=form["text"])
    deliveries.dispatch_due_deliveries()
    first, second = (one.metadata["mail"] for one in inbox.messages())
    assert (first["references"][0], first["references"][-1]) == (chain[0], chain[-1])
    assert second["quoted"].startswith("On Monday Desk wrote:\n> 0")
    assert [name for name, *_ in fetched(inbox)] == ["email.txt", "email.txt"]


def test_parsed_mail_keeps_its_charsets_and_files(inbox: MailDoor) -> None:
    fields = {
        "headers": "From: Ana <ana@customers.example>\r\nContent-Type: text/html;\r\n boundary=a\r\nMessage-ID: <p@c>",
        "text": "Größe?".encode("iso-8859-1"),
        "subject": "x",
        "charsets": json.dumps({"text": "iso-8859-1", "html": "bad\r\nX: y"}),
        "html": "<b>no</b>",
    }
    assert inbox.post(None, **fields, **PARSED_FILES) == 200
    deliveries.dispatch_due_deliveries()
    (message,) = inbox.messages()
    assert message.body == "Größe?"
    assert message.sender_verified
    assert [one[:3] for one in fetched(inbox)] == [
        ("a b.pdf", "stored", ""), ("line Bcc x.pdf", "stored", ""), ("Größe.pdf", "stored", ""),
    ]  # fmt: skip
    with tenant_scope(inbox.door.world.acme.pk):
        kept = [file_contents.read_content(one) for one in Attachment.objects.order_by("id")]
        assert kept == [content for _, content in list(PARSED_FILES.values())[:3]]


# As SendGrid names them: a quote is escaped, and a line end would be the end of a header.
PARSED_FILES = {
    "attachment1": (b'"a\\"b.pdf"', files.PDF + b"\r\n--xYzZ\r\n\r\n"),
    "attachment2": (b'"=?utf-8?q?line=0D=0ABcc:_x.pdf?="', files.PDF + b"\n"),
    "attachment3": ('"Größe.pdf"'.encode(), files.PDF),
    "attachment-info": (b'"x.pdf"', files.PDF),
}


@pytest.mark.parametrize(
    "fields",
    [
        {"email": b""},
        {"email": b"\0" * 100},
        {"from": "a@b.example\r\nBcc: c@d.example", "text": "hi", "subject": "a\r\nX: y"},
        {"headers": b"\xff\xfe", "text": b"\xff", "charsets": "[" * 10_000, "envelope": "[" * 10_000},
        {"headers": "From: a@b.example", "text": "hi", "charsets": '{"text":"martian"}', "dkim": "{" * 5_000},
        {"headers": f"From: {'x' * 10_000}@b.example", "text": "hi"},
        {"from": "a@b.example", "text": "hi", "attachment1": (b'"=?utf-7?q?a+2AE-b?="', b"%PDF-1")},
        {"from": "a@b.example", "text": "hi", "attachment1": (b"x; filename*=utf-7''a%2B2AE-b", b"%PDF-1")},
        {"headers": "From: a@b.example\r\nSubject: =?utf-7?q?a+2AE-b?=", "text": "hi"},
    ],
)
def test_bad_form_is_taken_and_answered_without_a_fault(inbox: MailDoor, fields: dict[str, Any]) -> None:
    assert inbox.post(None, **fields) == 200
    deliveries.dispatch_due_deliveries()
    assert {row.state for row in inbox.door.rows()} <= {"done", "parked"}


@pytest.mark.parametrize("name", ["raw_data.txt", "default_data.txt", "raw_data_with_attachments.txt"])
def test_vendor_s_own_samples_are_received(inbox: MailDoor, name: str) -> None:
    from importlib.resources import files

    body = files("sendgrid").joinpath("helpers/inbound/sample_data", name).read_bytes()
    kind = "multipart/form-data; boundary=xYzZY"
    assert Client().post(inbox.path, body.replace(b"\r\n", b"\n"), content_type=kind).status_code == 200
    deliveries.dispatch_due_deliveries()
    (message,) = inbox.messages()
    assert "Hello Twilio SendGrid!" in message.body
    assert message.sender_verified  # the sample says that SPF passed
