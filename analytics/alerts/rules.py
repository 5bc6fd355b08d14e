"""Make, change, silence and read alert rules; acknowledge alerts; set where they go outside Walker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.selectors import is_active_member
from accounts.versioning import lock_version
from analytics.alerts.evaluate import MANAGE, add_messages, end_alerts
from analytics.alerts.measures import check_names
from analytics.alerts.states import State
from analytics.models import Alert, AlertMessage, AlertRule, AlertSettings, Severity, Way
from conversations.models import Team
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.errors import Conflict, Invalid
from core.expressions import BadExpression
from core.observability import facts
from core.text.clean import clean_text
from core.webhooks import endpoints

MISSING: Final = "This alert rule doesn't exist."
MOST: Final = 200
LONGEST_HOLD: Final = 86_400
LONGEST_SILENCE: Final = timedelta(days=30)
KEY_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What people choose for an alert rule."""

    name: str
    condition: str
    hold_seconds: int = 0
    severity: str = "warning"
    ways: Sequence[str] = ("notice",)
    team_id: UUID | None = None
    owner_id: UUID | None = None
    runbook: str = ""
    quiet_from: time | None = None
    quiet_until: time | None = None
    is_on: bool = True


def create_rule(*, actor: Actor, settings: RuleSettings, now: datetime | None = None) -> AlertRule:
    """Create an alert rule.

    Needs `analytics.manage_alerts`. Audit entry `ALERT_RULE_CREATED`. Raises Refused, Invalid with the fields,
    Conflict above 200 rules.
    """
    actor.require(MANAGE)
    values = checked(settings)
    moment = now or clock_now()
    with transaction.atomic():
        advisory_lock("alert-rules")
        if AlertRule.objects.count() >= MOST:
            raise Conflict(f"There are {MOST} alert rules already. Delete one first.", code="too_many_rules")
        rule: AlertRule = AlertRule.objects.create(**values, state_since=moment, created_at=moment)
        _record(actor, "ALERT_RULE_CREATED", rule)
    return rule


def revise_rule(
    *, actor: Actor, alert_rule_id: UUID, settings: RuleSettings, seen_version: int | None, now: datetime | None = None
) -> AlertRule:
    """Change an alert rule, or switch it on or off; it starts over, and an open alert ends.

    Needs `analytics.manage_alerts`. Audit entry `ALERT_RULE_CHANGED`. Raises Refused, NotFound, Invalid with the
    fields, Conflict (`stale_version`).
    """
    actor.require(MANAGE)
    values, moment = checked(settings), now or clock_now()
    with transaction.atomic():
        rule = lock_version(actor, AlertRule, alert_rule_id, seen_version, MISSING)
        end_alerts(rule, moment)
        begins = {"state": State.OK, "trouble": "", "state_since": moment, "damped_until": None}
        _set(rule, **values, **begins, version=rule.version + 1, turn=rule.turn + 1)
        _record(actor, "ALERT_RULE_CHANGED", rule)
    return rule


def delete_rule(*, actor: Actor, alert_rule_id: UUID, seen_version: int | None = None) -> None:
    """Delete an alert rule with its history; a ready-made one stays away.

    Needs `analytics.manage_alerts`. Audit entry `ALERT_RULE_DELETED`. Raises Refused, NotFound, Conflict
    (`stale_version`, or `firing` while an alert is open).
    """
    actor.require(MANAGE)
    with transaction.atomic():
        rule = lock_version(actor, AlertRule, alert_rule_id, seen_version, MISSING)
        if Alert.objects.filter(rule=rule, ended_at=None).exists():
            raise Conflict("This rule is firing. Switch it off first, so that everyone hears it's over.", code="firing")
        _record(actor, "ALERT_RULE_DELETED", rule)
        rule.delete()


def silence_rule(
    *, actor: Actor, alert_rule_id: UUID, until: datetime | None, reason: str = "", now: datetime | None = None
) -> AlertRule:
    """Silence a rule until a moment, or end its silence with None; an open alert ends.

    Needs `analytics.manage_alerts`. Audit entry `ALERT_RULE_SILENCED` or `ALERT_RULE_UNSILENCED`. Raises Refused,
    NotFound, Invalid for a moment that is past or more than 30 days away.
    """
    actor.require(MANAGE)
    moment = now or clock_now()
    if until is not None and not moment < until <= moment + LONGEST_SILENCE:
        say = f"Choose a moment in the next {LONGEST_SILENCE.days} days."
        raise Invalid(say, fields={"until": [say]})
    with transaction.atomic():
        rule = locked(AlertRule, alert_rule_id, MISSING)
        if until is not None:
            end_alerts(rule, moment)
        state = State.SILENCED if until is not None and rule.state in (State.PENDING, State.FIRING) else rule.state
        _set(rule, silenced_until=until, state=state, turn=rule.turn + 1)
        action = "ALERT_RULE_UNSILENCED" if until is None else "ALERT_RULE_SILENCED"
        _record(actor, action, rule, until=until and until.isoformat(), reason=clean_text(reason, 200))
    return rule


def acknowledge_alert(*, actor: Actor, alert_id: UUID, now: datetime | None = None) -> Alert:
    """Say that somebody is on it: PagerDuty and the others hear so.

    Needs `analytics.manage_alerts`. Audit entry `ALERT_ACKNOWLEDGED`. Raises Refused, NotFound, Conflict if it is over
    or acknowledged already.
    """
    actor.require(MANAGE)
    moment = now or clock_now()
    with transaction.atomic():
        alert = locked(Alert, alert_id, "This alert doesn't exist.")
        if alert.ended_at is not None or alert.acknowledged_at is not None:
            raise Conflict("This alert is over, or was acknowledged already.", code="not_open")
        alert.acknowledged_at, alert.acknowledged_by_id = moment, actor.user_id
        alert.save(update_fields=["acknowledged_at", "acknowledged_by"])
        add_messages(alert.rule, alert, AlertMessage.Kind.ACKNOWLEDGE, moment)
        _record(actor, "ALERT_ACKNOWLEDGED", alert.rule, alert=str(alert.pk))
    return alert


def query_rules(*, viewer: Actor) -> QuerySet[AlertRule]:
    """Return the organisation's alert rules, as a query. Needs `analytics.manage_alerts`."""
    viewer.require(MANAGE)
    return AlertRule.objects.select_related("team")


def query_alerts(*, viewer: Actor, rule_id: UUID) -> QuerySet[Alert]:
    """Return the alerts of a rule, newest first. Needs `analytics.manage_alerts`."""
    viewer.require(MANAGE)
    return Alert.objects.filter(rule_id=rule_id).order_by("-began_at", "-pk")


def current_settings(*, viewer: Actor) -> AlertSettings:
    """Return where alerts go outside Walker. Needs `analytics.manage_alerts`."""
    viewer.require(MANAGE)
    return AlertSettings.objects.first() or AlertSettings()


def set_destinations(
    *,
    actor: Actor,
    routing_key: str = "",
    slack_channel: str = "",
    webhook_url: str = "",
    now: datetime | None = None,
) -> tuple[AlertSettings, str]:
    """Set PagerDuty's routing key, the Slack channel and the webhook's address; return the webhook's secret when new.

    An empty routing key or address keeps the one there is. Needs `analytics.manage_alerts`. Audit entry
    `ALERT_DESTINATIONS_SET`, without the key. Raises Refused, Invalid with the fields.
    """
    actor.require(MANAGE)
    key, channel = routing_key.strip(), slack_channel.strip()
    if key and not (key.isascii() and key.isalnum() and len(key) == KEY_LENGTH):
        say = f"A routing key has {KEY_LENGTH} letters and digits. Copy it from the integration's page."
        raise Invalid(say, fields={"routing_key": [say]})
    if channel and not (channel.isascii() and channel.isalnum() and channel[:1] in "CG"):
        say = "Enter the channel's ID, such as C0123456789."
        raise Invalid(say, fields={"slack_channel": [say]})
    secret = ""
    with transaction.atomic():
        AlertSettings.objects.bulk_create([AlertSettings()], ignore_conflicts=True)
        kept: AlertSettings = AlertSettings.objects.select_for_update().get()
        kept.routing_key, kept.slack_channel = key or kept.routing_key, channel
        kept.changed_at = now or clock_now()
        kept.save()
        if webhook_url.strip():
            _, secret = endpoints.save_endpoint(actor=actor, purpose="alerts", ref=kept.pk, url=webhook_url.strip())
        told: dict[str, Any] = {"pagerduty": bool(kept.routing_key), "slack": bool(channel)}
        chain.note(actor, "ALERT_DESTINATIONS_SET", kept, **told, webhook=bool(webhook_url.strip()))
    return kept, secret


def checked(settings: RuleSettings) -> dict[str, Any]:
    """Return the columns of a rule. Raises Invalid with the fields."""
    wrong: dict[str, list[str]] = {}
    name, condition = clean_text(settings.name, 80), clean_text(settings.condition, 600)
    if not name:
        wrong["name"] = ["Enter a name."]
    try:
        check_names(condition, frozenset(facts.all_facts()))
    except BadExpression as problem:
        wrong["condition"] = [str(problem)]
    if not 0 <= settings.hold_seconds <= LONGEST_HOLD:
        wrong["hold_seconds"] = ["Choose 0 seconds to a day."]
    if settings.severity not in Severity.values:
        wrong["severity"] = ["Choose one of the severities."]
    if not settings.ways or not set(settings.ways) <= set(Way.values):
        wrong["ways"] = ["Choose at least one way."]
    if settings.team_id is not None and not Team.objects.filter(pk=settings.team_id).exists():
        wrong["team_id"] = ["Choose one of your teams."]
    if settings.owner_id is not None and not is_active_member(settings.owner_id):
        wrong["owner_id"] = ["Choose a member."]
    if (settings.quiet_from is None) != (settings.quiet_until is None):
        wrong["quiet_until"] = ["Enter both times, or none."]
    runbook = settings.runbook.strip()
    if runbook and not _is_link(runbook):
        wrong["runbook"] = ["Enter a link that begins with https://."]
    if wrong:
        raise Invalid("These settings can't be used.", fields=wrong)
    plain = ("hold_seconds", "severity", "team_id", "owner_id", "quiet_from", "quiet_until", "is_on")
    values = {column: getattr(settings, column) for column in plain}
    return {**values, "name": name, "condition": condition, "ways": list(settings.ways), "runbook": runbook}


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    is_plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= 300
    return is_plain and parts.scheme == "https" and bool(parts.hostname) and parts.username is None


def _set(rule: AlertRule, **values: Any) -> None:
    for name, value in values.items():
        setattr(rule, name, value)
    rule.save(update_fields=list(values))


def _record(actor: Actor, action: str, rule: AlertRule, **more: Any) -> None:
    said: dict[str, Any] = {"condition": rule.condition, "severity": rule.severity, "ways": list(rule.ways), **more}
    chain.note(actor, action, rule, new_state="on" if rule.is_on else "off", **said)
