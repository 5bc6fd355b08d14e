"""A person who has left traces everywhere, through the doors; a neighbour, and a stranger of another tenant."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from accounts.privacy.reveals import reveal
from agents.memory.models import ContactFact
from agents.models import AgentRun, AgentVersion, ToolCall
from analytics.models import Brief
from channels_app.web_chat import conversation, sessions
from channels_app.web_chat.frames import SendMessage
from channels_app.web_chat.settings.widgets import find_widget
from conversations import services as talk
from conversations.contacts import contacts, erasure, known_people
from conversations.custom_fields.definitions import FieldSettings, create_custom_field
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.threads import notes
from conversations.models import Attachment, ChannelAccount, Contact, Conversation, Message, Survey
from conversations.replies import drafts
from conversations.services import Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core.actors import Actor, system
from core.clock import now
from core.jobs import dead_letters
from core.privacy.erasure import services as erasures
from core.reliability import idempotency
from core.tenancy.scope import tenant_scope
from hitl import services as hitl
from hitl.approvals.decide.notes import add_note
from hitl.models import Approval, Execution
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from tests.channels_app.twilio.conftest import Door
from tests.console.scene import Budget
from tests.world import World

NAME = "Zephyra Quillfeather"
PHONE = "+34600987123"
MAIL = "zephyra@quill.example"
PHRASE = "the lavender wardrobe"
WORDS = (NAME, "Quillfeather", PHONE, "34600987123", "600 987 123", MAIL, PHRASE, "lavender")
OTHER = "Bartholomew Nightingale"
OTHER_WORDS = (OTHER, "+34600555777", "34600555777", "a copper kettle")
DOOR = system("test-door")


@dataclass
class Traces:
    """The person of the first tenant, and what belongs to them."""

    world: World
    contact_id: UUID
    conversation_id: UUID
    approval: Approval
    named: Approval

    def officer(self, role: str = "compliance") -> Actor:
        """Return somebody who may erase, signed in with a second factor."""
        return strong(self.world.actor(role))

    def erase(self, role: str = "compliance") -> Any:
        """Ask for the erasure and let the worker finish it."""
        with tenant_scope(self.world.acme.pk):
            asked = erasure.erase_contact(actor=self.officer(role), contact_id=self.contact_id, reason="asked_for")
            finish(asked.pk)
            asked.refresh_from_db()
        return asked


def strong(actor: Actor) -> Actor:
    """Return the person as signed in with a second factor."""
    return replace(actor, auth_strength="mfa")


def finish(erasure_id: UUID, limit: int = 3) -> None:
    """Work an erasure to its end, in small batches."""
    for _ in range(3000):
        if not erasures.work_on(erasure_id=erasure_id, limit=limit):
            return
    raise AssertionError("an erasure has no end")


def ask(world: World, conversation_id: UUID | None, words: str, budget: str, role: str = "support") -> Approval:
    """Let somebody ask for something that holds words, out of a conversation or not."""
    person = world.actor(role)
    origin = hitl_origin(conversation_id=conversation_id, notes=f"For {words}.", address="203.0.113.9")
    params = {"campaign": f"Sale for {words}", "budget": budget}
    return hitl.propose(actor=person, kind=Budget.key, params=params, origin=origin)


def hitl_origin(**facts: Any) -> Any:
    from hitl.actions.base import Origin

    return Origin(channel="webchat", **facts)


def sign(world: World, approval: Approval, reason: str, verdict: Any = "approve") -> None:
    """Decide with a reason."""
    signer = world.actor("approver")
    hitl.decide(actor=signer, approval_id=approval.pk, verdict=verdict, digest=approval.digest, reason=reason)


def plant(door: Door) -> Traces:
    """Let the person write by WhatsApp and on the page, ask for things, be talked about and be mailed about."""
    world = door.world
    said = f"I am {NAME}, call {PHONE} or mail {MAIL}; it is about {PHRASE}."
    door.take(said, 71, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:])
    door.take("a copper kettle, please", 72, From="whatsapp:+34600555777", ProfileName=OTHER, WaId="34600555777")
    with tenant_scope(world.acme.pk):
        chat = Conversation.objects.get(contact__points__kind="phone", contact__masked_name=_masked(NAME))
        own = SenderIdentity("phone", PHONE)
        talk.add_point(actor=DOOR, beside=own, sender=SenderIdentity("email", MAIL, True))
        _talk_about(world, chat)
        approval = ask(world, chat.pk, PHRASE, "900.00")
        named = ask(world, None, f"{NAME} at {MAIL}", "300.00")
        sign(world, named, f"{NAME} is a good customer")
        for row, text in ((approval, f"{NAME} called about {PHRASE}"), (named, f"Write to {MAIL}")):
            add_note(actor=world.actor("viewer"), approval_id=row.pk, text=text)
        hitl.execute(named.pk)
        Execution.objects.filter(approval=named).update(result={"told": MAIL}, error=f"{NAME} away")
        _run(chat, approval)
        _remember(chat)
        _machinery(world, chat, approval)
    return Traces(world, chat.contact_id, chat.pk, approval, named)


def _masked(name: str) -> str:
    from conversations.contacts.fields import masked

    return masked("name", name)


def _talk_about(world: World, chat: Conversation) -> None:
    support = world.actor("support")
    talk.reply(
        actor=support,
        conversation_id=chat.pk,
        draft=Draft(text=f"Dear {NAME}, about {PHRASE}", sender=Sender(type="person")),
    )
    notes.add_note(actor=support, conversation_id=chat.pk, text=f"{NAME} sounds cross about {PHRASE}")
    drafts.save_draft(actor=support, conversation_id=chat.pk, text=f"Dear {NAME}, about {PHRASE}")
    contacts.add_tag(actor=support, contact_id=chat.contact_id, name="Quillfeather fans")
    for subject, is_personal in (("contact", True), ("conversation", False)):
        settings = FieldSettings(name="Known")
        create_custom_field(
            actor=world.actor("admin"), subject=subject, key=subject, kind="text", settings=settings,
            is_personal=is_personal,
        )  # fmt: skip
    known_people.set_contact_fields(actor=support, contact_id=chat.contact_id, values={"contact": f"{NAME} of {MAIL}"})
    set_conversation_fields(actor=support, conversation_id=chat.pk, values={"conversation": PHRASE})
    Survey.objects.create(
        conversation=chat, asked_at=now(), answered_at=now(), rating=2, comment=f"{NAME} on {PHRASE}",
        masked_comment=f"•••, {PHRASE}",
    )  # fmt: skip
    Attachment.objects.create(
        message=Message.objects.filter(conversation=chat).earliest("id"),
        content_type="text/plain",
        filename=f"{NAME}.txt",
        source=f"https://files.example/{MAIL}",
        content=base64.b64encode(PHRASE.encode()).decode(),
        state="stored",
    )
    reason = f"to call {NAME} back"
    officer = world.actor("compliance")
    reveal(
        actor=officer, object_type="conversations.contact", object_id=chat.contact_id, fields=["contact"], reason=reason
    )


def _run(chat: Conversation, approval: Approval) -> None:
    version = AgentVersion.objects.first()
    run = AgentRun.objects.create(conversation=chat, agent_version=version, trigger_ref=uuid4(), state="finished")
    asked = {"text": PHRASE, "who": NAME}
    ToolCall.objects.create(
        run=run, call_id="1", name="note", fingerprint="f" * 64, arguments=asked, result=asked, approval_id=approval.pk
    )


def _remember(chat: Conversation) -> None:
    message = Message.objects.filter(conversation=chat).earliest("id")
    old = ContactFact(contact_id=chat.contact_id, kind="company", value=PHRASE, masked_value=PHRASE, message=message)
    new = ContactFact(contact_id=chat.contact_id, kind="company", value=NAME, masked_value="Z••• Q•••")
    new.save(force_insert=True)
    old.superseded_at, old.superseded_by_id = now(), new.pk
    old.save(force_insert=True)


def _machinery(world: World, chat: Conversation, approval: Approval) -> None:
    """What the machine keeps beside: mails, briefs, answers of the API, failures."""
    link = f"https://desk.example/admin/conversations/conversation/{chat.pk}/"
    facts = {"type": "note", "subject": f"News of {NAME}", "text": f"{PHRASE} {link}"}
    queue_mail(NewMail(recipient="boss@acme.example", key="about", **facts))
    queue_mail(NewMail(recipient=MAIL, key="to", **{**facts, "subject": "Hello", "text": "Hello"}))
    content = {"rows": [{"title": "Z…", "note": PHRASE, "url": link}]}
    Brief.objects.create(user=world.people["viewer"], local_date=now().date(), state="sent", content=content)
    idempotency.begin(scope="api:test", key="k", request_digest="d")
    idempotency.finish(scope="api:test", key="k", status=201, answer={"id": str(approval.pk), "summary": PHRASE})
    dead_letters.park(kind="tests.letter", ref=chat.pk, error="boom")
    from core.models import DeadLetter

    DeadLetter.objects.filter(kind="tests.letter").update(error=f"cannot write to {NAME}")


def chat_on_the_page(world: World, text: str) -> tuple[UUID, Any]:
    """Let a visitor write on the web page; returns the conversation and the visitor's guest."""
    with tenant_scope(world.acme.pk):
        widget = ChannelAccount.objects.create(kind="webchat", name="Desk")
    session = sessions.open_session(widget=find_widget(widget.public_key))
    with tenant_scope(world.acme.pk):
        frame = SendMessage(id=uuid4(), message=text)
        conversation.store_message(session.guest, frame, "tests")
        return Conversation.objects.get(channel_account=widget).pk, session.guest


def stranger_elsewhere(world: World) -> None:
    """Let the same person write to another tenant."""
    with tenant_scope(world.globex.pk):
        line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000001")
        sender = SenderIdentity(kind="phone", value=PHONE, verified=True, display_name=NAME)
        talk.receive(actor=DOOR, inbound=InboundMessage(channel_account_id=line.pk, sender=sender, text=PHRASE))


def contact_called(name: str) -> Contact:
    found: Contact = Contact.objects.get(masked_name=_masked(name))
    return found
