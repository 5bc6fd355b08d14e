"""Taking a seat that was offered: what an invitation shows now, and accepting it exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.members.invitations import OBJECT, check_name
from accounts.models import Invitation, Membership, User
from accounts.permissions.role_limits import MANAGE, refuse_above
from accounts.services import actor_for_user, add_member
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Gone, Invalid, NotFound, Refused, WalkerError

STRENGTH: Final = "link"
SIGN_UP: Final = "sign_up"
SIGN_IN: Final = "sign_in"
ACCEPT: Final = "accept"
LONGEST_PART: Final = 80


@dataclass(frozen=True, slots=True)
class Opened:
    """An invitation as it is now, what its person has to do, and what stands in the way."""

    invitation: Invitation
    step: str = ""
    problem: WalkerError | None = None


def open_invitation(*, invitation_id: UUID, visitor: UUID | None = None, now: datetime | None = None) -> Opened:
    """Return what a link shows at this moment, in its tenant's scope; changes nothing. Raises `NotFound`.

    `visitor` is who is signed in where the link was opened, if anybody is. The step is to sign up, to
    sign in, or to accept.
    """
    row = Invitation.objects.select_related("invited_by").filter(pk=invitation_id).first()
    if row is None:
        raise NotFound
    try:
        _inviter(row, now or clock_now())
        account = _account(row)
        return Opened(row, _step(row, account, visitor))
    except WalkerError as problem:
        return Opened(row, problem=problem)


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
    """Take the seat, once, and return whose it is: the visitor's, or that of the account which is made.

    Who may: whoever holds the link, signed in as its address where that has an account; a new person
    gives name and password. Counts only while whoever invited could invite to this role now. In the
    tenant's scope. Raises `NotFound`, `Invalid`, `Gone` ("invitation_over"), `Refused` ("sign_in",
    "other_person") and `Conflict` ("seated", "erased"). Announces nothing.
    """
    moment = now or clock_now()
    with transaction.atomic():
        row = locked(Invitation, invitation_id)
        inviter = _inviter(row, moment)
        account = _account(row)
        if _step(row, account, visitor) == SIGN_IN:
            raise Refused("Sign in with this address first.", code="sign_in")
        person = account or _new_person(row, first_name, last_name, password)
        row.accepted_at, row.person = moment, person
        row.save(update_fields=["accepted_at", "person"])
        seat = _seat(inviter, person, row.role)
        _record(person, row, seat, address=address, user_agent=user_agent)
    return person


def _inviter(row: Invitation, moment: datetime) -> Actor:
    """Return whoever invited, as he is now; raises `Gone` when the invitation counts no more."""
    if row.state(moment) != "open":
        raise Gone("This invitation counts no more.", code="invitation_over", why=row.state(moment))
    if row.invited_by is None:
        return system("invitations")
    try:
        # As when it was made: a role that was taken from the inviter meanwhile is given to nobody in his name.
        actor = actor_for_user(row.invited_by, auth_strength=STRENGTH)
        actor.require(MANAGE)
        refuse_above(actor, row.role)
    except Refused:
        raise Gone("This invitation counts no more.", code="invitation_over", why="inviter") from None
    return actor


def _account(row: Invitation) -> User | None:
    found = User.objects.filter(email__iexact=row.address or "").first()
    if found is None:
        return None
    if not found.is_active:
        raise Gone("This invitation counts no more.", code="invitation_over", why="account")
    seat = Membership.objects.filter(user=found).first()
    if seat is not None and seat.erased_at is not None:
        raise Conflict("You were erased here. Whoever comes back gets a new account.", code="erased")
    if seat is not None and seat.is_active:
        raise Conflict("You have a seat here already.", code="seated")
    return found


def _step(row: Invitation, account: User | None, visitor: UUID | None) -> str:
    if visitor is not None and (account is None or visitor != account.pk):
        raise Refused("This invitation is for somebody else.", code="other_person")
    if account is None:
        return SIGN_UP
    return SIGN_IN if visitor is None else ACCEPT


def _new_person(row: Invitation, first_name: str, last_name: str, password: str) -> User:
    first, last = check_name(first_name, "first_name"), check_name(last_name, "last_name")
    named = {"first_name": first, "last_name": last}
    faults: dict[str, list[str]] = {
        name: ["At most 80 letters." if text else "Write your name."]
        for name, text in named.items()
        if not 0 < len(text) <= LONGEST_PART
    }
    try:
        validate_password(password, User(email=row.address, **named))
    except ValidationError as weak:
        faults["password"] = list(weak.messages)
    if faults:
        raise Invalid("Nothing was done yet.", fields=faults)
    try:
        with transaction.atomic():
            return User.objects.create_user(row.address, password, is_staff=True, **named)
    except IntegrityError:
        # Another organisation's invitation was accepted at the same moment: there is an account now.
        raise Refused("Sign in with this address first.", code="sign_in") from None


def _seat(inviter: Actor, person: User, role: str) -> Membership:
    try:
        return add_member(actor=inviter, user=person, role=role)
    except Refused:
        raise Gone("This invitation counts no more.", code="invitation_over", why="inviter") from None


def _record(person: User, row: Invitation, seat: Membership, *, address: str, user_agent: str) -> None:
    actor = Actor(
        kind="user",
        id=person.pk,
        user_id=person.pk,
        role=seat.role,
        name=str(person.pk),
        address=address,
        user_agent=user_agent[:200],
        auth_strength=STRENGTH,
    )
    # Not whether there was an account before: that is nobody's business here.
    facts = {"membership": str(seat.pk), "invited_by": str(row.invited_by_id or "")}
    chain.record(
        actor=actor,
        action="INVITATION_ACCEPTED",
        object_type=OBJECT,
        object_id=row.pk,
        new_state=row.role,
        facts=facts,
    )
