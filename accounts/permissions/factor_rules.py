"""Roles that need a second factor: since when an organisation demands one, and who has none when the time is over."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.models import Membership, SettingChange, Tenant
from accounts.permissions.role_limits import (
    FACTORS,
    MANAGE,
    refuse_higher_role,
    refuse_stale_sign_in,
    refuse_weak_sign_in,
)
from accounts.permissions.roles import roles_here
from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid, Refused
from core.tenancy.scope import current_tenant_id

MOST_DAYS: Final = 60
NOTICE: Final = "accounts.second_factor"
NEEDED: Final = "Your role in this organisation needs a second factor. Sign in to the console and set one up."

notices.register_kind(NOTICE, "Second factor", "shield")


def set_factor_rule(*, actor: Actor, roles: Collection[str], days: int, now: datetime | None = None) -> Tenant:
    """Set which roles need a second factor, and after how many days of grace.

    Safe to repeat: a role that needed one before keeps its day. Needs `accounts.manage_membership`, every permission of
    each role that is added or left out, and a fresh sign-in with the second factor that the actor has. Members who have
    none yet get a notice. Raises `Refused` ("role_above_yours", "weak_sign_in", "confirm_first") and `Invalid`. Writes
    `FACTOR_RULE_SET`.
    """
    actor.require(MANAGE)
    actor.require_person("Only people decide who needs a second factor.", by_key=False)
    if set(roles) - set(roles_here()):
        raise Invalid("There is no such role.", fields={"roles": ["Choose some of the roles."]})
    if not 0 <= days <= MOST_DAYS:
        problem = f"Give 0 to {MOST_DAYS} days."
        raise Invalid(problem, fields={"days": [problem]})
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=current_tenant_id())
        before = set(tenant.factor_due)
        for role in sorted(before ^ set(roles)):
            refuse_higher_role(actor, role)
        refuse_weak_sign_in(actor, actor.role)
        refuse_stale_sign_in(actor)
        added = set(roles) - before
        if before == set(roles):
            return tenant
        due = ((now or clock_now()) + timedelta(days=days)).isoformat(timespec="seconds")
        tenant.factor_due = {role: tenant.factor_due.get(role, due) for role in sorted(roles)}
        save_rule(actor, tenant)
        members = Membership.objects.filter(role__in=added, is_active=True, user__is_active=True)
        people = set(members.values_list("user_id", flat=True))
        notices.leave(
            people=people - set(_factors().filter(user_id__in=people).values_list("user_id", flat=True)),
            kind=NOTICE,
            title=f"Set up a second factor within {days} days" if days else "Set up a second factor now",
            body="Your role needs one from then on. Set up an authenticator app or a security key.",
            link="/account/2fa/",
            level="warning",
            dedupe_key=f"factor:{due}",
        )
        chain.note(actor, "FACTOR_RULE_SET", tenant, roles=sorted(roles), added=sorted(added), days=days)
    return tenant


def save_rule(actor: Actor, tenant: Tenant) -> None:
    """Save an organisation's rule with its row of history; for services that hold the organisation's row."""
    tenant.save(update_fields=["factor_due"])
    value = sorted(tenant.factor_due)
    SettingChange.objects.create(key="second_factor_roles", value=value, changed_by_id=actor.user_id)


def due_of(told: Any) -> datetime | None:
    """Return from when a role can't do without, None for never; what is no moment counts as over."""
    if told is None:
        return None
    try:
        due = datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return datetime.min.replace(tzinfo=UTC)
    return due if due.tzinfo else due.replace(tzinfo=UTC)


def is_lacking(user_id: UUID, due: datetime | None, *, now: datetime | None = None) -> bool:
    """Return True if a person may only set up a second factor. One query, none before the time is over."""
    return due is not None and due <= (now or clock_now()) and not _factors().filter(user_id=user_id).exists()


def refuse_lacking(user_id: UUID, due: datetime | None, *, now: datetime | None = None) -> None:
    """Refuse ("factor_required") a person who may only set up a second factor. One query at most."""
    if is_lacking(user_id, due, now=now):
        raise Refused(NEEDED, code="factor_required")


def _factors() -> Any:
    from allauth.mfa.models import Authenticator  # noqa: PLC0415  (needs the app registry)

    return Authenticator.objects.filter(type__in=FACTORS)
