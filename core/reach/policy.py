"""The organisation's rules for marketing messages: read from a short-lived copy, changed in the console."""

from datetime import time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction

from core.actors import Actor
from core.audit import chain
from core.clock import now, zones
from core.errors import Invalid
from core.models import ReachPolicy
from core.reach import counts
from core.reach.verdict import Policy
from core.reliability import kept
from core.tenancy.scope import current_tenant_id

CHANGE: Final = "core.change_reach"
MOST: Final = 1_000_000


def current_policy() -> Policy:
    """Return the rules of the tenant in scope, as they were seconds ago; consents and windows are read each time."""
    return kept.keep(lambda: policy_of(read_policy()), "reach policy")


def read_policy() -> ReachPolicy:
    """Return the rules as stored, or the usual ones unsaved."""
    return ReachPolicy.objects.first() or ReachPolicy()


def policy_of(row: ReachPolicy) -> Policy:
    """Return the rules as the verdict takes them."""
    return Policy(
        zone=ZoneInfo(row.zone),
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        per_contact=row.per_contact,
        per_day=row.per_day,
        needs_consent=row.needs_consent,
    )


def change_policy(
    *,
    actor: Actor,
    zone: str,
    quiet_from: time | None,
    quiet_until: time | None,
    per_contact: int,
    per_day: int,
    needs_consent: bool,
) -> ReachPolicy:
    """Save the rules. Needs `core.change_reach`; raises `Invalid` with the fields. Writes `REACH_CHANGED`."""
    actor.require(CHANGE)
    wrong: dict[str, list[str]] = {}
    if zone not in zones():
        wrong["zone"] = ["Choose a time zone."]
    if (quiet_from is None) != (quiet_until is None):
        wrong["quiet_from" if quiet_from is None else "quiet_until"] = ["Enter both times, or neither."]
    elif quiet_from is not None and quiet_from == quiet_until:
        wrong["quiet_until"] = ["Quiet hours can't end when they begin."]
    for name, number in (("per_contact", per_contact), ("per_day", per_day)):
        if not 0 <= number <= MOST:
            wrong[name] = [f"Enter a number from 0 to {MOST:,}."]
    if wrong:
        raise Invalid("These rules can't be saved.", fields=wrong)
    values = {
        "zone": zone,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "per_contact": per_contact,
        "per_day": per_day,
        "needs_consent": needs_consent,
        "changed_at": now(),
    }
    with transaction.atomic():
        if per_day and not read_policy().per_day:
            counts.start_counting((now() - timedelta(days=1)).date())
        row: ReachPolicy
        row, _ = ReachPolicy.objects.update_or_create(tenant_id=current_tenant_id(), defaults=values)
        facts = {"per_contact": per_contact, "per_day": per_day, "needs_consent": needs_consent, "zone": zone}
        times = {name: str(values[name] or "") for name in ("quiet_from", "quiet_until")}
        chain.record(actor, "REACH_CHANGED", "core.reachpolicy", row.pk, facts={**facts, **times})
        transaction.on_commit(kept.forget)
    return row
