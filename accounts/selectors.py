"""Reading tenants, members and their memberships."""

import base64
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from accounts.models import IdentityProvider, Membership, OrganisationLogo, Role, Tenant, User
from accounts.permissions.factor_rules import due_of, is_lacking
from accounts.permissions.roles import PERMISSIONS, own_role, permissions_of, with_role
from accounts.sessions import company, store
from core.actors import Actor
from core.clock import zones
from core.db.rows import get_or_missing
from core.errors import NotFound
from core.files.pictures import type_of_drawn
from core.reliability import kept
from core.tenancy import lookups
from core.tenancy.scope import current_tenant_id, platform_scope, tenant_scope

VIEW = "accounts.view_membership"
MOST_NAMED = 10
SHORTEST_NAME = 2


@dataclass(frozen=True, slots=True)
class ActiveMembership:
    """One membership of a person, as looked up before a tenant is chosen."""

    tenant_id: UUID
    membership_id: UUID
    role: str
    own_teams_only: bool
    picture_key: str
    zone: str
    sign_in: str
    factor_due: datetime | None
    """From when the role needs a second factor."""
    permissions: frozenset[str]
    role_name: str
    role_version: int
    """Of an own role, 0 for a built-in one."""
    session_hours: int | None

    def opens_to_password(self, *, has_factor: bool) -> bool:
        """Return True if a password opens it, or a password with a second factor."""
        return self.sign_in == Membership.SignIn.ANY or (has_factor and self.sign_in == Membership.SignIn.FACTOR)


@dataclass(frozen=True, slots=True)
class Face:
    """What customers see of a colleague who answers them; the key is "" without a picture."""

    first_name: str
    picture_key: str


@dataclass(frozen=True, slots=True)
class Locale:
    """In which time zone and language a person is written to."""

    zone: ZoneInfo
    language: str


def memberships_of(user_id: UUID) -> list[ActiveMembership]:
    """Return a person's active memberships in all tenants. Works outside a tenant scope."""
    rows = lookups.find("memberships", str(user_id))
    memberships = []
    for row in rows:
        role = json.loads(row.pop("own_role") or "{}")
        row["factor_due"] = due_of(row["factor_due"])
        row["permissions"] = permissions_of(row["role"], role.get("permissions"))
        row["role_name"] = role.get("name") or row["role"].title()
        membership_id, version, hours = row.pop("id"), role.get("version", 0), role.get("session_hours")
        memberships.append(
            ActiveMembership(membership_id=membership_id, role_version=version, session_hours=hours, **row)
        )
    return sorted(memberships, key=lambda membership: membership.membership_id)


def memberships_by_password(user_id: UUID, *, has_factor: bool) -> list[ActiveMembership]:
    """Return those active memberships of a person that their password opens, in all tenants."""
    return [one for one in memberships_of(user_id) if one.opens_to_password(has_factor=has_factor)]


def memberships_opened_by(session: SessionBase, user_id: UUID) -> list[ActiveMembership] | None:
    """Return the memberships that a person's session opens; None if it is over.

    It is once the provider that began it has ended it, or once it has lasted as long as sessions do in each of the
    person's roles. Works outside a tenant scope. One query, and another for a session that a provider began.
    """
    proofs = store.proofs_of(session)
    if company.is_marked(session):
        tenant_id = company.find_tenant(session, user_id)
        if tenant_id is None:
            return None
        found = [one for one in memberships_of(user_id) if one.tenant_id == tenant_id]
    else:
        # Emergency owners come in by their password and factor, not by an account elsewhere.
        has_factor = any(proof.get("method") == "mfa" for proof in proofs) and not store.linked_by(session)
        found = memberships_by_password(user_id, has_factor=has_factor)
    since = max((proof.get("at", 0) for proof in proofs), default=0)
    lasting = [one for one in found if not store.is_over(since, one.session_hours)]
    return None if found and not lasting else lasting


def lacks_factor(session: SessionBase, user_id: UUID, membership: ActiveMembership) -> bool:
    """Return True if a person may only set up a second factor, which their role needs. One query at most.

    They have none, and their company didn't prove one in this session.
    """
    return is_lacking(user_id, membership.factor_due) and not company.level_of(session)


def confirms_at_company(session: SessionBase, user: User) -> bool:
    """Return True if the company that began a person's session is the one to say again who is there.

    It is for those who have no password, or whose password opens nothing. Who belongs to another organisation as well,
    or operates the installation, confirms with what is their own: a provider speaks for its organisation alone. One
    query.
    """
    if user.is_superuser or not company.is_marked(session):
        return False
    memberships = memberships_of(user.pk)
    by_password = [one for one in memberships if user.has_usable_password() and one.opens_to_password(has_factor=True)]
    return len(memberships) == 1 and not by_password


def is_emergency_owner(user_id: UUID) -> bool:
    """Return True for a person who gets in somewhere when a company's required sign-in fails. One query."""
    return any(one.sign_in == Membership.SignIn.FACTOR for one in memberships_of(user_id))


def company_to_sign_in_at(session: SessionBase, user_id: UUID) -> str:
    """Return the short name of an organisation that only its company's sign-in opens to a person, "" for none."""
    if company.is_marked(session):
        return ""
    closed = [one for one in memberships_of(user_id) if one.sign_in != Membership.SignIn.ANY]
    if not closed:
        return ""
    with tenant_scope(closed[0].tenant_id):
        return IdentityProvider.objects.values_list("slug", flat=True).first() or ""


def moving_on(*, viewer: Actor) -> dict[str, bool]:
    """Return after which of the viewer's doings the next one opens: a "decision", an "answer". One query."""
    own = Membership.objects.filter(user_id=viewer.user_id)
    found = own.values(decision=F("next_after_decision"), answer=F("next_after_answer")).first()
    return found or {"decision": True, "answer": True}


def tenant_named(slug: str) -> UUID:
    """Return the id of a tenant, for operators' commands: outside any scope. Raises `NotFound`."""
    with platform_scope():
        tenant_id: UUID | None = Tenant.objects.filter(slug=slug).values_list("id", flat=True).first()
    if tenant_id is None:
        raise NotFound(f"There is no tenant {slug!r}.")
    return tenant_id


def tenants_named(slug: str = "") -> list[tuple[UUID, str]]:
    """Return id and slug of all tenants, or of the named one. Raises `NotFound`."""
    if slug:
        return [(tenant_named(slug), slug)]
    with platform_scope():
        return list(Tenant.objects.order_by("slug").values_list("id", "slug"))


def list_members(*, permission: str | None = None) -> list[Membership]:
    """Return the active members of the tenant in scope, or those with a permission."""
    members = Membership.objects.filter(is_active=True, user__is_active=True)
    if permission is not None:
        members = members.filter(holding(permission))
    return list(with_role(members).select_related("user").order_by("id"))


def holding(permission: str) -> Q:
    """Return the condition for memberships whose role has a permission. No query of its own."""
    built_in = [role for role, granted in PERMISSIONS.items() if permission in granted]
    of_own = Role.objects.filter(
        tenant_id=OuterRef("tenant_id"), key=OuterRef("role"), permissions__contains=[permission]
    )
    return Q(role__in=built_in) | Q(Exists(of_own))


def query_members(*, viewer: Actor) -> QuerySet[Membership]:
    """Return current and former members, erased ones left out. Needs `accounts.view_membership`."""
    viewer.require(VIEW)
    return Membership.objects.filter(erased_at=None).select_related("user")


def get_member(*, viewer: Actor, membership_id: UUID) -> Membership:
    """Return a member. Needs `accounts.view_membership`; raises `Refused` and `NotFound`."""
    return get_or_missing(query_members(viewer=viewer).filter(pk=membership_id), "There is no such member.")


@dataclass(frozen=True, slots=True)
class Roster:
    """The active members of a tenant at one moment, with their roles."""

    roles: Mapping[UUID, str]
    own: Mapping[str, Collection[str]]
    """The permissions of the own roles among those, by key."""
    _held: dict[str, Mapping[UUID, str]] = field(default_factory=dict, repr=False, compare=False)

    def holding(self, permission: str) -> Mapping[UUID, str]:
        """Return the role of each member whose role has the permission."""
        if permission not in self._held:
            known = set(self.roles.values())
            having = {role for role in known if permission in permissions_of(role, self.own.get(role))}
            self._held[permission] = {user_id: role for user_id, role in self.roles.items() if role in having}
        return self._held[permission]


def roster() -> Roster:
    """Return the active members of the tenant in scope. One query."""
    members = Membership.objects.filter(is_active=True, user__is_active=True)
    return roster_of(members.values_list("user_id", "role", own_role("permissions")))


def roster_of(members: Iterable[tuple[UUID, str, Collection[str] | None]]) -> Roster:
    """Return a roster of members that were read: person, role, and the permissions of an own role."""
    roles, of_own = dict[UUID, str](), dict[str, Collection[str]]()
    for user_id, role, permissions in members:
        roles[user_id] = role
        if permissions is not None:
            of_own[role] = permissions
    return Roster(roles, of_own)


def hold_membership(user_id: UUID | None) -> None:
    """Lock a member's row until the commit: its end or a change of its role waits, or has been seen.

    In a transaction, before other rows: who ends a membership locks it first.
    """
    if user_id is not None:
        list(Membership.objects.select_for_update(no_key=True).filter(user_id=user_id).values_list("pk"))


def names_of(user_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the names of members, current and former; erased people have none. One query."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    if not wanted:
        return {}
    memberships = Membership.objects.filter(user_id__in=wanted, erased_at=None).select_related("user")
    return {membership.user_id: membership.user.get_full_name() for membership in memberships}


def names_of_members() -> tuple[str, ...]:
    """Return the full names of the active members of the tenant in scope, up to a minute old: to hide them in texts."""

    def read() -> tuple[str, ...]:
        return tuple(name for row in list_members() if (name := row.user.get_full_name()).strip())

    return kept.keep(read, "names of members", seconds=60.0)


def faces_of(people: Collection[UUID]) -> dict[UUID, Face]:
    """Return what customers see of current and former members who answer them; erased people have no face."""
    rows = Membership.objects.filter(user__in=people, erased_at=None)
    found = rows.values_list("user_id", "user__first_name", "picture_key")
    return {user_id: Face(first_name, key) for user_id, first_name, key in found}


def people_named(name: str) -> list[UUID]:
    """Return current and former members whose first, last or full name begins with a text, active ones first.

    Case is ignored, and a single letter names nobody. At most ten; erased people are not found. One query.
    """
    beginning = " ".join(name.replace("\0", "").split())
    if len(beginning) < SHORTEST_NAME:
        return []
    full = Concat("user__first_name", Value(" "), "user__last_name")
    members = Membership.objects.filter(erased_at=None).annotate(full=full)
    found = members.filter(Q(full__istartswith=beginning) | Q(user__last_name__istartswith=beginning))
    return list(found.order_by("-is_active", "pk").values_list("user_id", flat=True)[:MOST_NAMED])


def erased_people() -> frozenset[UUID]:
    """Return the ids of erased people in the tenant in scope. One query."""
    return frozenset(Membership.objects.exclude(erased_at=None).values_list("user_id", flat=True))


def tenant_zone() -> ZoneInfo:
    """Return the time zone of the tenant in scope. One query."""
    return ZoneInfo(tenant_zone_name())


def locale_of(person_id: UUID) -> Locale:
    """Return time zone (or the tenant's) and language of a member's profile. One query."""
    own = Membership.objects.filter(user_id=person_id)
    chosen = [Subquery(own.values(name)[:1]) for name in ("zone", "language")]
    here, zone, language = Tenant.objects.values_list("timezone", *chosen).get(pk=current_tenant_id())
    # A zone that the system no longer knows must not keep anything back.
    return Locale(ZoneInfo(zone if zone in zones() else here), language or Membership.Language.EN)


def zone_of(person_id: UUID) -> ZoneInfo:
    """Return the time zone of a member's profile, or that of the tenant in scope. One query."""
    return locale_of(person_id).zone


def signature_of(person_id: UUID) -> str:
    """Return what ends a member's replies by email; "" for nothing. One query."""
    own = Membership.objects.filter(user_id=person_id, is_active=True).only("tenant_id", "signature").first()
    return (own.signature or "") if own is not None else ""


def tenant_zone_name() -> str:
    """Return the time zone of the tenant in scope as it is stored: a text that may name none. One query."""
    return Tenant.objects.only("timezone").get(pk=current_tenant_id()).timezone


def support_name() -> str:
    """Return the sender's name of emails where a mail account has none; "" for none. One query."""
    return Tenant.objects.values_list("support_name", flat=True).get(pk=current_tenant_id())


def read_logo() -> bytes:
    """Return the logo of the tenant in scope as it was seconds ago, empty without one. One query at most."""
    return kept.keep(lambda: bytes(OrganisationLogo.objects.values_list("content", flat=True).first() or b""), "logo")


def logo_address() -> str:
    """Return an address that holds the logo itself, for pages; "" without one. One query at most."""
    drawn = read_logo()
    return f"data:{type_of_drawn(drawn)};base64,{base64.b64encode(drawn).decode()}" if drawn else ""


class Standing(NamedTuple):
    """What an active member may, and whether they see only some conversations."""

    permissions: frozenset[str]
    own_only: bool
    role: str


def roles_now(user_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Return what those may who are active members, and whether they are limited to own teams. One query."""
    members = Membership.objects.filter(user_id__in=user_ids, is_active=True, user__is_active=True)
    open_ones = members.filter(Exists(Tenant.objects.filter(pk=OuterRef("tenant_id"), is_active=True)))
    return {
        user_id: Standing(permissions_of(role, of_own), own_only, role)
        for user_id, role, own_only, of_own in open_ones.values_list(
            "user_id", "role", "own_teams_only", own_role("permissions")
        )
    }


def only_assigned() -> QuerySet[Membership]:
    """Return, for a condition, the members whose role sees only conversations that are assigned to them."""
    # Of the membership's organisation: its key is another role in another one.
    roles = Role.objects.filter(tenant_id=OuterRef("tenant_id"), key=OuterRef("role"), sees=Role.Sees.ASSIGNED)
    return Membership.objects.filter(Exists(roles))


def is_active_member(user_id: UUID) -> bool:
    """Return True if a person is an active member of the tenant in scope."""
    return Membership.objects.filter(user_id=user_id, is_active=True, user__is_active=True).exists()


def wants_mail(user_id: UUID) -> bool:
    """Return True if a person is an active member and wants approval emails."""
    return Membership.objects.filter(user_id=user_id, is_active=True, user__is_active=True, mail_on=True).exists()
