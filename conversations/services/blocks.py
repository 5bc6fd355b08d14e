"""Block addresses on a channel: their owner opted out, or the provider cannot reach them."""

from datetime import datetime
from typing import Final

from django.db import transaction

from conversations.models import ContactPoint, Message
from conversations.services.contacts import point_index
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid, NotFound, Refused

OPTED_OUT: Final = "opted_out"
UNREACHABLE: Final = "unreachable"
HOPELESS: Final = frozenset({OPTED_OUT, UNREACHABLE, "no_address"})
# Marks the one message that still goes out: the confirmation of the opt-out itself.
CONFIRMS_WISH: Final = "confirms_wish"


def block_point(
    *, actor: Actor, sender: SenderIdentity, channel: str, reason: str, now: datetime | None = None
) -> bool:
    """Block an address on a kind of channel.

    Returns False if it was blocked already or no contact has it.
    For channels only: `reason` is "opted_out" (by the person) or "unreachable" (by the provider). Writes an
    audit entry on the contact. Raises `Refused`, `Invalid`.
    """
    _require_channel(actor)
    if reason not in (OPTED_OUT, UNREACHABLE):
        raise Invalid("This reason isn't known.", fields={"reason": ["unknown"]})
    with transaction.atomic():
        point = _locked(sender)
        known = point.blocks.get(channel, {}).get("reason") if point else ""
        if point is None or known in (reason, OPTED_OUT):
            return False
        point.blocks = {**point.blocks, channel: {"reason": reason, "since": (now or clock_now()).isoformat()}}
        _save(actor, point, "CONTACT_BLOCKED", channel, reason)
    return True


def unblock_point(*, actor: Actor, sender: SenderIdentity, channel: str) -> bool:
    """Unblock an address because its owner opted in again.

    Returns False if it was not blocked.
    For channels only. Writes an audit entry on the contact. Raises `Refused`.
    """
    _require_channel(actor)
    with transaction.atomic():
        point = _locked(sender)
        if point is None or channel not in point.blocks:
            return False
        reason = point.blocks[channel]["reason"]
        point.blocks = {name: block for name, block in point.blocks.items() if name != channel}
        _save(actor, point, "CONTACT_UNBLOCKED", channel, reason)
    return True


def select_writable(points: list[ContactPoint], message: Message) -> list[ContactPoint]:
    """Return the points that a message may go to.

    Raises `NotFound` with the reason if there is none.
    An address that was unreachable counts again once its owner has written.
    """
    if not points:
        raise NotFound("The contact has no address on this channel.", code="no_address")
    channel = message.channel_account.kind
    free = [point for point in points if not point.is_blocked(channel, message.conversation.last_inbound_at)]
    if not free and not message.metadata.get(CONFIRMS_WISH):
        raise NotFound("The contact can't be messaged on this channel.", code=points[0].blocks[channel]["reason"])
    return free or points


def _require_channel(actor: Actor) -> None:
    if actor.kind != "system":
        raise Refused("Only the channel itself can report this.")


def _locked(sender: SenderIdentity) -> ContactPoint | None:
    rows = ContactPoint.objects.select_for_update(of=("self",)).defer("value")
    found: ContactPoint | None = rows.filter(
        kind=sender.kind, value_index=point_index(sender.kind, sender.value)
    ).first()
    return found


def _save(actor: Actor, point: ContactPoint, action: str, channel: str, reason: str) -> None:
    point.save(update_fields=["blocks"])
    chain.record(
        actor=actor,
        action=action,
        object_type="conversations.contact",
        object_id=point.contact_id,
        facts={"channel": channel, "reason": reason, "point": str(point.pk)},
    )
