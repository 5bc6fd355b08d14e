"""Memberships, actors, tenants and API keys."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import (
    ApiKey,
    CompanySession,
    IdentityProvider,
    MemberPicture,
    Membership,
    PushSubscription,
    RoleGroup,
    Share,
    Tenant,
    TokenFamily,
    User,
)
from accounts.permissions import factor_rules, shares
from accounts.permissions.operators import record_current_operators
from accounts.permissions.role_limits import (
    MANAGE,
    check_role,
    refuse_higher_role,
    refuse_stale_sign_in,
    refuse_weak_sign_in,
)
from accounts.permissions.roles import ALL_PERMISSIONS, name_of_role, own_role, permissions_of
from accounts.permissions.team_scope import limit_of, teams_seen
from accounts.sessions import company, families, store
from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.errors import Conflict, Invalid, NotFound, Refused
from core.events.outbox import announce
from core.ids import uuid7
from core.privacy.encryption import digest_of_secret
from core.reliability import limits
from core.tenancy.scope import current_tenant_id, tenant_scope

KEY_PREFIX = "wk_"
KEY_LIFE = timedelta(days=365)
FACTOR_LIFE = timedelta(hours=12)
ROLE_NOTICE = "accounts.roles"
SIGN_IN_RULE = "which sign-ins open memberships"
"""The name of the lock under which that and own roles change, and under which memberships are made."""
_STRENGTHS = {"password": "password", "company": "company", store.LINKED: "password", "mfa": "password"}
"""What each way of proving who one is counts as in the end; a factor counts for more while it is fresh."""

notices.register_kind(ROLE_NOTICE, "Roles", "users")


def actor_for_user(
    user: User,
    *,
    address: str = "",
    user_agent: str = "",
    auth_strength: str = "password",
    proven_lately: bool = False,
    since: datetime | None = None,
) -> Actor:
    """Return a member as an actor in the tenant in scope; raises `Refused`.

    For a device, `since` is when they signed in on it: then also ("factor_required") for a role that needs a second
    factor, where they have none, and ("session_over") for one whose sessions are over by now.
    """
    memberships = Membership.objects.filter(user_id=user.pk, is_active=True, user__is_active=True)
    open_memberships = memberships.filter(Exists(Tenant.objects.filter(pk=OuterRef("tenant_id"), is_active=True)))
    rules = Tenant.objects.filter(pk=OuterRef("tenant_id")).values("factor_due")
    of_role = (own_role("permissions"), own_role("version"), own_role("session_hours"))
    found = open_memberships.values_list("role", "own_teams_only", Subquery(rules), *of_role).first()
    if found is None:
        raise Refused("You aren't a member of this organisation.", code="no_membership")
    role, own_teams_only, factor_due, own_permissions, version, hours = found
    if since is not None:
        factor_rules.refuse_lacking(user.pk, factor_rules.due_of(factor_due.get(role)))
        if store.is_over(since.timestamp(), hours):
            raise Refused(f"Your role ends sessions after {hours} hours. Sign in again.", code="session_over")
    person = Actor.of_user(user.pk, role, address=address, user_agent=user_agent, auth_strength=auth_strength)
    teams = teams_seen(user.pk, own_only=own_teams_only)
    permissions = permissions_of(role, own_permissions)
    return replace(
        person,
        permissions=permissions,
        proven_lately=proven_lately,
        teams=teams,
        role_version=version or 0,
        read_shares=shares.reader_of(user.pk, role),
    )


def auth_strength_of(request: HttpRequest) -> str:
    """Return how a session was begun: "key", "mfa", "password", "company" or "none".

    A second factor counts for `FACTOR_LIFE`: sessions last for weeks, and someone who finds one open
    does not have it. After that a session counts as one by password, also if a passkey began it. What the company's
    provider proved counts as its organisation says.
    """
    since = (clock_now() - FACTOR_LIFE).timestamp()
    proofs = store.proofs_of(request.session)
    factors = {row.get("type") for row in proofs if row.get("method") == "mfa" and row.get("at", 0) > since}
    level = company.level_of(request.session)
    if factors or level:
        return "key" if "webauthn" in factors or level == "key" else "mfa"
    methods = {row.get("method") for row in proofs}
    return next((strength for method, strength in _STRENGTHS.items() if method in methods), "none")


def proven_lately(request: HttpRequest) -> bool:
    """Return True if somebody proved recently who they are in this session.

    A password or code was entered, or the company asked for its own, within `ACCOUNT_REAUTHENTICATION_TIMEOUT`. A
    provider's first sign-in, or one with a linked account, is no such proof: it may have known the browser for weeks.
    """
    since = clock_now().timestamp() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    others = (company.MARK, store.LINKED)
    proofs = [
        row for row in store.proofs_of(request.session) if row.get("method") not in others or row.get("reauthenticated")
    ]
    return any(row.get("method") in _STRENGTHS and row.get("at", 0) > since for row in proofs)


def client_address(request: HttpRequest) -> str:
    """Return the client's address; trusted proxies may name another one."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    proxies = _networks(tuple(settings.TRUSTED_PROXIES))
    if not _is_in(proxies, peer):
        return peer
    forwarded = [hop.strip() for hop in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    # Each proxy appends its peer: the last address that isn't one of our proxies is the client.
    return next((hop[:45] for hop in reversed(forwarded) if hop and not _is_in(proxies, hop)), peer)


@lru_cache(maxsize=4)
def _networks(proxies: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(proxy, strict=False) for proxy in proxies)


def _is_in(networks: Iterable[IPv4Network | IPv6Network], address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    # A server that listens on IPv6 sees peers with IPv4 as ::ffff:10.0.0.1; either form may have been named.
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(found in network or plain in network for network in networks)


def actor_for_request(request: HttpRequest) -> Actor:
    """Return the member of a console request; raises `Refused` for others."""
    if not isinstance(request.user, User):
        raise Refused("Sign in first.", code="not_signed_in")
    person = actor_for_user(
        request.user,
        address=client_address(request),
        user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
        auth_strength=auth_strength_of(request),
        proven_lately=proven_lately(request),
    )
    return replace(person, by_company=company.is_marked(request.session))


def choose_mail(*, actor: Actor, is_on: bool) -> None:
    """Switch one's own approval emails on or off, in the tenant in scope.

    Every member may, for themselves only; raises `Refused` for anyone else.
    """
    person = actor.require_person("Only people can change this, and only for themselves.", by_key=False)
    with transaction.atomic():
        memberships = Membership.objects.filter(user_id=person, is_active=True)
        changed = memberships.exclude(mail_on=is_on)
        membership_id = changed.values_list("pk", flat=True).first()
        if membership_id is None:
            return
        changed.update(mail_on=is_on)
        old, new = ("off", "on") if is_on else ("on", "off")
        chain.record(actor, "MAIL_PREFERENCE_CHANGED", "accounts.membership", membership_id, old, new)


def choose_moving_on(*, actor: Actor, after: str, is_on: bool) -> None:
    """Choose whether the next one opens after one's own decision or answer.

    `after` is "decision" or "answer"; the choice counts in the tenant in scope. Every member may, for themselves only;
    raises `Refused` for anyone else, `Invalid` for anything else. Not audited: it changes which page comes next.
    """
    person = actor.require_person("Only people can change this, and only for themselves.", by_key=False)
    if after not in ("decision", "answer"):
        raise Invalid("Choose a decision or an answer.", fields={"after": ["Choose a decision or an answer."]})
    own = Membership.objects.filter(user_id=person, is_active=True)
    own.update(**{f"next_after_{after}": is_on})


def add_member(*, actor: Actor, user: User, role: str) -> Membership:
    """Add a person to the tenant, or change their role.

    Needs `accounts.manage_membership` and every permission of the new and the old role; nobody changes
    their own. The person joins the group with the role's object permissions in this tenant. Where the company's
    sign-in is required, it is what opens a new membership. Raises `Refused`, `Invalid`, and `Conflict` ("erased",
    "emergency_owner", "limit_reached"). Announces rights_changed for a member who was one before.
    """
    actor.require("accounts.manage_membership")
    check_role(role)
    refuse_higher_role(actor, role)
    if actor.user_id == user.pk:
        raise Refused("You can't change your own role. Ask a colleague who manages members.")
    membership: Membership
    with transaction.atomic():
        # A change of whether the company's sign-in is required waits, or has been seen.
        advisory_lock(SIGN_IN_RULE, shared=True)
        # Again: an own role that was being changed or deleted is what it has become.
        check_role(role)
        refuse_higher_role(actor, role)
        language = Tenant.objects.values_list("language", flat=True).get(pk=current_tenant_id())
        begun = {"role": role, "language": language}
        membership, created = Membership.objects.get_or_create(user=user, defaults=begun)
        if membership.erased_at is not None:
            raise Conflict("This person was erased here. To come back, they need a new account.", code="erased")
        old = "" if created else membership.role
        refuse_higher_role(actor, membership.role)
        if role != membership.role:
            refuse_emergency_owner(membership)
        sign_in = membership.sign_in
        if created or not membership.is_active:
            limits.refuse_reached("members", adding=0 if created else 1)
            is_required = IdentityProvider.objects.filter(is_required=True).exists()
            sign_in = Membership.SignIn.COMPANY if is_required else Membership.SignIn.ANY
        # A role that sees everything ends the limit to one's own teams, one that doesn't sets it; any other keeps it.
        is_limited = limit_of(role, wish=membership.own_teams_only)
        Membership.objects.filter(pk=membership.pk).update(
            role=role, is_active=True, own_teams_only=is_limited, sign_in=sign_in
        )
        membership.refresh_from_db()
        _sync_groups(membership)
        if not created:
            announce("rights_changed", ref=user.pk)
        chain.record(actor, "MEMBER_SET", "accounts.membership", membership.pk, old_state=old, new_state=role)
    return membership


def change_role(*, actor: Actor, user: User, role: str) -> Membership:
    """Change a member's role; sensitive roles need a fresh sign-in.

    Needs what `add_member` needs. Others who may read the audit log get a notice.

    Roles with more than Support's permissions need the second factor that the actor has set up or, in a session without
    one, the password. Raises `Refused` (also "weak_sign_in" and "confirm_first"), `Invalid` and `Conflict`.
    """
    actor.require(MANAGE)
    check_role(role)
    refuse_higher_role(actor, role)  # first: nobody confirms a password only to be refused
    refuse_weak_sign_in(actor, role)
    with transaction.atomic():
        if not Membership.objects.filter(user=user, role=role).exists():
            notices.leave_for_permission(
                "core.view_auditentry",
                besides=actor.user_id,
                kind=ROLE_NOTICE,
                title=f"A member's role is now {name_of_role(role)}",
                body="Their role was changed. The audit log says who did it.",
                link=f"{reverse('admin:core_auditentry_changelist')}?action=MEMBER_SET",
                level="warning",
            )
        return add_member(actor=actor, user=user, role=role)


def remove_member(*, actor: Actor, membership_id: UUID) -> None:
    """Remove a member, never oneself.

    Needs `accounts.manage_membership` and every permission of their role. Raises `Refused`, `NotFound` and `Conflict`
    ("emergency_owner"). Announces rights_changed.
    """
    actor.require("accounts.manage_membership")
    with transaction.atomic():
        membership = locked(Membership, membership_id)
        if membership.user_id == actor.user_id:
            raise Refused("You can't remove yourself. Ask a colleague who manages members.")
        refuse_higher_role(actor, membership.role)
        refuse_emergency_owner(membership)
        close_membership(membership)
        chain.record(actor, "MEMBER_REMOVED", "accounts.membership", membership.pk, old_state=membership.role)


def refuse_emergency_owner(membership: Membership) -> None:
    """Raise `Conflict` ("emergency_owner") for an emergency owner.

    That is somebody who gets in when the company's required sign-in fails.
    """
    if membership.is_active and membership.sign_in == Membership.SignIn.FACTOR:
        raise Conflict(
            "This person is an emergency owner of your company sign-in. Choose other emergency owners first.",
            code="emergency_owner",
        )


def close_membership(membership: Membership) -> None:
    """Deactivate a membership, for services that have checked permissions.

    Picture and signature go, open pages close, tokens and API keys end for good, and so do the sessions that the
    company began, and all of a person who is a member nowhere else. In their transaction. Announces rights_changed.
    """
    Membership.objects.filter(pk=membership.pk).update(is_active=False, picture_key="", signature=None)
    membership.is_active, membership.picture_key, membership.signature = False, "", None
    MemberPicture.objects.filter(membership=membership).delete()
    PushSubscription.objects.filter(person_id=membership.user_id).delete()
    Share.objects.filter(user_id=membership.user_id).delete()
    ApiKey.objects.filter(user_id=membership.user_id, revoked_at=None).update(revoked_at=clock_now())
    # First, as where the provider signs somebody out: it does so while its directory switches them off.
    company.end(CompanySession.objects.filter(identity__user_id=membership.user_id))
    families.end(membership.user_id, TokenFamily.End.LEFT)
    store.leave(membership.user_id)
    _sync_groups(membership)
    announce("rights_changed", ref=membership.user_id)


def _sync_groups(membership: Membership) -> None:
    groups = {link.role: link.group for link in RoleGroup.objects.select_related("group")}
    membership.user.groups.remove(*groups.values())
    if membership.is_active and membership.role in groups:
        membership.user.groups.add(groups[membership.role])


def create_tenant(*, actor: Actor, name: str, slug: str, tenant_id: UUID | None = None, **fields: str) -> Tenant:
    """Create a tenant with its role groups.

    For operators of the installation only; raises `Refused` for others. Its audit chain begins
    with its creation and the appointed operators.
    """
    if not actor.all_permissions:
        raise Refused
    tenant_id = tenant_id or uuid7()
    with tenant_scope(tenant_id), transaction.atomic():
        tenant = Tenant.objects.create(id=tenant_id, name=name, slug=slug, **fields)
        for role in Membership.Role.values:
            RoleGroup.objects.create(role=role, group=Group.objects.create(name=secrets.token_hex(12)))
        chain.record(actor, "TENANT_CREATED", "accounts.tenant", tenant_id)
        record_current_operators(actor=actor)
    return tenant


def create_person(*, actor: Actor, email: str, first_name: str = "", last_name: str = "") -> tuple[User, str]:
    """Create an account and return it with its first password, shown only once.

    For operators of the installation only; permissions come from a membership. Raises `Refused`, and
    `Invalid` for an address that isn't valid or is already in use.
    """
    if not actor.all_permissions:
        raise Refused
    address, password = email.strip().lower(), secrets.token_urlsafe(15)
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(
            "This isn't a valid email address.", fields={"email": ["Enter an address like rosa@initech.example."]}
        ) from None
    if User.objects.filter(email=address).exists():
        raise Invalid("This address is already in use.", fields={"email": ["This address is already in use."]})
    return User.objects.create_user(
        address, password, first_name=first_name[:80], last_name=last_name[:80], is_staff=True
    ), password


def set_tenant_active(*, actor: Actor, active: bool) -> None:
    """Deactivate or reactivate the tenant in scope.

    For operators of the installation only; raises `Refused` for others. While inactive, no membership,
    API key or widget leads into it and approved requests are not executed;
    its data stays. Open sockets of its people close at their next check.
    """
    if not actor.all_permissions:
        raise Refused
    with transaction.atomic():
        changed = Tenant.objects.filter(is_active=not active)
        tenant = changed.select_for_update().first()
        if tenant is None or not changed.update(is_active=active):
            return
        chain.record(actor, "TENANT_SWITCHED_ON" if active else "TENANT_SWITCHED_OFF", "accounts.tenant", tenant.pk)


def create_api_key(
    *,
    actor: Actor,
    user: User,
    name: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    secret: str = "",
    now: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create an API key and return it with its secret, which is shown only once.

    Needs `accounts.manage_apikey` and the scopes. People create keys for themselves only: with a colleague's
    key they could approve in that person's name. A key never exceeds its scopes or its owner's role. One that
    manages members needs a fresh sign-in: `Refused` ("confirm_first"). Only the system may choose the secret
    (the demo does). Raises `Refused`, `Invalid`.
    """
    actor.require("accounts.manage_apikey")
    unknown = sorted(set(scopes) - ALL_PERMISSIONS)
    if unknown or not scopes:
        raise Invalid("Choose at least one valid scope.", fields={"scopes": unknown or ["Choose at least one."]})
    if not all(actor.may(scope) for scope in scopes):
        raise Refused("A key can't have more permissions than the person who creates it.")
    if actor.kind != "system" and actor.user_id != user.pk:
        raise Refused("You can only create API keys for yourself.", code="not_yours")
    moment = now or clock_now()
    ends = expires_at or moment + KEY_LIFE
    if not moment < ends <= moment + KEY_LIFE:
        raise Invalid("A key can be valid for up to a year.", fields={"expires_at": ["Choose a date within a year."]})
    actor_for_user(user)
    if MANAGE in scopes:
        refuse_stale_sign_in(actor)
    if not (secret and actor.kind == "system"):
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        key = ApiKey.objects.create(
            user=user,
            name=name[:80],
            prefix=secret[:11],
            digest=digest_of_secret(secret),
            scopes=sorted(set(scopes)),
            expires_at=ends,
        )
        chain.record(actor, "API_KEY_CREATED", "accounts.apikey", key.pk, facts={"scopes": key.scopes})
    return key, secret


def revoke_api_key(*, actor: Actor, key_id: UUID, now: datetime | None = None) -> None:
    """Revoke a key permanently. Needs `accounts.manage_apikey`; raises `NotFound`."""
    actor.require("accounts.manage_apikey")
    with transaction.atomic():
        open_keys = ApiKey.objects.filter(pk=key_id, revoked_at=None)
        if not open_keys.update(revoked_at=now or clock_now()):
            raise NotFound
        chain.record(actor, "API_KEY_REVOKED", "accounts.apikey", key_id)
