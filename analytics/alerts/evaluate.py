"""Evaluate rules every half minute: constant queries, and each change claimed once."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.urls import reverse

from accounts.models import Tenant
from accounts.selectors import tenant_zone
from analytics.alerts import ready_made
from analytics.alerts.measures import Key, Measured, asked_by, measure
from analytics.alerts.questions import parse_condition
from analytics.alerts.states import Finding, State, find, next_state
from analytics.models import Alert, AlertMessage, AlertRule, AlertSettings, Severity
from core import notices
from core.clock import now as clock_now
from core.expressions import calls_in, names_in
from core.jobs.queues import enqueue_after_commit
from core.notices import NoticeKind
from core.observability import facts
from core.tenancy.scope import platform_scope

NOTICE: Final = "analytics.alerts"
MANAGE: Final = "analytics.manage_alerts"
MOST_PER_HOUR: Final = 6
HOUR: Final = timedelta(hours=1)
MOST_RULES: Final = 200


class AlertNotice(NoticeKind):
    """An alert began or ended, or a rule needs a person."""

    label, icon = "Alerts", "alert"


notices.kinds.register(NOTICE, AlertNotice)


def list_tenants() -> list[UUID]:
    """Return the organisations with rules that are on, and those that lack ready-made ones. For the sweep."""
    with platform_scope():
        with_rules = set(AlertRule.objects.filter(is_on=True).order_by().values_list("tenant_id", flat=True).distinct())
        whole = AlertSettings.objects.filter(ready_made__contains=ready_made.KEYS)
        made = set(whole.values_list("tenant_id", flat=True))
        active = set(Tenant.objects.filter(is_active=True).values_list("pk", flat=True))
    return sorted(active & (with_rules | (active - made)))


def evaluate(*, now: datetime | None = None) -> int:
    """Evaluate the rules of the tenant in scope; return how many changed. For the sweep.

    Each fact that a rule names is measured once. Several workers at once do no harm: a change is claimed by its turn.
    """
    moment = now or clock_now()
    ready_made.ensure(now=moment)
    rules = list(AlertRule.objects.filter(is_on=True).order_by("pk")[:MOST_RULES])
    fact_names = frozenset(facts.all_facts())
    names, calls = asked_by([rule.condition for rule in rules], fact_names)
    measured = measure(names, calls, now=moment)
    changed = 0
    for rule in rules:
        finding = find(rule.condition, measured, fact_names)
        state = next_state(rule, finding, moment)
        if state != rule.state or finding.trouble != rule.trouble:
            changed += _change(rule, state, finding, measured, moment)
    AlertRule.objects.filter(pk__in=[rule.pk for rule in rules]).update(evaluated_at=moment)
    return changed


def _change(rule: AlertRule, state: AlertRule.State, finding: Finding, measured: Measured, moment: datetime) -> bool:
    """Write one change with its messages; False if another worker was faster."""
    with transaction.atomic():
        mine = AlertRule.objects.filter(pk=rule.pk, turn=rule.turn, is_on=True)
        is_new = state != rule.state
        since = {"state_since": moment} if is_new else {}
        if not mine.update(state=state, turn=F("turn") + 1, trouble=finding.trouble, **since):
            return False
        if is_new and state == State.FIRING:
            if rule.damped_until is None or rule.damped_until <= moment:
                _begin(rule, measured, moment)
        elif is_new and rule.state == State.FIRING:
            end_alerts(rule, moment)
        if is_new and state == State.BROKEN:
            notices.leave_for_permission(
                MANAGE, kind=NOTICE, title=f"The alert rule “{rule.name}” can't be evaluated"[:120],
                body="It fires for nobody until its condition is put right.", link=link_to(rule), level="warning",
                dedupe_key=f"alert-rule:{rule.pk}:{rule.turn}", now=moment,
            )  # fmt: skip
    return True


def _begin(rule: AlertRule, measured: Measured, moment: datetime) -> None:
    """Begin an alert; the last one of an hour says that further ones are held back."""
    recent = Alert.objects.filter(rule=rule, began_at__gt=moment - HOUR).count()
    is_last = recent + 1 >= MOST_PER_HOUR
    if is_last:
        AlertRule.objects.filter(pk=rule.pk).update(damped_until=moment + HOUR)
    node = parse_condition(rule.condition, frozenset(facts.all_facts()))
    keys: list[Key] = [*names_in(node), *calls_in(node)]
    used = {str(key): measured.values.get(key) for key in keys}
    values = {name: plain(value) for name, value in sorted(used.items()) if value is not None}
    alert = Alert.objects.create(rule=rule, severity=rule.severity, facts=values, began_at=moment)
    add_messages(rule, alert, AlertMessage.Kind.TRIGGER, moment, damps=is_last)


def plain(value: Decimal) -> str:
    """Return a number as people write it: whole from a hundred on, else with at most two places."""
    rounded = value.quantize(Decimal(1) if abs(value) >= 100 else Decimal("0.01"))
    return format(rounded, "f").rstrip("0").rstrip(".") if "." in str(rounded) else format(rounded, "f")


def end_alerts(rule: AlertRule, moment: datetime) -> None:
    """End the open alert of a rule, with a message by each way that said it began."""
    for alert in Alert.objects.select_for_update().filter(rule=rule, ended_at=None):
        Alert.objects.filter(pk=alert.pk).update(ended_at=moment)
        add_messages(rule, alert, AlertMessage.Kind.RESOLVE, moment)


def add_messages(
    rule: AlertRule, alert: Alert, kind: AlertMessage.Kind, moment: datetime, *, damps: bool = False
) -> None:
    """Write one message for each way of a rule, due at the end of its quiet hours; in the caller's transaction."""
    due = _after_quiet_hours(rule, alert.severity, moment)
    rows = [
        AlertMessage(alert=alert, way=way, kind=kind, due_at=due, damps=damps, created_at=moment)
        for way in dict.fromkeys(rule.ways)
    ]
    AlertMessage.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        enqueue_after_commit("send_alert", row.pk)


def _after_quiet_hours(rule: AlertRule, severity: str, moment: datetime) -> datetime:
    if rule.quiet_from is None or rule.quiet_until is None or severity == Severity.CRITICAL:
        return moment
    zone = tenant_zone()
    local = moment.astimezone(zone)
    begins, ends, at = rule.quiet_from, rule.quiet_until, local.time()
    if not (begins <= at < ends if begins <= ends else at >= begins or at < ends):
        return moment
    end = datetime.combine(local.date(), ends, tzinfo=zone)
    return end if end > local else datetime.combine(local.date() + timedelta(days=1), ends, tzinfo=zone)


def link_to(rule: AlertRule) -> str:
    """Return the path of a rule's page."""
    return reverse("admin:analytics_alertrule_change", args=[rule.pk])
