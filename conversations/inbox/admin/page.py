"""Context of a conversation's page: transcript, contact, and why it needs a person."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from accounts.models import Share
from accounts.permissions.shares import CONVERSATION, live
from accounts.privacy.reveals import ActiveReveal
from console.names import name_in, names_of
from conversations.contacts.admin.reach import addresses_of, blocks_of
from conversations.contacts.selectors.consents import entries_of_points
from conversations.custom_fields.admin import shown_values
from conversations.custom_fields.selectors import values_on
from conversations.inbox.admin.actions import tags_of
from conversations.inbox.admin.approval_panel import state_chip, writer_name
from conversations.inbox.admin.tags import chips_of_names
from conversations.inbox.clocks import waits_for_person
from conversations.inbox.teams.seen import may_reply, seen_by, seen_conversations
from conversations.inbox.threads.notes import changeable_notes
from conversations.inbox.threads.selectors import NoteRow, list_notes
from conversations.messages.admin.interpretation import first_answers_of, reading_of
from conversations.messages.admin.transcript import Turn, merge_turns, notes_of, turns_of
from conversations.messages.reach import Addresses
from conversations.messages.selectors.messages import list_messages
from conversations.models import ContactPoint, Conversation, CustomField, SuggestedReply, Survey, Triage
from conversations.registry import panels_at
from conversations.surveys.admin import rating_of
from core.actors import Actor
from core.errors import Conflict
from hitl.display import risk_chip
from hitl.display import state_chip as approval_chip
from hitl.masking import mask_for
from hitl.selectors import list_for_conversation

SHOWN: Final = 100
SHOWABLE: Final = {"contact": "the contact", "messages": "the messages"}
REASONS: Final = {
    "agent_failed": "the agent couldn't answer",
    "rule_asks_person": "an answer rule leaves this to a person",
    "agent_cant_answer": "the agent that is chosen here can't answer: see Who answers",
    "limit_reached": "your organisation has used up today's messages: see Usage",
    "no_agent_chosen": "several agents could answer and none is chosen: see Who answers",
    "no_agent": "no agent is switched on",
    "low_confidence": "the agent wasn't sure enough of its answer",
    "gate_instructions": "the agent's answer repeated its instructions",
    "gate_claim": "the agent's answer claimed something that didn't happen",
    "paused": "an emergency stop ended the agent's answer",
    "seat_ended": "the person's access changed while the agent was answering",
    "complaint": "it is a complaint",
    "danger": "somebody may be in danger",
    "anger": "the customer is angry",
    "damage": "something was damaged or lost",
    "bargaining": "the customer bargains over a price",
    "legal": "it is a legal matter",
    "needs_specialist": "it needs a specialist",
    "asked_for_person": "the customer asked for a person",
    "not_delivered": "a message couldn't be delivered: contact the customer another way",
    "opted_out": "the customer opted out here: contact them another way",
    "not_told": "the outcome of a request couldn't be sent: tell the customer",
    "window_closed": "WhatsApp's 24-hour window is over: contact the customer another way",
}
OTHERS: Final = 5
MEANWHILE: Final = 300
"""Characters of a colleague's answer that a person who wrote at the same time is shown."""
HANDED_OVER_BY: Final = {"agent": "an agent", "api_key": "an API key"}


def names_beside(conversation: Conversation, written: Iterable[NoteRow]) -> Mapping[UUID, str]:
    """Return the names of a conversation's colleagues and authors of notes. One query for somebody who has left."""
    authors = {note.author_id for note in written} - {None}
    colleagues: Mapping[UUID, str] = getattr(conversation, "colleagues", {})
    return colleagues if authors <= colleagues.keys() else names_of(authors)


def with_parts(rows: QuerySet[Conversation], viewer: Actor) -> QuerySet[Conversation]:
    """Return conversations that know which parts of their page there are; the other parts aren't read."""
    its = {"conversation": OuterRef("pk")}
    return rows.annotate(
        is_shared=Exists(Share.objects.filter(live(), kind=CONVERSATION, object_id=OuterRef("pk"))),
        has_triages=Exists(Triage.objects.filter(**its)),
        has_own_fields=Exists(CustomField.objects.filter(subject=CustomField.Subject.CONVERSATION)),
        has_contact_fields=Exists(CustomField.objects.filter(subject=CustomField.Subject.CONTACT)),
        has_surveys=Exists(Survey.objects.filter(seen_by(viewer, "conversation__"), **its)),
        has_suggestions=Exists(SuggestedReply.objects.filter(seen_by(viewer, "conversation__"), **its, state="open")),
    )


def has(conversation: Conversation, part: str) -> bool:
    """Return False if it is known that a page lacks a part."""
    return bool(getattr(conversation, f"has_{part}", True))


def thread_of(
    conversation: Conversation, viewer: Actor, grant: ActiveReveal | None, *, before: int | None = None
) -> dict[str, Any]:
    """Return head and messages of a page, those below `before`; masked but for what the grant reveals."""
    clear = grant.fields if grant else frozenset()
    in_clear = "messages" in clear
    page = list_messages(viewer=viewer, conversation_id=conversation.pk, before=before, limit=SHOWN, clear=in_clear)
    if before is None:
        conversation.newest_seq = page.rows[-1].seq if page.rows else 0  # type: ignore[attr-defined]
    shows_runs = viewer.may("agents.view_agentrun")
    turns = turns_of(page.rows, customer=writer_name(conversation), shows_runs=shows_runs)
    cut = {"is_cut": page.before is not None, "is_earlier": before is not None}
    return {
        "live_name": conversation.stream,
        "state_chip": state_chip(conversation),
        "turns": merge_turns(turns, asked_for(viewer, conversation), **cut),
        "earlier": page.before,
        "is_earlier_part": before is not None,
        "why": REASONS.get(conversation.escalation_reason, ""),
        "handed_over_by": handed_over_by(conversation),
        "contact": contact_facts(viewer, conversation, grant),
        "contact_url": contact_url(viewer, conversation),
        "grant": grant,
        "clear": " and ".join(label for field, label in SHOWABLE.items() if field in clear),
    }


def side_of(conversation: Conversation, viewer: Actor, grant: ActiveReveal | None) -> dict[str, Any]:
    """Return what stands beside the messages; masked but for what the grant reveals."""
    clear = grant.fields if grant else frozenset()
    in_clear = "messages" in clear
    written = list_notes(viewer=viewer, conversation_id=conversation.pk, clear=in_clear)
    may_change = any(note.author_id == viewer.user_id for note in written) and may_reply(viewer)
    return {
        "waits_for_person": waits_for_person(conversation),
        "notes": notes_of(
            written,
            changeable_notes(actor=viewer, conversation_id=conversation.pk) if may_change else {},
            names_beside(conversation, written),
        ),
        **fields_of_page(conversation, viewer, in_clear="contact" in clear),
        "tags": (tags := tags_of(conversation)),
        "tags_drawn": chips_of_names(tags),
        "panels_above": panels_at("above", viewer, conversation, clear),
        "panels_beside": panels_at("beside", viewer, conversation, clear),
        "reading": reading_of(conversation),
        "triaged_by": triaged_by(conversation),
        "survey": rating_of(viewer, conversation.pk, clear=in_clear) if has(conversation, "surveys") else {},
        "others_of_contact": others_of_contact(viewer, conversation),
        "first_answers": first_answers_of(viewer, conversation),
    }


def fields_of_page(conversation: Conversation, viewer: Actor, *, in_clear: bool) -> dict[str, Any]:
    """Return the values of the conversation's custom fields, and of its contact's for who may see contacts.

    One query if there are any fields.
    """
    if not has(conversation, "own_fields") and not has(conversation, "contact_fields"):
        return {}
    rows = values_on(conversation)
    own = [row for row in rows if row.contact_id is None]
    contacts = [row for row in rows if row.contact_id] if viewer.may("conversations.view_contact") else []
    return {
        "own_fields": shown_values(own, in_clear=in_clear),
        "contact_fields": shown_values(contacts, in_clear=in_clear),
    }


def newest_seq(conversation: Conversation) -> int:
    """Return the number of the newest message, 0 without any; read once for each page."""
    found: int | None = getattr(conversation, "newest_seq", None)
    if found is None:
        found = conversation.messages.order_by("-seq").values_list("seq", flat=True).first() or 0
        conversation.newest_seq = found  # type: ignore[attr-defined]
    return found


def answer_meanwhile(viewer: Actor, conversation: Conversation, problem: Conflict) -> str:
    """Return what somebody else wrote while the viewer did, masked, and how to send one's own as well."""
    found = list_messages(viewer=viewer, conversation_id=conversation.pk, before=problem.facts["seq"] + 1, limit=1).rows
    if not found:
        return problem.detail
    name = found[-1].sender_name or "A colleague"
    wrote = Truncator(found[-1].text).chars(MEANWHILE)
    return f"{name} replied while you were writing: “{wrote}” Your reply hasn't been sent yet."


def asked_for(viewer: Actor, conversation: Conversation) -> Iterable[Turn]:
    """Return the requests made in the conversation, for viewers who may see approvals."""
    if not viewer.may("hitl.view_approval"):
        return
    found = list_for_conversation(viewer=viewer, conversation_id=conversation.pk, limit=SHOWN)
    conversation.made_requests = found  # type: ignore[attr-defined]  # other parts of the page show them too
    for approval in found:
        tone = "accent" if approval.is_open else "neutral"
        chips = format_html("{} {}", risk_chip(approval), approval_chip(approval.state))
        yield Turn(
            at=approval.created_at,
            place=f"wk-tone-{tone}",
            text=mask_for(viewer, approval, approval.summary),
            approval=approval,
            chip=chips,
        )


def handed_over_by(conversation: Conversation) -> str:
    """Return who last asked for a person: a colleague by name, an agent or a program; "" for the system."""
    if conversation.escalated_by == "user":
        return name_in(names_of([conversation.escalated_by_id]), conversation.escalated_by_id)
    return HANDED_OVER_BY.get(conversation.escalated_by, "")


def others_of_contact(viewer: Actor, conversation: Conversation) -> list[dict[str, Any]]:
    """Return the newest other conversations of the contact that the viewer sees, at most five. One query."""
    rows = seen_conversations(viewer).filter(contact_id=conversation.contact_id).exclude(pk=conversation.pk)
    newest = (
        rows.select_related("channel_account").defer("channel_account__credentials").order_by("-created_at")[:OTHERS]
    )
    return [
        {"url": reverse("admin:conversations_conversation_change", args=[row.pk]), "talk": row, "chip": state_chip(row)}
        for row in newest
    ]


def triaged_by(conversation: Conversation) -> str:
    """Return the names of the rules that chose its team, priority or tags; "" without any. At most one query."""
    if not has(conversation, "triages"):
        return ""
    return conversation.triages.order_by("-id").values_list("rule_name", flat=True).first() or ""


def contact_url(viewer: Actor, conversation: Conversation) -> str:
    """Return the URL of the contact, for viewers who may see contacts."""
    if not viewer.may("conversations.view_contact"):
        return ""
    return reverse("admin:conversations_contact_change", args=[conversation.contact_id])


def contact_facts(viewer: Actor, conversation: Conversation, grant: ActiveReveal | None) -> dict[str, Any]:
    """Return name and addresses: masked, or in clear under a reveal."""
    in_clear = grant is not None and "contact" in grant.fields
    contact = conversation.contact
    read = addresses_of(conversation) if viewer.may("conversations.view_contact") else Addresses((), {})
    shown = read.points
    if in_clear:
        keys = [point.pk for point in shown]
        shown = list(ContactPoint.objects.filter(pk__in=keys).order_by("-is_primary", "kind", "id"))
    entries = entries_of_points(shown, read.lines)
    rows = [
        {
            "kind": point.get_kind_display(),
            "value": point.value if in_clear else point.masked_value,
            "is_verified": point.is_verified,
            "blocks": blocks_of(entries.get(point.value_index, ())),
        }
        for point in shown
    ]
    name = (contact.display_name if in_clear else "") or contact.shown_name
    return {"name": name, "points": rows, "is_member": conversation.record.user_id is not None, "in_clear": in_clear}
