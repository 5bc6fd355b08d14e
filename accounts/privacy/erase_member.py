"""Erasing a member: the account, and every trace of the person in what the organisation keeps."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import Membership
from core.actors import Actor
from core.errors import Conflict, NotFound, Refused
from core.models import Erasure
from core.privacy.erasure import services as erasures

ERASE: Final = "accounts.erase_member"
OWNER: Final = Membership.Role.OWNER
ABOVE: Final = (OWNER, Membership.Role.ADMIN)


def erase_member(*, actor: Actor, membership_id: UUID, reason: str, now: datetime | None = None) -> Erasure:
    """Erase a colleague for good and return how far that is; a repeat returns the same erasure.

    The seat is closed and the keys are revoked at once, and so goes what he wrote in as a contact; a
    worker does the rest. What he did stays under an id that means nobody. `reason` is one of
    `Erasure.Reason`. Needs `accounts.erase_member` and a second factor; never oneself, never the
    last owner, and an owner or administrator only by an owner. Raises `Refused`, `Invalid`, `NotFound`, and `Conflict`
    ("last_owner", "operator", "in_the_way"). Writes `member.erasure_asked`, and `member.erased` at the
    end. Announces nothing.
    """
    erasures.require_eraser(actor=actor, permission=ERASE, reason=reason)
    with transaction.atomic():
        # All owners at once, in one order: two of them who erase one another leave one.
        owners = Membership.objects.select_for_update(of=("self",)).filter(role=OWNER, is_active=True).order_by("pk")
        left = set(owners.values_list("pk", flat=True))
        seat = (
            Membership.objects.select_for_update(of=("self",)).select_related("user").filter(pk=membership_id).first()
        )
        if seat is None:
            raise NotFound("There is no such member.")
        if seat.erased_at is None:
            _guard(actor, seat, left)
        return erasures.open_erasure(
            actor=actor,
            subject_type=erasures.Subject.MEMBER,
            subject_id=seat.pk,
            reason=reason,
            targets={"users": [seat.user_id]},
            now=now,
        )


def _guard(actor: Actor, seat: Membership, owners: set[UUID]) -> None:
    if seat.user_id == actor.user_id:
        raise Refused("Somebody else has to erase you.", code="yourself")
    if seat.role in ABOVE and actor.role != OWNER:
        raise Refused("Only an owner erases an owner or an administrator.", code="role_above_yours")
    if owners <= {seat.pk} and seat.role == OWNER:
        raise Conflict("The last owner cannot be erased: make somebody else an owner first.", code="last_owner")
    if seat.user.is_superuser:
        raise Conflict("This account runs the installation: its operators remove it.", code="operator")
