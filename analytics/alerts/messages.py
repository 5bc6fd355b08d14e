"""Send the messages of alerts: each claimed once, tried again with growing pauses, dropped when nobody needs it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import User
from accounts.selectors import roles_now, roster
from analytics.alerts.evaluate import MANAGE, NOTICE, link_to
from analytics.alerts.measures import label_of
from analytics.models import Alert, AlertMessage, AlertRule, AlertSettings, Severity, Way
from conversations.models import ChannelAccount
from conversations.selectors import showing
from core import notices
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.reach import gate
from core.tenancy.scope import platform_scope
from core.webhooks import deliveries, endpoints
from integrations.mail.services import queue_mail_to
from integrations.mail.types import AUTOMATIC
from integrations.outcomes import Failed
from integrations.pagerduty import client as pagerduty
from integrations.slack import posts as slack
from integrations.slack.client import SlackClient
from integrations.slack.types import Done

log = get_logger(__name__)
PURPOSE: Final = "alerts"
MAIL_TYPE: Final = "alert"
LEASE: Final = timedelta(minutes=2)
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 300, 900, 3600, 10_800))
BATCH: Final = 200
OVER, TRIED = "over", "over_after_tries"
State, Kind = AlertMessage.State, AlertMessage.Kind
ACTIONS: Final[dict[AlertMessage.Kind, pagerduty.Action]] = {
    Kind.TRIGGER: "trigger", Kind.ACKNOWLEDGE: "acknowledge", Kind.RESOLVE: "resolve",
}  # fmt: skip
LEVELS: Final[dict[str, notices.Level]] = {
    Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "warning",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message: an empty `error` if it left; `is_final` if another attempt can't help.

    `retry_after` are the seconds that the receiver asks to wait.
    """

    error: str = ""
    is_final: bool = False
    retry_after: int = 0


def list_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, message) of the messages that are due: new ones, retries, lost tasks. For the sweep."""
    with platform_scope():
        due = AlertMessage.objects.filter(state=State.QUEUED, due_at__lte=now or clock_now()).order_by("due_at")
        return list(due.values_list("tenant_id", "pk")[:BATCH])


def send_message(*, message_id: UUID, now: datetime | None = None) -> bool:
    """Send one message; False if another worker has it, it isn't due, or nobody needs it any more.

    For the worker, outside a transaction. A process that dies in between lets another one send it again: PagerDuty,
    webhooks, mail and notices have a key by which a repeat is one.
    """
    moment = now or clock_now()
    mine = AlertMessage.objects.filter(pk=message_id, state=State.QUEUED, due_at__lte=moment)
    if not mine.update(due_at=moment + LEASE, attempts=F("attempts") + 1):
        return False
    message = AlertMessage.objects.select_related("alert__rule").get(pk=message_id)
    if why := _why_not_needed(message):
        _close(message, state=State.SKIPPED, error=why)
        return False
    first = None if message.kind == Kind.TRIGGER else _beginning_of(message)
    # An end doesn't leave before its beginning.
    is_early = first is not None and first.state == State.QUEUED
    outcome = Outcome("waits") if is_early else SENDERS[message.way](message)
    if not outcome.error:
        return _close(message, state=State.SENT, error="", sent_at=moment)
    if outcome.is_final or message.attempts > len(PAUSES):
        log.warning("alert_not_sent", message=str(message.pk), way=message.way, error=outcome.error)
        _close(message, state=State.FAILED, error=outcome.error[:40])
        return False
    pause = max(PAUSES[message.attempts - 1], timedelta(seconds=outcome.retry_after))
    _close(message, due_at=moment + pause, error=outcome.error[:40])
    return False


def _close(message: AlertMessage, **values: Any) -> bool:
    mine = AlertMessage.objects.filter(pk=message.pk, state=State.QUEUED, attempts=message.attempts)
    return bool(mine.update(**values))


def _why_not_needed(message: AlertMessage) -> str:
    """Return why a message isn't needed: the alert ended before its beginning left, or nobody heard of it.

    A beginning that was tried may have arrived, so that its end is still sent.
    """
    if message.kind == Kind.TRIGGER:
        is_over = message.alert.ended_at is not None
        return (OVER if message.attempts == 1 else TRIED) if is_over else ""
    first = _beginning_of(message)
    return "never_began" if first is None or (first.state == State.SKIPPED and first.error == OVER) else ""


def _beginning_of(message: AlertMessage) -> AlertMessage | None:
    rows = AlertMessage.objects.filter(alert=message.alert, way=message.way, kind=Kind.TRIGGER)
    found: AlertMessage | None = rows.first()
    return found


def people_of(rule: AlertRule) -> list[UUID]:
    """Return who is told: the owner and those who see the team, or, without any, who manages alerts. Two queries."""
    wanted = [rule.owner_id] if rule.owner_id else []
    if rule.team_id:
        wanted += list(showing().filter(team_id=rule.team_id).values_list("user_id", flat=True))
    return sorted(roles_now(wanted) if wanted else roster().holding(MANAGE))


def title_of(message: AlertMessage) -> str:
    """Return what a message says first."""
    words = {Kind.TRIGGER: "Alert", Kind.ACKNOWLEDGE: "Acknowledged", Kind.RESOLVE: "Over"}
    return f"{words[Kind(message.kind)]}: {message.alert.rule.name}"


def text_of(message: AlertMessage) -> str:
    """Return the numbers behind an alert, and that further messages are held back."""
    numbers = numbers_of(message.alert)
    return f"{numbers}. It fires often: further messages are held back for an hour." if message.damps else numbers


def numbers_of(alert: Alert) -> str:
    """Return the numbers when an alert began, in words."""
    return ". ".join(f"{label_of(name)}: {value}" for name, value in alert.facts.items())


def _notice(message: AlertMessage) -> Outcome:
    rule = message.alert.rule
    notices.leave(
        people=people_of(rule), kind=NOTICE, title=title_of(message), body=text_of(message)[:300],
        link=link_to(rule), level="info" if message.kind != Kind.TRIGGER else LEVELS[message.alert.severity],
        dedupe_key=f"alert:{message.alert_id}:{message.kind}",
    )  # fmt: skip
    return Outcome()


def _mail(message: AlertMessage) -> Outcome:
    rule = message.alert.rule
    texts = {
        "title": title_of(message), "body": text_of(message), "runbook": rule.runbook,
        "link": f"{settings.PUBLIC_URL}{link_to(rule)}",
    }  # fmt: skip
    with transaction.atomic():
        for person in User.objects.filter(pk__in=people_of(rule)).order_by("pk"):
            key = f"alert:{message.alert_id}:{message.kind}:{person.pk}"
            queue_mail_to(person, "alert", texts, type=MAIL_TYPE, ref=message.alert_id, key=key, headers=AUTOMATIC)
    return Outcome()


def _slack(message: AlertMessage) -> Outcome:
    channel = AlertSettings.objects.values_list("slack_channel", flat=True).first()
    account = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.SLACK, is_active=True, paused_at=None).first()
    if not channel or account is None:
        return Outcome("not_connected", is_final=True)
    client = SlackClient(str((account.credentials or {}).get("bot_token") or ""), account=account.pk.hex)
    rule = message.alert.rule
    said = (
        f"*{escape(title_of(message), quote=False)}*", escape(text_of(message), quote=False),
        f"<{settings.PUBLIC_URL}{link_to(rule)}|Open in Walker>",
    )  # fmt: skip
    try:
        sent = slack.post_message(client, channel, text="\n".join(filter(None, said)))
    except gate.NotReachable:
        return Outcome("blocked", is_final=True)
    if isinstance(sent, Failed):
        return Outcome(sent.code, is_final=sent.permanent, retry_after=sent.retry_after or 0)
    return Outcome() if isinstance(sent, Done) else Outcome(sent.code)


def _pagerduty(message: AlertMessage) -> Outcome:
    kept = AlertSettings.objects.first()
    if kept is None or not kept.routing_key:
        return Outcome("not_connected", is_final=True)
    rule = message.alert.rule
    payload = {
        "summary": f"{rule.name}. {text_of(message)}",
        "source": "walker",
        "severity": message.alert.severity,
        "timestamp": message.alert.began_at.isoformat(),
        "custom_details": message.alert.facts,
    }
    links = [{"href": f"{settings.PUBLIC_URL}{link_to(rule)}", "text": "Open in Walker"}]
    links += [{"href": rule.runbook, "text": "Runbook"}] if rule.runbook else []
    sent = pagerduty.send_event(
        routing_key=kept.routing_key, action=ACTIONS[Kind(message.kind)], dedup_key=str(message.alert_id),
        payload=payload, links=links,
    )  # fmt: skip
    return Outcome(sent.error, sent.is_final, sent.retry_after)


def _webhook(message: AlertMessage) -> Outcome:
    kept = AlertSettings.objects.first()
    endpoint = endpoints.find_endpoint(purpose=PURPOSE, ref=kept.pk) if kept else None
    if endpoint is None:
        return Outcome("not_connected", is_final=True)
    deliveries.queue_delivery(
        endpoint=endpoint, event_type=f"alert.{message.kind}", event=event_of(message.alert),
        key=f"alert_{message.alert_id.hex}_{message.kind}", ref=message.alert_id, line=str(message.alert_id),
    )  # fmt: skip
    return Outcome()


def event_of(alert: Alert) -> dict[str, Any]:
    """Return what a webhook says of an alert: ids, states and numbers."""
    return {
        "alert_id": str(alert.pk),
        "rule_id": str(alert.rule_id),
        "severity": alert.severity,
        "facts": alert.facts,
        "began_at": alert.began_at.isoformat(),
        "ended_at": alert.ended_at and alert.ended_at.isoformat(),
    }


SENDERS: Final[dict[str, Callable[[AlertMessage], Outcome]]] = {
    Way.NOTICE: _notice,
    Way.MAIL: _mail,
    Way.SLACK: _slack,
    Way.PAGERDUTY: _pagerduty,
    Way.WEBHOOK: _webhook,
}
