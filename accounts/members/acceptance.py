"""Accepting an invitation: what its link shows now, and joining exactly once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.members.invitations import OBJECT, check_name
from accounts.members.profile import name_faults
from accounts.models import Invitation, Membership, User
from accounts.permissions.role_limits import MANAGE, refuse_higher_role
from accounts.permissions.roles import version_of_role
from accounts.services import actor_for_user, add_member
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.db.rows import get_or_missing
from core.errors import Conflict, Gone, Invalid, Refused, WalkerError

STRENGTH: Final = "link"
SIGN_UP: Final = "sign_up"
SIGN_IN: Final = "sign_in"
ACCEPT: Final = "accept"
OVER: Final = "This invitation has expired."


@dataclass(frozen=True, slots=True)
class OpenedInvitation:
    """An invitation as it is now: the invitee's next step, or the problem that prevents it."""

    invitation: Invitation
    step: str = ""
    problem: WalkerError | None = None


def open_invitation(
    *, invitation_id: UUID, visitor: UUID | None = None, now: datetime | None = None
) -> OpenedInvitation:
    """Return what an invitation's link shows a `visitor` now: the next step, or the problem. Raises `NotFound`."""
    row = get_or_missing(Invitation.objects.select_related("invited_by").filter(pk=invitation_id))
    try:
        inviter_of(row, now or clock_now())
        account = _account(row)
        return OpenedInvitation(row, _step(account, visitor))
    except WalkerError as problem:
        return OpenedInvitation(row, problem=problem)


def accept_invitation(
    *,
    invitation_id: UUID,
    visitor: UUID | None = None,
    first_name: str = "",
    last_name: str = "",
    password: str = "",
    address: str = "",
    user_agent: str = "",
    now: datetime | None = None,
) -> User:
    """Accept an invitation once and return the new member.

    Runs in the tenant's scope. Open to the holder of the link, signed in as the invited address if that
    has an account; a new person gives name and password. The inviter must still be allowed to grant
    the role. Raises `NotFound`, `Invalid`, `Gone` ("invitation_over"), `Refused` ("sign_in",
    "other_person") and `Conflict` ("already_member", "erased", "limit_reached"). Announces nothing.
    """
    moment = now or clock_now()
    with transaction.atomic():
        row = locked(Invitation, invitation_id)
        inviter = inviter_of(row, moment)
        account = _account(row)
        if _step(account, visitor) == SIGN_IN:
            raise Refused("Sign in with this address first.", code="sign_in")
        person = account or _create_account(row, first_name, last_name, password)
        membership = take(row, inviter, person, moment=moment)
        actor = Actor.of_user(
            person.pk,
            membership.role,
            role_version=version_of_role(membership.role),
            address=address,
            user_agent=user_agent,
            auth_strength=STRENGTH,
        )
        record_acceptance(actor, row, membership)
    return person


def take(row: Invitation, inviter: Actor, person: User, *, moment: datetime) -> Membership:
    """Make a person a member by an open, locked invitation; raises `Gone` if the inviter may no longer do that.

    For services that know who the person is, in their transaction.
    """
    row.accepted_at, row.person = moment, person
    row.save(update_fields=["accepted_at", "person"])
    try:
        return add_member(actor=inviter, user=person, role=row.role)
    except Refused:
        raise Gone(OVER, code="invitation_over", why="inviter") from None


def record_acceptance(actor: Actor, row: Invitation, membership: Membership) -> None:
    """Write the audit entry about an accepted invitation; as the last statement before the commit."""
    # Not whether the account existed before: this tenant has no business knowing.
    facts = {"membership": str(membership.pk), "invited_by": str(row.invited_by_id or "")}
    chain.record(actor, "INVITATION_ACCEPTED", OBJECT, row.pk, new_state=row.role, facts=facts)


def inviter_of(row: Invitation, moment: datetime) -> Actor:
    """Return the inviter with their current role; raises `Gone` if the invitation has expired."""
    if row.state(moment) != "open":
        raise Gone(OVER, code="invitation_over", why=row.state(moment))
    if row.invited_by is None:
        return system("invitations")
    try:
        # An inviter who has lost the role since can no longer grant it.
        actor = actor_for_user(row.invited_by, auth_strength=STRENGTH)
        actor.require(MANAGE)
        refuse_higher_role(actor, row.role)
    except Refused:
        raise Gone(OVER, code="invitation_over", why="inviter") from None
    return actor


def _account(row: Invitation) -> User | None:
    user = User.objects.filter(email__iexact=row.address or "").first()
    if user is None:
        return None
    if not user.is_active:
        raise Gone(OVER, code="invitation_over", why="account")
    membership = Membership.objects.filter(user=user).first()
    if membership is not None and membership.erased_at is not None:
        raise Conflict("You were erased from this organisation. To come back, you need a new account.", code="erased")
    if membership is not None and membership.is_active:
        raise Conflict("You're already a member of this organisation.", code="already_member")
    return user


def _step(account: User | None, visitor: UUID | None) -> str:
    if visitor is not None and (account is None or visitor != account.pk):
        raise Refused("This invitation is for someone else.", code="other_person")
    if account is None:
        return SIGN_UP
    return SIGN_IN if visitor is None else ACCEPT


def _create_account(row: Invitation, first_name: str, last_name: str, password: str) -> User:
    first, last = check_name(first_name, "first_name"), check_name(last_name, "last_name")
    named = {"first_name": first, "last_name": last}
    faults = name_faults(named)
    try:
        validate_password(password, User(email=row.address, **named))
    except ValidationError as weak:
        faults["password"] = list(weak.messages)
    if faults:
        raise Invalid("Nothing was saved. Check what you entered.", fields=faults)
    try:
        with transaction.atomic():
            return User.objects.create_user(row.address, password, is_staff=True, **named)
    except IntegrityError:
        # Another organisation's invitation was accepted at the same moment: the account exists now.
        raise Refused("Sign in with this address first.", code="sign_in") from None
