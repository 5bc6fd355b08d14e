"""Tiers: what organisations may use, made and given by operators of the installation."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import Tenant, Tier
from accounts.permissions.operators import as_operator, record_in_all_tenants, require_operator, write_owed_entries
from accounts.selectors import tenant_named
from accounts.versioning import check_version
from core.actors import Actor
from core.audit import chain
from core.db.rows import get_or_missing
from core.errors import Conflict, check_fields
from core.reliability import kept
from core.reliability.limits import Amount
from core.tenancy.scope import current_tenant_id, current_tenant_or_none, platform_scope, tenant_scope
from core.text.clean import text_problem

KEYS: Final = ("members", "agents", "channels", "messages", "model_spend", "requests", "sockets", "storage")
"""What a tier limits, in the order of pages; the kinds of `core.reliability.limits` have the same."""
NAME_LIMIT: Final = 40
HIGHEST: Final = 2_000_000_000
OBJECT: Final = "accounts.tier"
MISSING: Final = "There is no such tier."


def limits_set() -> dict[str, Amount]:
    """Return the limits of the tenant in scope by their keys; what its tier leaves open is not in it. One query."""
    found = Tier.objects.filter(organisations=current_tenant_id()).values(*KEYS).first() or {}
    return {key: most for key, most in found.items() if most is not None}


def list_tiers(*, viewer: Actor) -> QuerySet[Tier]:
    """Return the installation's tiers. For operators, as `require_operator` says; raises `Refused`."""
    require_operator(viewer)
    return Tier.objects.order_by("name")


def organisations_of(*, viewer: Actor, tier_id: UUID) -> list[str]:
    """Return the short names of the organisations that have a tier. For operators; raises `Refused`."""
    require_operator(viewer)
    return _having(tier_id)


def create_tier(*, actor: Actor, name: str, limits: Mapping[str, Any]) -> Tier:
    """Create a tier; it counts for nobody until it is given.

    For operators, as `require_operator` says. Every organisation's audit log gets `TIER_CREATED`. Raises `Refused`,
    `Invalid` with the fields, and `Conflict` ("exists"). Not to be called inside a transaction.
    """
    require_operator(actor)
    tier = Tier(**_checked(name, limits))
    _save(actor, tier, "TIER_CREATED")
    write_owed_entries()
    return tier


def change_tier(
    *, actor: Actor, tier_id: UUID, name: str, limits: Mapping[str, Any], seen_version: int | None = None
) -> Tier:
    """Change a tier, for all organisations that have it; what is used beyond a new limit stays.

    For operators, as `require_operator` says. Every organisation's audit log gets `TIER_CHANGED`. Raises `Refused`,
    `NotFound`, `Invalid` with the fields, and `Conflict` ("exists", "stale_version"). Not to be called inside a
    transaction.
    """
    require_operator(actor)
    values = _checked(name, limits)
    with transaction.atomic():
        tier = _locked(tier_id)
        check_version(actor, OBJECT, tier, seen_version)
        if all(getattr(tier, field) == value for field, value in values.items()):
            return tier
        for field, value in values.items():
            setattr(tier, field, value)
        tier.version += 1
        _save(actor, tier, "TIER_CHANGED")
    write_owed_entries()
    return tier


def remove_tier(*, actor: Actor, tier_id: UUID, seen_version: int | None = None) -> None:
    """Remove a tier that no organisation has.

    For operators, as `require_operator` says. Every organisation's audit log gets `TIER_REMOVED`. Raises `Refused`,
    `NotFound`, and `Conflict` ("in_use", "stale_version"). Not to be called inside a transaction.
    """
    require_operator(actor)
    with transaction.atomic():
        tier = _locked(tier_id)
        check_version(actor, OBJECT, tier, seen_version)
        # Django's own check sees one organisation in this scope, and the database's comes at the commit.
        if having := _having(tier_id):
            raise Conflict(f"{len(having)} organisations have this tier. Give them another first.", code="in_use")
        tier.delete()
        record_in_all_tenants(actor=actor, action="TIER_REMOVED", object_type=OBJECT, object_id=tier_id)
    write_owed_entries()


def give_tier(*, actor: Actor, slug: str, tier_id: UUID | None = None) -> None:
    """Give a tier to the organisation with this short name, or take its own away. Safe to repeat.

    For operators, as `require_operator` says. What the organisation uses beyond a limit stays. Its audit log gets
    `TIER_GIVEN`. Raises `Refused` and `NotFound`.
    """
    require_operator(actor)
    tenant_id = tenant_named(slug.strip())
    recorded = as_operator(actor)
    if tenant_id != current_tenant_or_none():
        # Other organisations see that it was an operator, and not from where.
        recorded = replace(recorded, address="", user_agent="")
    with tenant_scope(tenant_id), transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
        if tenant.tier_id == tier_id:
            return
        tenant.tier = None if tier_id is None else _locked(tier_id)
        tenant.save(update_fields=["tier"])
        chain.note(recorded, "TIER_GIVEN", tenant, tier=str(tier_id or ""))
    kept.forget()


def _locked(tier_id: UUID) -> Tier:
    """Return a tier, locked until the commit: nobody removes it while it is given. Raises `NotFound`."""
    return get_or_missing(Tier.objects.select_for_update().filter(pk=tier_id), MISSING)


def _having(tier_id: UUID) -> list[str]:
    with platform_scope():  # short names, which operators know
        return list(Tenant.objects.filter(tier_id=tier_id).order_by("slug").values_list("slug", flat=True))


def _save(actor: Actor, tier: Tier, action: str) -> None:
    """Save a tier, and tell every audit log."""
    try:
        with transaction.atomic():
            tier.save()
            record_in_all_tenants(actor=actor, action=action, object_type=OBJECT, object_id=tier.pk)
    except IntegrityError:
        say = "There is a tier with this name already."
        raise Conflict(say, code="exists", fields={"name": [say]}) from None
    kept.forget()


def _checked(name: str, limits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a tier. Raises `Invalid` with the fields."""
    clean = " ".join(name.split())
    problems = {"name": text_problem(clean, NAME_LIMIT, needed=True)}
    for key in KEYS:
        most = limits.get(key)
        lowest = 1 if key == "requests" else 0
        if most is not None and not (isinstance(most, int | Decimal) and lowest <= most <= HIGHEST):
            problems[key] = f"Enter a number from {lowest} to {HIGHEST:,}, or nothing for no limit."
    check_fields(problems)
    return {"name": clean, **{key: limits.get(key) for key in KEYS}}
