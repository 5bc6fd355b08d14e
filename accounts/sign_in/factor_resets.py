"""Lost second factors: one person who manages members asks for a reset, another agrees, and the person starts again.

What was asked stands in the audit log alone: there it is sealed, and a row beside it could only say something else.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.urls import reverse

from accounts.models import Membership, TokenFamily, User
from accounts.permissions.factor_rules import NOTICE
from accounts.permissions.role_limits import MANAGE, refuse_higher_role, refuse_stale_sign_in, refuse_weak_sign_in
from accounts.permissions.roles import permissions_here
from accounts.selectors import memberships_of, roles_now, roster
from accounts.services import refuse_emergency_owner
from accounts.sessions import families, store
from accounts.sign_in.known_devices import NOTICE as SIGN_IN
from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Refused
from core.models import AuditEntry

ANSWERED_WITHIN: Final = timedelta(days=1)
ASKED: Final = "FACTOR_RESET_ASKED"
REFUSED: Final = "FACTOR_RESET_REFUSED"
RESET: Final = "SECOND_FACTOR_RESET"
NOT_HERE: Final = (
    "This person's second factor can't be reset from here. They can use a recovery code, or you invite another address "
    "of theirs."
)


def pending_reset(membership_id: UUID, *, now: datetime | None = None) -> AuditEntry | None:
    """Return the audit entry of a reset that waits for a second person, None if there is none. One query."""
    last = chain.last_of("accounts.membership", membership_id, actions=(ASKED, REFUSED, RESET))
    if last is None or last.action != ASKED or not chain.is_genuine(last):
        return None
    return last if last.at + ANSWERED_WITHIN > (now or clock_now()) else None


def ask_reset(*, actor: Actor, membership_id: UUID, now: datetime | None = None) -> Membership:
    """Ask for a reset of a member's second factor, which a second person has to agree to.

    That within a day; nothing is removed before. Needs `accounts.manage_membership`, every permission of their role,
    and a sign-in as strong and fresh as changing roles does; never for oneself. The person gets an alert, and the
    others who manage members a notice. Raises `Refused` ("yourself", "role_above_yours", "weak_sign_in",
    "confirm_first"), `NotFound`, and `Conflict` ("asked", "no_factor", "left", "not_here" for a person whose factor
    protects more than this organisation, and "emergency_owner"). Writes `FACTOR_RESET_ASKED`.
    """
    moment = now or clock_now()
    with transaction.atomic():
        membership = _hold(actor, membership_id)
        _check_resettable(membership)
        if pending_reset(membership.pk, now=moment):
            raise Conflict("This reset waits for a second person already.", code="asked")
        key = f"reset:{membership.pk}:{int(moment.timestamp())}"
        notices.leave(
            people=roster().holding(MANAGE).keys() - {actor.user_id, membership.user_id},
            kind=NOTICE,
            title="A reset of a second factor waits for a second person",
            link=_page(membership),
            level="warning",
            dedupe_key=key,
        )
        notices.leave(
            people=[membership.user_id],
            kind=NOTICE,
            title="Someone asked to reset your second factor",
            body="It's removed once a second person agrees. If you still have it, tell those who manage members now.",
            link="/account/2fa/",
            level="alert",
            dedupe_key=key,
        )
        chain.note(actor, ASKED, membership)
    return membership


def agree_reset(*, actor: Actor, membership_id: UUID, now: datetime | None = None) -> Membership:
    """Reset a member's second factor, as another person asked.

    App, keys and recovery codes go. Who may is as in `ask_reset`, and never who asked. All sessions and tokens of the
    person end, API keys stay; they get an alert, and sign in with the password alone until they set up a factor. Raises
    what `ask_reset` does, `Refused` ("four_eyes"), and `Conflict` ("not_asked"). Writes `SECOND_FACTOR_RESET`, with who
    asked.
    """
    with transaction.atomic():
        membership = _hold(actor, membership_id)
        asked = pending_reset(membership.pk, now=now)
        asker = asked.actor_user_id if asked else None
        by = roles_now([asker]).get(asker) if asker else None
        if asked is None or by is None or not {MANAGE} | permissions_here(membership.role) <= by.permissions:
            raise Conflict("Nobody asks for this reset any more. You can ask for it yourself.", code="not_asked")
        if asker == actor.user_id:
            raise Refused("You asked for this reset. A second person must agree.", code="four_eyes")
        _check_resettable(membership)
        # A key that is added at this moment waits, and finds its session ended.
        User.objects.select_for_update().get(pk=membership.user_id)
        lost = Authenticator.objects.filter(user_id=membership.user_id)
        kinds = sorted(lost.values_list("type", flat=True))
        lost.delete()
        store.end_all(membership.user_id)
        families.end_everywhere(membership.user_id, TokenFamily.End.RESET)
        notices.settle(people=roster().holding(MANAGE), kind=NOTICE, link=_page(membership))
        notices.leave(
            people=[membership.user_id],
            kind=SIGN_IN,
            title="Your second factor was reset",
            body="Two people who manage members removed your app, keys and recovery codes, and signed you out "
            "everywhere. Set up a new one.",
            link="/account/2fa/",
            level="alert",
            dedupe_key=f"reset:{asked.pk}",
        )
        chain.note(actor, RESET, membership, asked_by=str(asker), removed=kinds)
    return membership


def refuse_reset(*, actor: Actor, membership_id: UUID, now: datetime | None = None) -> Membership:
    """Refuse a reset that waits for a second person, or take back one's own.

    Who may is as in `ask_reset`. Raises what it does, and `Conflict` ("not_asked"). Writes `FACTOR_RESET_REFUSED`.
    """
    with transaction.atomic():
        membership = _hold(actor, membership_id)
        if pending_reset(membership.pk, now=now) is None:
            raise Conflict("This reset doesn't wait for anyone any more.", code="not_asked")
        notices.settle(people=roster().holding(MANAGE), kind=NOTICE, link=_page(membership))
        chain.note(actor, REFUSED, membership)
    return membership


def _hold(actor: Actor, membership_id: UUID) -> Membership:
    """Return the member, locked until the commit: of two who agree at once, the second finds it done."""
    actor.require(MANAGE)
    actor.require_person("Only people who are signed in can do this.", by_key=False)
    membership = locked(Membership, membership_id, "There is no such member.")
    if membership.user_id == actor.user_id:
        raise Refused("You can't do this for yourself. Two colleagues who manage members can.", code="yourself")
    refuse_higher_role(actor, membership.role)
    # By the actor's role, which always may: their own factor comes first, however little the member's role allows.
    refuse_weak_sign_in(actor, actor.role)
    refuse_stale_sign_in(actor)
    return membership


def _check_resettable(membership: Membership) -> None:
    """Raise Conflict unless the person has a factor, on which no other organisation and no emergency depends."""
    if not (membership.is_active and membership.user.is_active):
        raise Conflict("This person is no longer a member.", code="left")
    if not Authenticator.objects.filter(user_id=membership.user_id).exists():
        raise Conflict("This person has no second factor.", code="no_factor")
    refuse_emergency_owner(membership)
    is_elsewhere = any(one.membership_id != membership.pk for one in memberships_of(membership.user_id))
    if is_elsewhere or membership.user.is_superuser:
        raise Conflict(NOT_HERE, code="not_here")


def _page(membership: Membership) -> str:
    return reverse("admin:accounts_membership_change", args=[membership.pk])
