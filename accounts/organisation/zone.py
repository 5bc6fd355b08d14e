"""The organisation's time zone: what a change of it means from when, and changing it."""

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.models import Tenant
from accounts.organisation.settings import CHANGE, keep_history
from core.actors import Actor
from core.audit import chain
from core.clock import zones
from core.db.rows import get_or_missing
from core.errors import check_fields
from core.reliability import kept

CHANGED: Final = "TENANT_ZONE_CHANGED"
RULES: Final = "hitl.manage_workflow"
"""Also needed: conditions of workflows look at the hour, and spending limits count by the day."""
UNKNOWN: Final = "Choose an IANA time zone such as Europe/Berlin."
Lock = Callable[[Actor], None]
"""Locks the rules that are sealed with the time zone, until the commit; first of all locks."""
Seal = Callable[[Actor], Sequence[chain.Fact]]
"""Returns the audit entries that seal the time zone as it is stored."""
_sealing: list[tuple[Lock, Seal]] = []


def seal_with(lock: Lock, seal: Seal) -> None:
    """Set what seals the time zone with the rules, when the app is ready."""
    _sealing[:] = [(lock, seal)]


def what_changes(old: str, new: str, moment: datetime) -> list[str]:
    """Return in words what another time zone changes, and from when (pure)."""
    before, after = (moment.astimezone(ZoneInfo(name)) for name in (old, new))
    ends = datetime.combine(after.date() + timedelta(days=1), time(), after.tzinfo).astimezone(before.tzinfo)
    if after.date() > before.date():
        limits = f"It is {after:%-d %B} there already: daily limits start again now instead of at midnight."
    elif after.date() < before.date():
        limits = f"It is still {after:%-d %B} there: daily limits go on with what was used on {after:%-d %B}."
    else:
        limits = "Daily limits go on with what was used today."
    place = new.replace("_", " ")
    return [
        f"From now on, days begin at midnight in {place}, where it is {after:%H:%M} on {after:%-d %B %Y} now.",
        f"{limits} Today ends at {ends:%H:%M} on {ends:%-d %B} in your present time zone. Months go by the same days.",
        "Figures of days that are over stay as they were counted. Today's figures have some hours of each time zone, "
        "and so count more or less than 24 hours.",
        "Workflows, triage rules and answer rules look at the hour and the weekday there from now on. "
        "Requests that are open keep their approvers and deadlines.",
        "People without a time zone of their own see times in the new one. Their next brief comes at its old time.",
        "Calendars, quiet hours, scheduled exports, deadlines and how long data is kept stay as they are.",
    ]


def change_zone(*, actor: Actor, tenant_id: UUID, zone: str) -> Tenant:
    """Change the time zone of the organisation in scope; it counts at once, for what comes. Safe to repeat.

    Days that are over stay as they were counted. The rules are sealed with it again, and who changed it counts as one
    who shaped them. Needs `accounts.change_tenant` and `hitl.manage_workflow`. Raises `Refused`, `NotFound`, `Invalid`,
    and `Conflict` ("tampered") where it was changed outside the application. Writes `TENANT_ZONE_CHANGED`, and
    `RULES_SEALED`.
    """
    actor.require(CHANGE)
    actor.require(RULES)
    get_or_missing(Tenant.objects.filter(pk=tenant_id))
    check_fields({"zone": "" if zone in zones() else UNKNOWN})
    with transaction.atomic():
        for lock, _ in _sealing:
            lock(actor)
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
        if tenant.timezone == zone:
            return tenant
        before, tenant.timezone = tenant.timezone, zone
        tenant.save(update_fields=["timezone"])
        keep_history(actor, {"zone": zone})
        told = [entry for _, seal in _sealing for entry in seal(actor)]
        told.append(chain.Fact(actor, CHANGED, tenant._meta.label_lower, tenant.pk, facts={"zone": [before, zone]}))
        chain.record_all(told)
    kept.forget()
    return tenant
