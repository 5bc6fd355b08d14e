"""Choose for how long data is kept, try what that means, and let go what is older."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from core import notices
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid
from core.models import RetentionChoice
from core.observability.logging import get_logger
from core.privacy.retention.holds import MANAGE, VIEW, find_held
from core.privacy.retention.registry import RULES, RetentionRule, rules
from core.tenancy.scope import current_tenant_id, platform_scope

log = get_logger(__name__)
WORKER: Final = system("retention")
NOTICE: Final = "core.retention"
OBJECT: Final = "core.retentionchoice"
PAGE: Final = "admin:core_retentionchoice_changelist"
WAIT: Final = timedelta(days=7)
"""From a choice that lets go more to the moment from which it counts: for second thoughts."""
MOST: Final = 3650
COUNTED: Final = 10_000
"""A trial counts no further."""

notices.register_kind(NOTICE, "Data retention", "eraser")


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long one kind is kept: now, and from a moment on if that is planned. None: until it is deleted."""

    key: str
    rule: type[RetentionRule]
    days: int | None
    next_days: int | None = None
    starts_at: datetime | None = None


def kept_days(key: str, *, now: datetime | None = None) -> int | None:
    """Return for how many days the organisation in scope keeps a kind of data now. Raises NotFound."""
    choice = RetentionChoice.objects.filter(kind=key).first()
    return _kept(key, RULES.get(key), choice, now or clock_now()).days


def list_kept(*, viewer: Actor, now: datetime | None = None) -> list[Kept]:
    """Return for how long each kind is kept. Needs `core.view_erasures`."""
    viewer.require(VIEW)
    return list(_all_kept(now or clock_now()))


def _all_kept(moment: datetime) -> Iterator[Kept]:
    choices = {choice.kind: choice for choice in RetentionChoice.objects.all()}
    for key, rule in rules():
        yield _kept(key, rule, choices.get(key), moment)


def _kept(key: str, rule: type[RetentionRule], choice: RetentionChoice | None, moment: datetime) -> Kept:
    limit = rule.limit()
    if choice is None:
        return Kept(key, rule, limit)
    days = shorter(choice.days, limit)
    if choice.starts_at <= moment:
        return Kept(key, rule, days)
    return Kept(key, rule, shorter(choice.days_before, limit), days, choice.starts_at)


def shorter(days: int | None, other: int | None) -> int | None:
    """Return the shorter of two times in days; None is for ever."""
    return min((each for each in (days, other) if each is not None), default=None)


def days_by_table(*, now: datetime | None = None) -> dict[str, int]:
    """Return after how many days rows go by their age, by the label of their table, where the organisation chose."""
    chosen = set(RetentionChoice.objects.exclude(days=None).values_list("kind", flat=True))
    kinds = [(kept.days, kept.rule) for kept in _all_kept(now or clock_now()) if kept.key in chosen and kept.days]
    longest_first = sorted(kinds, key=itemgetter(0), reverse=True)
    return {table: days for days, rule in longest_first for table in rule.tables.split()}


def set_retention(*, actor: Actor, kind: str, days: int | None, now: datetime | None = None) -> Kept:
    """Choose for how many days a kind of data is kept.

    None is for as long as the installation keeps it. Fewer days count seven days later, and all who may change that get
    a notice; more days count at once. Safe to repeat. Needs `core.manage_retention`. Raises `Refused`, `NotFound`,
    `Invalid`. Writes `RETENTION_SET`.
    """
    actor.require(MANAGE)
    moment, rule = now or clock_now(), RULES.get(kind)
    _check_days(rule, days)
    with transaction.atomic():
        starts = {"starts_at": moment, "changed_at": moment}
        choice, is_new = RetentionChoice.objects.select_for_update().get_or_create(kind=kind, defaults=starts)
        before, chosen = _kept(kind, rule, choice, moment).days, shorter(days, rule.limit())
        if choice.days == days and not is_new:
            return _kept(kind, rule, choice, moment)
        lets_go_more = chosen is not None and (before is None or chosen < before)
        choice.days_before, choice.days, choice.changed_at, choice.changed_by = before, days, moment, actor.user_id
        choice.starts_at = moment + WAIT if lets_go_more else moment
        choice.save()
        if lets_go_more:
            notices.leave_for_permission(
                MANAGE,
                kind=NOTICE,
                title=f"{rule.title}: kept for {chosen} days from {choice.starts_at:%d %b %Y}",
                body="From that day, older data is deleted for good. You can change this until then.",
                link=reverse(PAGE),
                level="warning",
                dedupe_key=f"retention:{choice.pk}:{moment.isoformat()}",
                now=moment,
            )
        facts = {"kind": kind, "starts_at": choice.starts_at.isoformat(timespec="seconds")}
        chain.note(actor, "RETENTION_SET", choice, old_state=str(before or ""), new_state=str(days or ""), **facts)
    return _kept(kind, rule, choice, moment)


def _check_days(rule: type[RetentionRule], days: int | None) -> None:
    most = shorter(rule.limit(), MOST) or MOST
    least = min(rule.least, most)
    if days is not None and not least <= days <= most:
        say = f"Choose {least} to {most} days, or nothing."
        raise Invalid(say, fields={"days": [say]})


def try_retention(*, viewer: Actor, kind: str, days: int | None, now: datetime | None = None) -> int:
    """Return how many rows would go now if a kind were kept for that many days.

    Nothing goes, and nothing is counted beyond `COUNTED`. Needs `core.manage_retention`. Raises `Refused`, `NotFound`,
    `Invalid`.
    """
    viewer.require(MANAGE)
    rule, held = RULES.get(kind), find_held()
    _check_days(rule, days)
    kept = shorter(days, rule.limit())
    if kept is None or held.everything:
        return 0
    before = (now or clock_now()) - timedelta(days=kept)
    return int(rule.due(before, held).order_by()[:COUNTED].count())


def apply_rule(key: str, *, now: datetime | None = None, limit: int | None = None) -> int:
    """Remove one batch of a kind's old rows of the tenant in scope.

    Returns how many were changed. For the worker. Raises NotFound.
    """
    moment, rule = now or clock_now(), RULES.get(key)
    days = kept_days(key, now=moment)
    return rule.work(moment - timedelta(days=days), limit or rule.batch) if days is not None else 0


def tenants_that_chose(kind: str) -> list[UUID]:
    """Return the tenants that chose days for a kind of data. For its own sweep."""
    with platform_scope():  # ids of tenants, no row of anyone
        return list(RetentionChoice.objects.filter(kind=kind).order_by("tenant_id").values_list("tenant_id", flat=True))


def apply_all(*, seconds: float, now: datetime | None = None) -> bool:
    """Remove old rows of the tenant in scope, batch by batch.

    Returns True if the time was over before the end. For the worker. Each kind has its share of the time, and one that
    fails stops no other. What went is in the audit log by kind, as `RETENTION_APPLIED`; numbers of a run that was
    killed are not.
    """
    moment, is_cut = now or clock_now(), False
    if find_held().everything:
        return False
    kinds = [(kept, kept.days) for kept in _all_kept(moment) if kept.days is not None]
    for kept, days in kinds:
        ends, before, gone = time.monotonic() + seconds / len(kinds), moment - timedelta(days=days), 0
        try:
            while (is_in_time := time.monotonic() < ends) and (changed := kept.rule.work(before, kept.rule.batch)):
                gone += changed
            is_cut |= not is_in_time
        except Exception:
            # Task boundary: what is wrong with one kind keeps no other from going.
            log.exception("retention_failed", kind=kept.key)
        if gone:
            facts = {"kind": kept.key, "days": days, "count": gone}
            with transaction.atomic():
                chain.record(WORKER, "RETENTION_APPLIED", OBJECT, current_tenant_id(), facts=facts)
    return is_cut
