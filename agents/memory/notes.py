"""Write down what contacts say about themselves: the newest of a kind is current, the others are its history."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from agents.memory.kinds import MULTIPLE, SEVERAL, mask_fact
from agents.memory.models import ContactFact
from agents.memory.rules import may_hold_facts, read_facts
from conversations.models import Message
from core.clock import now
from core.ids import uuid7

MASK_LIMIT: Final = 80


class Rank(NamedTuple):
    """What makes one statement count more than another: proof of the sender first, then when it was made."""

    is_proven: bool
    said_at: datetime


def note_facts(*, contact_id: UUID, said: Iterable[tuple[UUID, str]]) -> int:
    """Write down the facts in messages of a contact, given with their masked texts; return how many are new.

    For the system only. Asks the database for nothing where no text has a phrase that a fact begins with. Only the
    contact's own text messages count; nothing is kept of an erased contact. What was said before the current fact, or
    by a sender with less proof, changes nothing, nor does a message that was read before. Safe to repeat, and from
    several workers at once: the contact's row is locked.
    """
    suspected = [message_id for message_id, text in said if may_hold_facts(text)]
    if not suspected:
        return 0
    with transaction.atomic():
        own = Message.objects.filter(
            pk__in=suspected,
            direction=Message.Direction.IN,
            sender_type=Message.Sender.CUSTOMER,
            content_type=Message.ContentType.TEXT,
            conversation__contact__erased_at=None,
        ).filter(
            Q(conversation__origin_id=contact_id) | Q(conversation__origin=None, conversation__contact_id=contact_id)
        )
        own = own.select_related("conversation__contact").only(
            "tenant_id", "body", "created_at", "sender_verified", "conversation__contact__tenant_id"
        )
        locked = own.select_for_update(of=("conversation__contact",), no_key=True)
        found = [(row, fact) for row in locked.order_by("created_at", "seq") for fact in read_facts(row.body)]
        if not found:
            return 0
        counts = Q(superseded_at=None) | Q(removed_at__isnull=False) | Q(message_id__in=list(suspected))
        kinds = {fact.kind for _, fact in found}
        kept = list(ContactFact.objects.filter(counts, contact_id=contact_id, kind__in=kinds).order_by("id"))
        made = 0
        for message, fact in found:
            rank = Rank(message.sender_verified, message.created_at)
            made += _note(kept, contact_id, message.pk, fact.kind, fact.value, rank)
    return made


def replace_fact(old: ContactFact, value: str, *, author_id: UUID | None) -> ContactFact:
    """Put a colleague's value in the place of a current fact. The contact's row is locked."""
    moment = now()
    new = ContactFact(
        contact_id=old.contact_id,
        kind=old.kind,
        place=old.place,
        value=value,
        masked_value=mask_fact(old.kind, value)[:MASK_LIMIT],
        origin=ContactFact.Origin.STAFF,
        author_id=author_id,
        is_proven=True,
        said_at=moment,
    )
    _supersede(old, new, moment)
    return new


def choose_place(kind: str, rank: Rank, current: Sequence[tuple[int, Rank]]) -> int | None:
    """Return the place of a new statement among the current ones, each with its rank; None if it changes nothing."""
    taken = {place for place, _ in current}
    most = SEVERAL if kind in MULTIPLE else 1
    free = next((place for place in range(most) if place not in taken), None)
    if free is not None:
        return free
    weakest, weakest_rank = min(current, key=lambda pair: pair[1])
    return weakest if rank > weakest_rank else None


def _note(kept: list[ContactFact], contact_id: UUID, message_id: UUID, kind: str, value: str, rank: Rank) -> int:
    same_kind = [row for row in kept if row.kind == kind]
    was_read = any(row.message_id == message_id for row in same_kind)
    if was_read or any(row.removed_at and rank.said_at <= row.removed_at for row in same_kind):
        return 0
    current = [row for row in same_kind if row.is_current]
    if repeated := next((row for row in current if row.value.casefold() == value.casefold()), None):
        if rank > _rank_of(repeated):
            # The same was said again: no other row, and a colleague's correction stays theirs.
            repeated.said_at, repeated.is_proven = rank.said_at, rank.is_proven
            if repeated.origin == ContactFact.Origin.SAID:
                repeated.message_id = message_id
            repeated.save(update_fields=["said_at", "is_proven", "message"])
        return 0
    place = choose_place(kind, rank, [(row.place, _rank_of(row)) for row in current])
    if place is None:
        return 0
    new = ContactFact(
        pk=uuid7(),
        contact_id=contact_id,
        kind=kind,
        place=place,
        value=value,
        masked_value=mask_fact(kind, value)[:MASK_LIMIT],
        message_id=message_id,
        is_proven=rank.is_proven,
        said_at=rank.said_at,
    )
    _supersede(next((row for row in current if row.place == place), None), new, now())
    kept.append(new)
    return 1


def _supersede(old: ContactFact | None, new: ContactFact, moment: datetime) -> None:
    """Insert the new fact; the old one leaves first, as only one may be current, and names it once it is there."""
    if old is None:
        new.save(force_insert=True)
        return
    row = ContactFact.objects.filter(pk=old.pk)
    row.update(superseded_at=moment)
    new.save(force_insert=True)
    row.update(superseded_by=new)
    old.superseded_at, old.superseded_by_id = moment, new.pk


def _rank_of(row: ContactFact) -> Rank:
    return Rank(row.is_proven, row.said_at)
