"""Who it is that an identity provider has proven, and what follows for them: an account, a role, teams, a session.

Who somebody is, is issuer and subject. An address that a provider says is never looked up among the accounts of others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, QuerySet

from accounts.company.claims import Place, address_of, groups_of, names_of, teams_in
from accounts.company.protocol import SignInFailed
from accounts.company.rules import given_now
from accounts.members.acceptance import inviter_of, record_acceptance, take
from accounts.members.invitations import check_name, having_address
from accounts.members.profile import USE
from accounts.models import (
    CompanySession,
    Directory,
    DirectoryPerson,
    Identity,
    IdentityProvider,
    Invitation,
    Membership,
    User,
)
from accounts.permissions.roles import version_of_role
from accounts.permissions.team_scope import place_in_teams
from accounts.selectors import hold_membership
from accounts.services import SIGN_IN_RULE, add_member, close_membership
from accounts.sessions import company
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.errors import Conflict, Invalid, NotFound
from core.ids import uuid7
from core.privacy.encryption import blind_index
from core.reliability import limits

ACTOR: Final = system("company sign-in")
NOBODYS: Final = "company.invalid"
"""The domain of the addresses of accounts that a provider made: nobody is found or signs in by them."""
_COLUMN: Final = "accounts_identity.subject"


@dataclass(frozen=True, slots=True)
class Visitor:
    """From where somebody signs in, for the audit log."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a sign-in would do: an outcome in words, and the role and the teams that the groups lead to."""

    outcome: str
    role: str
    place: Place
    groups: frozenset[str]
    withheld: tuple[str, ...]
    """The names of roles that rules mean for the groups, and that can't be given now."""


def find_identity(provider: IdentityProvider, subject: str) -> Identity | None:
    """Return who somebody is at a provider, in the tenant in scope. One query."""
    rows = Identity.objects.filter(issuer=provider.issuer, subject=digest_of_subject(provider.issuer, subject))
    return rows.select_related("user").first()


def digest_of_subject(issuer: str, subject: str) -> str:
    """Return the stored form of a subject at an issuer, in the tenant's scope."""
    return blind_index(f"{issuer}\n{subject}", column=_COLUMN)


def digest_of_external(external: str) -> str:
    """Return the stored form of a person's id in the directory, in the tenant's scope."""
    return blind_index(external, column="accounts_directoryperson.external")


def find_pushed(provider: IdentityProvider, claims: Mapping[str, Any]) -> DirectoryPerson | None:
    """Return the person that the directory has pushed, by the claim with their id there, if only companies open them.

    Somebody with a password connects by that: a directory doesn't say whose it is. Two queries.
    """
    directory = Directory.objects.filter(provider=provider).first()
    external = claims.get(directory.person_claim) if directory is not None else None
    if not isinstance(external, str) or not external:
        return None
    rows = DirectoryPerson.objects.select_related("user").filter(external=digest_of_external(external), gone_at=None)
    found: DirectoryPerson | None = rows.exclude(user__company_address="").first()
    return found


def pushed_as(provider: IdentityProvider, user_id: UUID) -> DirectoryPerson | None:
    """Return the row of a person that the directory has pushed, None also where none is connected. One query.

    Once they are `by_groups`, the directory's groups decide about role and teams, not those of a sign-in.
    """
    is_connected = Exists(Directory.objects.filter(provider=provider))
    found: DirectoryPerson | None = DirectoryPerson.objects.filter(is_connected, user_id=user_id, gone_at=None).first()
    return found


def make_due(people: QuerySet[DirectoryPerson]) -> None:
    """Let pushed people follow their groups again, in the caller's transaction: it may concern all of them."""
    # In one order: a push of a group and a change of the rules may concern the same.
    list(people.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    people.update(due_at=clock_now())


def enter(provider: IdentityProvider, claims: Mapping[str, Any]) -> Identity:
    """Return the identity that a provider has proven, with role and teams as its groups say now.

    Somebody new is a person that the directory has pushed, or gets an account of this organisation alone, if the
    provider's people need no invitation. For the callback, which has checked the claims. Raises `SignInFailed`, and
    `Conflict` ("limit_reached"). Writes `IDENTITY_CONNECTED` for somebody new.
    """
    identity, pushed = find_identity(provider, claims["sub"]), find_pushed(provider, claims)
    if identity is not None and pushed is not None and pushed.user_id != identity.user_id:
        become_pushed(identity, pushed)
    if identity is None and pushed is not None:
        try:
            with transaction.atomic():
                identity = _make_identity(provider, claims, pushed.user)
                chain.note(ACTOR, "IDENTITY_CONNECTED", identity, how="directory")
        except IntegrityError:  # at the same time, or as another person there
            raise SignInFailed("connected_elsewhere") from None
    if identity is None:
        if not provider.creates_people:
            raise SignInFailed("unknown_person")
        identity = create_person(provider, claims)
    follow(provider, identity, claims)
    return identity


def become_pushed(identity: Identity, pushed: DirectoryPerson) -> None:
    """Let a person who signed in before they were pushed, under another address, be the one that was pushed.

    The account that the push made was never used: its membership ends. Otherwise the directory would switch off that
    one alone. Raises `SignInFailed` ("no_membership", "connected_elsewhere"). Writes `IDENTITY_CONNECTED` and
    `MEMBER_REMOVED`.
    """
    both, moment = [identity.user_id, pushed.user_id], clock_now()
    try:
        with transaction.atomic():
            members = Membership.objects.select_for_update(no_key=True).filter(user_id__in=both).order_by("pk")
            unused = {one.user_id: one for one in members}.get(pushed.user_id)
            if unused is None or not unused.is_active:  # the directory has switched them off
                raise SignInFailed("no_membership")
            if Identity.objects.filter(user_id=pushed.user_id).exists():
                raise SignInFailed("connected_elsewhere")
            row = DirectoryPerson.objects.filter(pk=pushed.pk, user_id=pushed.user_id, gone_at=None)
            if not row.update(user_id=identity.user_id, changed_at=moment, due_at=moment):
                raise SignInFailed("connected_elsewhere")
            close_membership(unused)
            chain.note(ACTOR, "IDENTITY_CONNECTED", identity, how="directory")
            chain.record(ACTOR, "MEMBER_REMOVED", "accounts.membership", unused.pk, old_state=unused.role)
    except IntegrityError:  # pushed as another person
        raise SignInFailed("connected_elsewhere") from None


def join(provider: IdentityProvider, claims: Mapping[str, Any], *, invitation_id: UUID, visitor: Visitor) -> Identity:
    """Accept an invitation as the person that a provider has proven, once, with an account of this organisation alone.

    For the callback, after the invitation's link. Raises `SignInFailed`, `NotFound`, `Gone`
    ("invitation_over") and `Conflict` ("limit_reached"). Writes `INVITATION_ACCEPTED` and `IDENTITY_CONNECTED`.
    """
    moment, known = clock_now(), find_identity(provider, claims["sub"])
    if known is not None and Membership.objects.filter(user=known.user, is_active=True).exists():
        raise SignInFailed("connected_elsewhere")
    try:
        with transaction.atomic():
            row = locked(Invitation, invitation_id)
            inviter = inviter_of(row, moment)
            # Who was a member before is the same person again. The mail brought the link to the address.
            user = known.user if known else make_account(claims, str(row.address))
            identity = known or _make_identity(provider, claims, user)
            membership = take(row, inviter, user, moment=moment)
            actor = _actor_of(user, membership.role, visitor)
            record_acceptance(actor, row, membership)
            chain.note(actor, "IDENTITY_CONNECTED", identity, how="invitation")
    except IntegrityError:
        raise SignInFailed("connected_elsewhere") from None
    follow(provider, identity, claims)
    return identity


def link(provider: IdentityProvider, claims: Mapping[str, Any], *, user: User, visitor: Visitor) -> Identity:
    """Connect a member, who is signed in by password and has just confirmed it, with who they are at the provider.

    Safe to repeat. Raises `SignInFailed` ("no_membership", "connected_elsewhere"). Writes `IDENTITY_CONNECTED`.
    """
    try:
        with transaction.atomic():
            hold_membership(user.pk)
            membership = Membership.objects.filter(user=user, is_active=True).first()
            if membership is None:
                raise SignInFailed("no_membership")
            known = find_identity(provider, claims["sub"])
            if known is not None and known.user_id == user.pk:
                return known
            identity = _make_identity(provider, claims, user)
            chain.note(_actor_of(user, membership.role, visitor), "IDENTITY_CONNECTED", identity, how="profile")
    except IntegrityError:
        raise SignInFailed("connected_elsewhere") from None
    return identity


def unlink(*, actor: Actor) -> None:
    """End that the actor is connected with the organisation's provider, and the sessions that it began for them.

    Needs `accounts.use_profile`, and a password by which they still get in: `Conflict` ("only_way"). Raises `Refused`
    and `NotFound`. Writes `IDENTITY_DISCONNECTED`.
    """
    actor.require(USE)
    person = actor.require_person("Only people sign in at a company, and only for themselves.", by_key=False)
    with transaction.atomic():
        hold_membership(person)
        membership = Membership.objects.select_related("user").filter(user_id=person, is_active=True).first()
        rows = Identity.objects.filter(user_id=person, issuer__in=IdentityProvider.objects.values("issuer"))
        identity = rows.select_for_update().first()
        if membership is None or identity is None:
            raise NotFound("You aren't connected with your company sign-in.")
        if membership.sign_in == Membership.SignIn.COMPANY or not membership.user.has_usable_password():
            raise Conflict("Your company sign-in is your only way in.", code="only_way")
        company.end(CompanySession.objects.filter(identity=identity))
        gone = identity.pk
        identity.delete()
        chain.record(actor, "IDENTITY_DISCONNECTED", "accounts.identity", gone)


def follow(provider: IdentityProvider, identity: Identity, claims: Mapping[str, Any]) -> None:
    """Give a member the role and the teams that their groups lead to now, and their mail's address. Owners stay owners.

    Who is or was in a pushed group that a rule names follows the directory's groups instead. Raises `SignInFailed`
    ("no_membership") for somebody who is no active member.
    """
    pushed, groups = pushed_as(provider, identity.user_id), groups_of(claims, provider.groups_claim)
    try:
        with transaction.atomic():
            # Before the member's row, as where the rule changes.
            advisory_lock(SIGN_IN_RULE, shared=True)
            hold_membership(identity.user_id)
            member = Membership.objects.select_related("user").filter(user_id=identity.user_id, is_active=True).first()
            if member is None or not member.user.is_active:
                raise SignInFailed("no_membership")
            if pushed is None:
                follow_address(member, address_of(claims))
            elif pushed.by_groups:
                return
            place = given_now(provider).place(groups, has=member.role)
            if place.role != member.role:
                add_member(actor=ACTOR, user=member.user, role=place.role)
    except Conflict:
        raise SignInFailed("no_membership") from None
    # Not in the same transaction: the audit log's head is locked last.
    place_in_teams(actor=ACTOR, user_id=identity.user_id, wanted=place.teams, among=teams_in(provider.rules))


def try_out(provider: IdentityProvider, claims: Mapping[str, Any]) -> Trial:
    """Return what a sign-in with these claims would do. Changes nothing."""
    groups, given = groups_of(claims, provider.groups_claim), given_now(provider)
    place, identity = given.place(groups), find_identity(provider, claims["sub"])
    known = identity or find_pushed(provider, claims)
    member = Membership.objects.filter(user_id=known.user_id).first() if known else None
    role = place.role
    if known is None:
        address = address_of(claims)
        if not provider.creates_people:
            outcome = "Refused: nobody here is connected with this account, and people need an invitation."
        elif not address:
            outcome = "Refused: the provider doesn't say an email address."
        elif _is_taken(address):
            outcome = "Refused: somebody here has this email address and isn't connected yet."
        elif limits.is_reached("members"):
            outcome = "Refused: your organisation has as many members as it may have."
        else:
            outcome = "Let in as a new person."
    elif member is None or not member.is_active:
        outcome, role = "Refused: this person is no longer a member.", ""
    else:
        outcome, pushed = "Let in as a person who is a member.", pushed_as(provider, member.user_id)
        keeps = pushed is not None and pushed.by_groups
        role = member.role if keeps else given.place(groups, has=member.role).role
    return Trial(outcome, role, place, groups, given.withheld(groups))


def create_person(provider: IdentityProvider, claims: Mapping[str, Any]) -> Identity:
    """Make an account of this organisation alone for somebody without an invitation."""
    address = address_of(claims)
    if not address:
        raise SignInFailed("no_address")
    with transaction.atomic():
        advisory_lock("people of the company sign-in")
        advisory_lock(SIGN_IN_RULE, shared=True)
        if (known := find_identity(provider, claims["sub"])) is not None:
            return known
        if _is_taken(address):
            raise SignInFailed("address_taken")
        role = given_now(provider).place(groups_of(claims, provider.groups_claim)).role
        user = make_account(claims, address)
        identity = _make_identity(provider, claims, user)
        membership = add_member(actor=ACTOR, user=user, role=role)
        chain.note(ACTOR, "IDENTITY_CONNECTED", identity, how="first_sign_in", membership=str(membership.pk))
    return identity


def _is_taken(address: str) -> bool:
    """Return True if somebody who is or was a member here has the address."""
    return Membership.objects.filter(having_address(address), erased_at=None).exists()


def make_account(claims: Mapping[str, Any], address: str) -> User:
    """Make an account of this organisation alone, without a password; for services that make its membership too."""
    first, last = (clean_name(name) for name in names_of(claims))
    user_id = uuid7()
    return User.objects.create_user(
        f"{user_id.hex}@{NOBODYS}",
        None,
        id=user_id,
        company_address=address,
        first_name=first,
        last_name=last,
        is_staff=True,
    )


def _make_identity(provider: IdentityProvider, claims: Mapping[str, Any], user: User) -> Identity:
    subject = digest_of_subject(provider.issuer, claims["sub"])
    identity: Identity = Identity.objects.create(user=user, issuer=provider.issuer, subject=subject)
    return identity


def follow_address(member: Membership, address: str) -> None:
    """Send mail of an account that a provider made to the address of now, unless it is somebody else's here."""
    user = member.user
    if user.company_address and address and address != user.company_address and not _is_taken(address):
        User.objects.filter(pk=user.pk).update(company_address=address)


def clean_name(name: str) -> str:
    """Return a part of a name, "" for one that isn't taken from people either."""
    try:
        return check_name(name)
    except Invalid:  # it reads as an address, or hides characters
        return ""


def _actor_of(user: User, role: str, visitor: Visitor) -> Actor:
    how = {"address": visitor.address, "user_agent": visitor.user_agent, "auth_strength": "company"}
    return Actor.of_user(user.pk, role, role_version=version_of_role(role), **how)
