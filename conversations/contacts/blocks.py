"""Opt-outs, unreachable addresses and blocked contacts, as lines of the consent ledger."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from conversations.contacts.contacts import point_index, together_with
from conversations.models import Contact, ContactPoint
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.errors import Invalid, NotFound, Refused
from core.models import Consent
from core.reach import ledger
from core.reach.verdict import ANY, MARKETING, OPTED_OUT, STOPPABLE, UNREACHABLE, has_objected, latest

RECORD: Final = "core.record_consent"
# Marks the one message that still goes out: the confirmation of the opt-out itself.
CONFIRMS_WISH: Final = "confirms_wish"
NO_MARKETING: Final = "no_marketing"
"""Reason: the person stopped marketing with the provider's switch. Other messages still reach them."""
STATES: Final = {
    OPTED_OUT: Consent.State.WITHDRAWN,
    NO_MARKETING: Consent.State.WITHDRAWN,
    UNREACHABLE: Consent.State.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What somebody, or their provider, said about messages to an address: lines of the ledger."""

    state: Consent.State
    source: Consent.Source
    purposes: Sequence[str]
    channel: str
    at: datetime | None = None


def block_point(
    *,
    actor: Actor,
    sender: SenderIdentity,
    channel: str,
    reason: str,
    by_provider: bool = False,
    now: datetime | None = None,
) -> bool:
    """Record that an address can't be messaged on a kind of channel.

    Returns False if that counted already. No contact needs to have the address. For channels only: `reason` is
    "opted_out", "no_marketing" or "unreachable". An opt-out is the person's own word unless only the provider knows of
    it (`by_provider`). Writes an audit entry. Raises `Refused`, `Invalid`.
    """
    _require_channel(actor)
    if reason not in STATES:
        raise Invalid("This reason isn't known.", fields={"reason": ["unknown"]})
    is_own_word = reason == OPTED_OUT and not by_provider
    source = Consent.Source.CUSTOMER if is_own_word else Consent.Source.PROVIDER
    purposes = (MARKETING,) if reason == NO_MARKETING else STOPPABLE
    said = _Said(STATES[reason], source, purposes, channel, now)
    return _add(actor, "CONTACT_BLOCKED", sender, reason, said)


def resume_marketing(*, actor: Actor, sender: SenderIdentity, channel: str, now: datetime | None = None) -> bool:
    """Record that the owner of an address agreed to marketing again.

    They did so with their provider's own switch. Returns False if that counted already. For channels only. Writes an
    audit entry. Raises `Refused`.
    """
    _require_channel(actor)
    said = _Said(Consent.State.GIVEN, Consent.Source.PROVIDER, (MARKETING,), channel, now)
    return _add(actor, "CONTACT_UNBLOCKED", sender, NO_MARKETING, said)


def unblock_point(*, actor: Actor, sender: SenderIdentity, channel: str) -> bool:
    """Record that the owner of an address opted in again.

    Marketing comes back only for somebody who had agreed to it before, and without an end: START isn't a consent of its
    own. Returns False if they had not opted out. For channels only. Writes an audit entry. Raises `Refused`.
    """
    _require_channel(actor)
    with transaction.atomic():
        purposes = _lifted_by_start(sender, channel)
        said = _Said(Consent.State.GIVEN, Consent.Source.CUSTOMER, purposes, channel)
        return bool(purposes) and _add(actor, "CONTACT_UNBLOCKED", sender, OPTED_OUT, said)


def has_opted_out(*, sender: SenderIdentity, channel: str) -> bool:
    """Return True if START from this address would lift something."""
    return bool(_lifted_by_start(sender, channel))


def _lifted_by_start(sender: SenderIdentity, channel: str) -> list[str]:
    """Return the purposes that START is about; none if the person objected to nothing that it can lift."""
    index = point_index(sender.kind, sender.value)
    entries = ledger.entries_of([index, *together_with(index)])
    said = [row for rows in entries.values() for row in rows]
    agreed = latest(said, (channel, ANY), (Consent.State.GIVEN,), MARKETING)
    # The consent that START gives back has no end, so it isn't for one that had.
    had_agreed = agreed is not None and agreed.expires_at is None
    purposes = [purpose for purpose in STOPPABLE if purpose != MARKETING or had_agreed]
    is_lifting = any(has_objected(rows, channel, purpose) for rows in (said, entries[index]) for purpose in purposes)
    return purposes if is_lifting else []


def block_contact(*, actor: Actor, contact_id: UUID) -> bool:
    """Block a contact on every channel, for people, agents and campaigns.

    Safe to repeat. Their own messages are still stored and shown. Returns False if they were blocked already. Needs
    `core.record_consent`; raises `NotFound`, and `Invalid` for a contact without addresses. Writes `CONTACT_BLOCKED`.
    """
    return _set_block(actor, contact_id, "CONTACT_BLOCKED", Consent.State.BLOCKED)


def unblock_contact(*, actor: Actor, contact_id: UUID) -> bool:
    """Lift a colleague's block of a contact.

    Safe to repeat. What the person opted out of stays so. Returns False if they were not blocked. Needs
    `core.record_consent`; raises `NotFound`. Writes `CONTACT_UNBLOCKED`.
    """
    return _set_block(actor, contact_id, "CONTACT_UNBLOCKED", Consent.State.UNBLOCKED)


def _set_block(actor: Actor, contact_id: UUID, action: str, state: str) -> bool:
    actor.require(RECORD)
    with transaction.atomic():
        rows = ContactPoint.objects.filter(contact_id=contact_id).order_by("pk").values_list("value_index", flat=True)
        list(rows.select_for_update(of=("self",)))
        # The contact too, and read again: an address that is added at this moment waits, or is here.
        list(Contact.objects.select_for_update().filter(pk=contact_id).values_list("pk"))
        indexes = list(rows)
        if not indexes:
            raise NotFound("There is no such contact, or they have no address.")
        # The others too: all locks in one order, so that two blocks can't wait for each other.
        said: dict[str, Any] = {"channel": ANY, "state": state, "others": indexes, "recorded_by": actor.user_id}
        source = ledger.source_of(actor)
        added = [ledger.add_lines(address_index=index, source=source, **said) for index in indexes]
        if any(added):
            chain.note(actor, action, Contact(pk=contact_id), channel=ANY, reason=str(state))
    return any(added)


def _require_channel(actor: Actor) -> None:
    if actor.kind != "system":
        raise Refused("Only the channel itself can report this.")


@transaction.atomic
def _add(actor: Actor, action: str, sender: SenderIdentity, reason: str, said: _Said) -> bool:
    """Add what was said of an address to the ledger; the audit entry is about its contact, if it has one."""
    index = point_index(sender.kind, sender.value)
    added = ledger.add_lines(address_index=index, others=together_with(index), **asdict(said))
    if not added:
        return False
    point = ContactPoint.objects.filter(kind=sender.kind, value_index=index).only("contact_id").first()
    if point is None:
        chain.note(actor, "CONSENT_RECORDED", added[0], channel=said.channel, state=str(said.state))
    else:
        facts = {"channel": said.channel, "reason": reason, "point": str(point.pk)}
        chain.note(actor, action, Contact(pk=point.contact_id), **facts)
    return True
