"""A colleague writes first: once, with a subject of its own, to those who may be written to."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.organisation import tiers
from conversations import services
from conversations.contacts import blocks, known_people
from conversations.messages import delivery
from conversations.messages.first_messages import begin_conversation
from conversations.models import ChannelAccount, Contact, Conversation, Message
from conversations.services import Draft, Sender
from core.errors import WalkerError
from core.models import AuditEntry
from core.reliability import kept
from core.tenancy.scope import tenant_scope
from integrations.models import MailDelivery
from tests.channels_app.email.conftest import Door
from tests.channels_app.email.test_mail_in import MailDoor, mail, open_mail_door
from tests.world import OPERATOR, World, prove


@pytest.fixture
def inbox(world: World) -> MailDoor:
    """The door in a test of one connection."""
    return open_mail_door(world)


def ana(world: World, **addresses: str) -> UUID:
    """Write down a contact by hand."""
    found = addresses or {"email": "ana@customers.example"}
    return known_people.create_contact(actor=world.actor("support"), name="Ana", **found).pk


def begin(world: World, contact_id: UUID, role: str = "support", **more: Any) -> Conversation:
    """Write first."""
    words = {"subject": " Your\n delivery ", "text": "It comes on Monday."}
    return begin_conversation(actor=world.actor(role), contact_id=contact_id, **{**words, **more})


def sent_for(message: Message) -> MailDelivery:
    """Return the mail of a message once it has left."""
    delivery.deliver(message_id=message.pk)
    return MailDelivery.objects.get(ref=message.pk)


@pytest.mark.slow
def test_colleague_begins_a_thread_once_and_its_answer_comes_back_to_it(inbox: MailDoor, world: World) -> None:
    with tenant_scope(world.acme.pk):
        contact_id, key = ana(world), uuid4()
        begun = begin(world, contact_id, client_id=key)
        assert begin(world, contact_id, client_id=key).pk == begun.pk
        (first,) = begun.messages.all()
        sent = sent_for(first)
        more = services.reply(
            actor=world.actor("support"),
            conversation_id=begun.pk,
            draft=Draft(text="At noon.", sender=Sender(type="person")),
        )
        second = sent_for(more)
        begun.refresh_from_db()
        assert (begun.state, begun.assigned_to_id) == ("person", world.people["support"].pk)
        assert set(AuditEntry.objects.filter(object_id=begun.pk).values_list("action", flat=True)) == {
            "CONVERSATION_OPENED",
            "MESSAGE_SENT",
        }
    assert (sent.subject, "In-Reply-To" in sent.headers) == ("Your delivery", False)
    assert (second.subject, second.headers["In-Reply-To"]) == ("Re: Your delivery", sent.headers["Message-ID"])
    inbox.take(mail("Thanks!", Subject="Re: Your delivery", In_Reply_To=sent.headers["Message-ID"]))
    inbox.take(mail("And when?", Message_ID="<two@customers.example>", To=sent.reply_to))
    assert {message.conversation_id for message in inbox.messages()} == {begun.pk}


def test_nobody_is_written_to_who_can_not_or_may_not_be(door: Door, world: World) -> None:
    def opt_out(contact_id: UUID) -> None:
        services.record_consent(actor=OPERATOR, address="ana@customers.example", state="withdrawn", purpose="service")

    def block(contact_id: UUID) -> None:
        blocks.block_contact(actor=OPERATOR, contact_id=contact_id)

    def erase(contact_id: UUID) -> None:
        Contact.objects.filter(pk=contact_id).update(erased_at="2026-01-01T00:00:00Z")

    def close_door(contact_id: UUID) -> None:
        ChannelAccount.objects.update(is_active=False)

    def add_door(contact_id: UUID) -> None:
        ChannelAccount.objects.create(kind="email", provider="imap", name="Second", address="two@acme.example")

    def use_up(contact_id: UUID) -> None:
        tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"messages": 0})
        tiers.give_tier(actor=OPERATOR, slug=world.acme.slug, tier_id=tier.pk)

    def nothing(contact_id: UUID) -> None: ...

    cases: dict[str, tuple[Callable[[UUID], None], dict[str, Any]]] = {
        "opted_out": (opt_out, {}),
        "blocked": (block, {}),
        "erased": (erase, {}),
        "no_mailbox": (close_door, {}),
        "not_allowed": (nothing, {"role": "viewer"}),
        "not_found": (nothing, {"account_id": uuid4()}),
        "invalid": (add_door, {}),
        "empty": (nothing, {"subject": " "}),
        "limit_reached": (use_up, {}),
    }
    found = {}
    with tenant_scope(world.acme.pk):
        for code, (prepare, more) in cases.items():
            found[code] = refusal_of(world, prepare, more)
        kept.forget()  # the tier was taken back
        contact_id = ana(world, phone="+34611222333")
        with pytest.raises(WalkerError) as problem:
            begin(world, contact_id)
        found["no_address"] = problem.value.code
        assert Conversation.objects.count() == 0
    assert found == {code: code for code in found}
    with tenant_scope(world.globex.pk), pytest.raises(WalkerError) as problem:
        begin_conversation(actor=world.outsider("owner"), contact_id=contact_id, subject="Hi", text="Ho")
    assert problem.value.code == "not_found"


def refusal_of(world: World, prepare: Callable[[UUID], None], more: dict[str, Any]) -> str:
    """Return why nobody could write, and take back what was prepared."""
    with transaction.atomic():
        contact_id = ana(world)
        prepare(contact_id)
        try:
            begin(world, contact_id, **more)
        except WalkerError as problem:
            transaction.set_rollback(True)
            return problem.code
    return "nothing"


@pytest.mark.slow
def test_contact_s_page_begins_one_conversation_and_says_what_is_missing(door: Door, world: World) -> None:
    client = signed_in(world, "support")
    with tenant_scope(world.acme.pk):
        contact_id, other = ana(world), known_people.create_contact(actor=OPERATOR, phone="+34611222333").pk
    page = f"/admin/conversations/contact/{contact_id}/write/"
    form: Any = client.get(page)
    assert form.status_code == 200
    key = form.context["form"]["client_id"].value()
    words = {"subject": "Your delivery", "text": "On Monday.", "client_id": key, "account_id": door.account.pk}
    answers = [client.post(page, words) for _ in range(2)]
    with tenant_scope(world.acme.pk):
        begun = Conversation.objects.get()
        assert begun.messages.get().metadata["mail"] == {"subject": "Your delivery"}
    assert {answer.headers["Location"] for answer in answers} == {f"/admin/conversations/conversation/{begun.pk}/"}
    assert "Your delivery" in client.get(answers[0].headers["Location"]).content.decode()
    bare = client.get(f"/admin/conversations/contact/{other}/").content.decode()
    assert "This contact has no email address." in bare


BEGIN = "/admin/conversations/conversation/begin/"


@pytest.mark.slow
def test_inbox_begins_one_conversation_with_who_is_known_by_name_or_address_or_not_yet(
    door: Door, world: World
) -> None:
    support, wrong = signed_in(world, "support"), []
    with tenant_scope(world.globex.pk):
        known_people.create_contact(actor=OPERATOR, email="strange@globex.example", name="Zoe Stranger")
    with tenant_scope(world.acme.pk):
        first, second = (known_people.create_contact(actor=OPERATOR, email=f"{n}@customers.example") for n in "ab")
        known_people.create_contact(actor=OPERATOR, phone="+34611222333")
        Contact.objects.filter(pk__in=[first.pk, second.pk]).update(masked_name="Ana B•••")
    with CaptureQueriesContext(connection) as asking:
        support.get(BEGIN)
    if (reads := sum('"template_uses"' in each["sql"] for each in asking.captured_queries)) != 1:
        wrong.append(f"the form reads the channels {reads} times")
    page = support.get("/admin/inbox/").content.decode()
    if 'aria-keyshortcuts="c"' not in page or BEGIN not in page:
        wrong.append("no button in the inbox")
    place = {"account_id": door.account.pk}
    for recipient, says in {
        "Zoe Stranger": "No contact has this name or address",
        "Ana B•••": "Choose the contact you mean",
        "+34611222333": "This contact has no email address",
        "": "This field is required",
        "\0@customers.example": "Null characters are not allowed",
        "a" * 1_000_000: "at most 320 characters",
    }.items():
        answer = support.post(BEGIN, {**place, "recipient": recipient})
        if (answer.status_code, says in answer.content.decode()) != (400, True):
            wrong.append(f"{recipient[:40]!r}: {answer.status_code}")
    for recipient, more, to in [
        ("Ana B•••", {"contact": second.pk}, second.pk),
        ("a@customers.example", {}, first.pk),
        ("new@customers.example", {}, None),
    ]:
        shown: Any = support.post(f"{BEGIN}?view=mine&from=inbox", {**place, "recipient": recipient, **more})
        form, drawn = shown.context["form"], shown.content.decode()
        others = {"a@customers.example", "b@customers.example"} - {recipient}
        if to and ("•" not in drawn or any(address in drawn for address in others)):
            wrong.append(f"{recipient}: not masked")
        message = {"subject": "Your delivery", "text": "On Monday.", "client_id": form["client_id"].value()}
        short = support.post(BEGIN, {**place, "recipient": recipient, **more, **message, "subject": ""})
        sent = {**place, "recipient": recipient, **more, **message}
        done = [support.post(f"{BEGIN}?view=mine&from=inbox", sent).headers.get("Location", "") for _ in range(2)]
        with tenant_scope(world.acme.pk):
            (begun,) = Conversation.objects.filter(messages__client_id=message["client_id"])
            if done != [f"/admin/inbox/?view=mine&conversation={begun.pk}"] * 2 or short.status_code != 400:
                wrong.append(f"{recipient}: {done} {short.status_code}")
            if to not in (None, begun.contact_id) or begun.assigned_to_id != world.people["support"].pk:
                wrong.append(f"{recipient}: to somebody else")
    assert wrong == []


@pytest.mark.slow
def test_inbox_begins_no_conversation_with_another_than_was_shown_or_with_who_refused(door: Door, world: World) -> None:
    support, wrong = signed_in(world, "support"), []
    with tenant_scope(world.acme.pk):
        _first, second = (known_people.create_contact(actor=OPERATOR, email=f"{n}@customers.example") for n in "ab")
    sent = {"account_id": door.account.pk, "subject": "Your delivery", "text": "On Monday."}
    for recipient in ("a@customers.example", "other@customers.example"):
        answer = support.post(BEGIN, {**sent, "recipient": recipient, "contact": second.pk, "client_id": uuid4()})
        if (answer.status_code, "Choose the contact you mean" in answer.content.decode()) != (400, True):
            wrong.append(f"{recipient}: not to the contact that was shown, {answer.status_code}")
    with tenant_scope(world.acme.pk):
        services.record_consent(actor=OPERATOR, address="no@customers.example", state="withdrawn", purpose="service")
        before = Contact.objects.count()
        refused = support.post(BEGIN, {**sent, "recipient": "no@customers.example", "client_id": uuid4()})
        if (refused.status_code, Contact.objects.count() - before) != (409, 0):
            wrong.append(f"a contact of a mail that wasn't sent: {refused.status_code}")
        ChannelAccount.objects.update(is_active=False)
    if "No channel can write first" not in support.get(BEGIN).content.decode():
        wrong.append("offered without a mailbox")
    if signed_in(world, "viewer").post(BEGIN, {**sent, "recipient": "a@customers.example"}).status_code != 403:
        wrong.append("a viewer writes")
    assert wrong == []


def signed_in(world: World, role: str) -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    prove(client)
    return client
