"""From events to work: whose record has changed, and which conversations were closed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from conversations.models import Contact, Conversation
from core.bus import Event
from core.clock import now
from hub.crm.models import GONE, CrmContact, CrmNote, CrmSwitch, due_from

CONSUMER: Final = "crm"
CLOSED: Final = "conversation_closed"
TYPES: Final = frozenset({"contact_changed", "message_received", "agent_response", "conversation_merged", CLOSED})
DELAY: Final = timedelta(seconds=5)
"""A message and the answer to it are one look at their contact."""


def take_events(events: Sequence[Event]) -> None:
    """Note which contacts to look at, and a note for each closing, in the caller's transaction.

    For the bus, in the tenant's scope. The same event again changes nothing. A connection hears of nothing older than
    its switch.
    """
    switches = dict(CrmSwitch.objects.filter(sends_contacts=True).values_list("connection_id", "changed_at"))
    if not switches:
        return
    talks = {UUID(event.payload["conversation"]) for event in events if "conversation" in event.payload}
    owners = dict(Conversation.objects.filter(pk__in=talks).values_list("pk", "contact_id"))
    for connection_id, since in switches.items():
        take_for(connection_id, [event for event in events if event.created_at >= since], owners, now())


def take_for(connection_id: UUID, events: Sequence[Event], owners: dict[UUID, UUID], moment: datetime) -> None:
    """Note what events mean for one connection; `owners` are the contacts of conversations."""
    people = {event.id: owner_of(event, owners) for event in events}
    alive = Contact.objects.filter(pk__in={one for one in people.values() if one}, erased_at=None, user=None)
    wanted = sorted(alive.values_list("pk", flat=True))
    new = [CrmContact(connection_id=connection_id, contact_id=contact_id) for contact_id in wanted]
    CrmContact.objects.bulk_create(new, ignore_conflicts=True)
    theirs = CrmContact.objects.filter(connection_id=connection_id, contact_id__in=wanted).exclude(state__in=GONE)
    rows = {row.contact_id: row for row in theirs.select_for_update(of=("self",)).order_by("pk")}
    notes = [
        CrmNote(
            contact=rows[owner],
            conversation_id=UUID(event.payload["conversation"]),
            closing=event.id,
            closed_at=event.created_at,
            is_resolved=event.payload["resolved"],
        )
        for event in events
        if event.type == CLOSED and (owner := people[event.id]) in rows
    ]
    CrmNote.objects.bulk_create(notes, ignore_conflicts=True)
    # One that is due already, or waits for another try, is looked at then.
    theirs.filter(due_at=None).update(**due_from(moment + DELAY))


def owner_of(event: Event, owners: dict[UUID, UUID]) -> UUID | None:
    """Return the contact that an event is about."""
    if "contact" in event.payload:
        return UUID(event.payload["contact"])
    return owners.get(UUID(event.payload["conversation"]))
