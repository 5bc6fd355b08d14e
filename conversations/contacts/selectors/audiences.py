"""Audiences: the contacts with a tag, and those left out because they can't be messaged."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from conversations import registry
from conversations.models import Contact, ContactPoint, ContactTag, Conversation
from core.clock import now as clock_now
from core.errors import NotFound
from core.models import Consent
from core.reach import ledger
from core.reach.policy import current_policy
from core.reach.verdict import (
    BLOCKED,
    LIMIT,
    MARKETING,
    NO_CONSENT,
    OPTED_OUT,
    UNREACHABLE,
    WINDOW_CLOSED,
    ChannelRules,
    Entry,
    Known,
    Question,
    is_unreachable,
    verdict,
)

AGAINST: Final = (Consent.State.WITHDRAWN, Consent.State.BLOCKED, Consent.State.UNREACHABLE)
NO_ADDRESS: Final = "no_address"
WHY: Final[Mapping[str, str]] = {
    OPTED_OUT: "left out because they opted out",
    UNREACHABLE: "left out because their address can't receive messages",
    BLOCKED: "left out because they are blocked",
    NO_CONSENT: "left out because they haven't agreed to marketing",
    WINDOW_CLOSED: "left out because they last wrote more than 24 hours ago and no template is chosen",
    LIMIT: "left out because the limit of marketing messages is reached",
    NO_ADDRESS: "left out because they have no address on this channel",
}


@dataclass(frozen=True, slots=True)
class Audience:
    """A tag with its reachable contacts, those left out and why, and its size on the platform."""

    name: str
    contacts: int
    size: int | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def in_numbers(self) -> str:
        """Return the numbers in words: "1,480 in the platform, 7 of them reachable here by chat"."""
        if self.size is None:
            numbers = f"{self.contacts:,} reachable here by chat"
        else:
            among = f"{self.contacts:,}" if self.contacts else "none"
            numbers = f"{self.size:,} in the platform, {among} of them reachable here by chat"
        return ", ".join(filter(None, [numbers, left_out_in_words(self.left_out)]))


def left_out_in_words(left_out: Mapping[str, int]) -> str:
    """Return who is left out in words: "2 left out because they opted out".

    Returns "" for nobody.
    """
    return ", ".join(f"{left_out[reason]:,} {words}" for reason, words in WHY.items() if left_out.get(reason))


def list_audiences() -> list[Audience]:
    """Return the audiences of the tenant in scope with their reachable contacts and those left out."""
    tagged = ContactTag.objects.filter(contact__conversations__isnull=False).distinct()
    members: dict[str, set[UUID]] = {}
    for name, contact_id in tagged.order_by("name").values_list("name", "contact_id"):
        members.setdefault(name, set()).add(contact_id)
    blocked = left_out(Contact.objects.filter(tags__isnull=False))
    audiences = []
    for name, ids in members.items():
        reasons = Counter(blocked[contact_id] for contact_id in ids if contact_id in blocked)
        audiences.append(Audience(name, len(ids) - reasons.total(), left_out=dict(reasons)))
    return audiences


def left_out(contacts: QuerySet[Contact, Any]) -> dict[UUID, str]:
    """Return the contacts that get no audience messages, with the reason.

    An opt-out on any channel counts everywhere; an unreachable address counts only where it is the one that would be
    messaged. Where the organisation messages only people who agreed, all others are left out.
    """
    theirs = ContactPoint.objects.filter(contact__in=contacts.order_by().values("pk")).defer("value")
    if not current_policy().needs_consent:
        noted = Consent.objects.filter(state__in=AGAINST).values("address_index")
        theirs = ContactPoint.objects.filter(contact__in=theirs.filter(value_index__in=noted).values("contact_id"))
    points: dict[UUID, list[ContactPoint]] = {}
    for point in theirs.defer("value"):
        points.setdefault(point.contact_id, []).append(point)
    if not points:
        return {}
    entries = ledger.entries_of(point.value_index for found in points.values() for point in found)
    rows = Conversation.objects.filter(contact__in=list(points)).order_by("contact_id", "-last_message_at")
    account = ("channel_account__kind", "channel_account__provider")
    lean = rows.select_related("channel_account").only("contact_id", "origin_id", "last_inbound_at", *account)
    newest = {row.contact_id: row for row in lean.distinct("contact_id")}
    reasons = {contact_id: _why_not(found, entries, newest.get(contact_id)) for contact_id, found in points.items()}
    return {contact_id: reason for contact_id, reason in reasons.items() if reason}


def _why_not(points: list[ContactPoint], entries: Mapping[str, Sequence[Entry]], newest: Conversation | None) -> str:
    """Return why a contact gets no audience messages, or "". The window isn't asked: a template may go out."""
    channel = newest.channel_account.kind if newest else ""
    question = Question(ChannelRules(channel, is_passive=True), MARKETING)
    wrote_at = newest.last_inbound_at if newest else None
    # What is known of all addresses decides whether they want it, what is known of one whether it arrives.
    known = Known(others=[entries[point.value_index] for point in points], policy=current_policy())
    found = verdict(question, known, clock_now())
    if found.kind == "refused" or newest is None:
        return found.reason
    try:
        kinds = registry.transport_for(channel, newest.channel_account.provider).medium.recipient_kinds
    except NotFound:
        return ""
    fitting = [point for point in points if point.kind in kinds and point.origin_id == newest.origin_id]
    lost = fitting and all(is_unreachable(entries[point.value_index], channel, wrote_at) for point in fitting)
    return UNREACHABLE if lost else ""
