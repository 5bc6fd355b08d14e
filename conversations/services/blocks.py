"""Addresses that may not be written to on a channel: their owner said stop, or the provider cannot reach them."""

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
# Metadata of the one message that still goes out: the confirmation of the wish itself.
CONFIRMS_WISH: Final = "confirms_wish"


def block_point(
    *, actor: Actor, sender: SenderIdentity, channel: str, reason: str, now: datetime | None = None
) -> bool:
    """Write nothing more to an address on a kind of channel; False when it was so, or nobody has the address.

    For the doors, who heard it from the person ("opted_out") or the provider ("unreachable"). Raises
    `Refused`, `Invalid`. Announces nothing; an audit entry on the contact says so.
    """
    _require_door(actor)
    if reason not in (OPTED_OUT, UNREACHABLE):
        raise Invalid("This reason is not known.", fields={"reason": ["unknown"]})
    with transaction.atomic():
        point = _locked(sender)
        known = point.blocks.get(channel, {}).get("reason") if point else ""
        if point is None or known in (reason, OPTED_OUT):
            return False
        point.blocks = {**point.blocks, channel: {"reason": reason, "since": (now or clock_now()).isoformat()}}
        _save(actor, point, "CONTACT_BLOCKED", channel, reason)
    return True


def unblock_point(*, actor: Actor, sender: SenderIdentity, channel: str) -> bool:
    """Write to an address again, because its owner said so; False when nothing was in the way.

    For the doors. Raises `Refused`. Announces nothing; an audit entry on the contact says so.
    """
    _require_door(actor)
    with transaction.atomic():
        point = _locked(sender)
        if point is None or channel not in point.blocks:
            return False
        gone = point.blocks[channel]["reason"]
        point.blocks = {name: block for name, block in point.blocks.items() if name != channel}
        _save(actor, point, "CONTACT_UNBLOCKED", channel, gone)
    return True


def writable(points: list[ContactPoint], message: Message) -> list[ContactPoint]:
    """Return the points that a message may go to; raises `NotFound` with why there is none.

    Who could not be reached and wrote since can be reached.
    """
    if not points:
        raise NotFound("The contact has no address on this channel.", code="no_address")
    channel = message.channel_account.kind
    free = [point for point in points if not point.is_blocked(channel, message.conversation.last_inbound_at)]
    if not free and not message.metadata.get(CONFIRMS_WISH):
        raise NotFound("The contact must not be written to on this channel.", code=points[0].blocks[channel]["reason"])
    return free or points


def _require_door(actor: Actor) -> None:
    if actor.kind != "system":
        raise Refused("Only the channel itself learns this.")


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
