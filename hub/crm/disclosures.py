"""What may leave of a contact: nothing without their consent, and then the fields of the CRM's map."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db.models import F

from conversations.models import Contact, ContactPoint, Conversation
from core.clock import now
from core.reach import ledger
from core.reach.verdict import (
    ANY,
    BLOCKED,
    MARKETING,
    NO_CONSENT,
    OPTED_OUT,
    ChannelRules,
    Entry,
    Known,
    Policy,
    Question,
    verdict,
)
from integrations.crm.types import CrmContact

ERASED: Final = "erased"
MERGED: Final = "merged"
COLLEAGUE: Final = "colleague"
WHY: Final[Mapping[str, str]] = {
    NO_CONSENT: "They haven't agreed to marketing on every channel.",
    OPTED_OUT: "They opted out of marketing.",
    BLOCKED: "They are blocked.",
    COLLEAGUE: "This is a colleague.",
    MERGED: "They were merged into another contact.",
    ERASED: "They were erased.",
}
"""Why nothing of a contact leaves."""
QUESTION: Final = Question(ChannelRules(ANY, is_passive=True), MARKETING)
PROVEN: Final = (ContactPoint.Kind.EMAIL, ContactPoint.Kind.PHONE)


@dataclass(frozen=True)
class Disclosure:
    """What leaves of a contact, or `reason` why nothing does; `shown` is the same for people, masked."""

    contact: CrmContact = field(repr=False)
    shown: Mapping[str, str]
    reason: str = ""


def disclosures_of(contacts: Sequence[Contact]) -> dict[UUID, Disclosure]:
    """Return what leaves of each of some contacts. Three queries, however many."""
    points: dict[UUID, list[ContactPoint]] = {contact.pk: [] for contact in contacts}
    own_first = (F("origin").asc(nulls_first=True), "-is_primary", "id")
    for point in ContactPoint.objects.filter(contact__in=points).order_by(*own_first):
        points[point.contact_id].append(point)
    entries = ledger.entries_of(point.value_index for rows in points.values() for point in rows)
    read = Conversation.objects.filter(contact__in=points, read_seq__gt=0).order_by("contact_id", "-last_message_at")
    newest = {row.contact_id: row for row in read.only("contact_id", "lead").distinct("contact_id")}
    return {
        contact.pk: Disclosure(
            *told_of(contact, points[contact.pk], newest.get(contact.pk)),
            reason=why_withheld(
                contact,
                [entries[point.value_index] for point in points[contact.pk]],
                [entries[point.value_index] for point in points[contact.pk] if point.is_verified],
            ),
        )
        for contact in contacts
    }


def why_withheld(contact: Contact, said: Sequence[Sequence[Entry]], verified: Sequence[Sequence[Entry]]) -> str:
    """Return why nothing leaves. What somebody said from one of their addresses counts for all of them.

    An objection counts from any address, consent from `verified` ones alone: the others may be somebody else's.
    """
    if contact.erased_at is not None:
        return ERASED
    if contact.merged_into_id is not None:
        return MERGED
    if contact.user_id is not None:
        return COLLEAGUE
    # The organisation's rules for messages may be laxer: its CRM hears of people who agreed, and of nobody else.
    agreed = Known(others=verified, policy=Policy(needs_consent=True))
    return verdict(QUESTION, Known(others=said), now()).reason or verdict(QUESTION, agreed, now()).reason


def told_of(
    contact: Contact, points: Iterable[ContactPoint], talk: Conversation | None
) -> tuple[CrmContact, Mapping[str, str]]:
    """Return what a CRM hears of a contact, and the same masked; `talk` is the newest that was read."""
    proven: dict[str, ContactPoint] = {}
    for point in points:
        if point.is_verified and point.kind in PROVEN:
            proven.setdefault(point.kind, point)
    codes = {"heat": talk.lead_level, "score": str(talk.lead)} if talk else {}
    clear = {kind: point.value for kind, point in proven.items()}
    masked = {kind: point.masked_value for kind, point in proven.items()}
    codes["language"] = contact.language
    told = CrmContact(key=str(contact.pk), name=contact.display_name, **clear, **codes)
    return told, {"name": contact.shown_name, **masked, **codes}
