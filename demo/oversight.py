"""The demo's alerts and exports: one rule fires, one is silent; one file is ready, one waits for a second person."""

from datetime import time, timedelta
from typing import Final

from django.conf import settings

from accounts.models import User
from accounts.services import actor_for_user
from analytics.alerts import evaluate, ready_made, rules
from analytics.alerts.rules import RuleSettings
from analytics.exports import jobs, schedules, work
from analytics.exports.jobs import Wanted
from analytics.exports.schedules import ScheduleSettings
from analytics.models import Alert, AlertRule, AlertSettings, Export
from core.actors import Actor
from core.clock import now
from demo.cast import ACME, Organisation
from demo.people import SEEDER
from standins.pagerduty import seed as pagerduty
from standins.slack import seed as slack

DAY: Final = timedelta(days=1)
# Ten days, so that the demo says something at night and on Sundays too.
SLOW: Final = RuleSettings(
    name="First answers by people take too long",
    condition='p95("first_answer_person", 240) > 900',
    ways=("notice", "pagerduty", "slack"),
    runbook="https://wiki.acme.example/first-answers",
)
FAILING: Final = RuleSettings(
    name="Messages aren't delivered",
    condition='percent("delivery_failures", "deliveries", 240) >= 0.5',
    severity="critical",
    ways=("notice", "mail"),
)
LATE: Final = RuleSettings(
    name="Requests are decided late",
    condition='share("decided_in_time", "decided_late", 240) < 50',
    severity="info",
    quiet_from=time(22),
    quiet_until=time(7),
)
# How many days ago the first rule fired, and for how many hours.
PAST: Final = ((41, 3), (23, 7), (9, 2))


def ensure_oversight(organisation: Organisation, people: dict[str, User]) -> None:
    """Create what is missing, once. Runs in the organisation's scope, outside a transaction."""
    ready_made.ensure(now=now())
    secret = settings.SANDBOX_PAGERDUTY_TOKEN
    if secret and not AlertSettings.objects.exclude(slack_channel="").exists():
        rules.set_destinations(
            actor=SEEDER,
            routing_key=pagerduty.routing_key(organisation.slug, secret),
            slack_channel=slack.channel_id(organisation.slug),
        )
    if organisation != ACME or AlertRule.objects.filter(name=SLOW.name).exists():
        return
    admin = actor_for_user(people["admin"])
    moment = now()
    slow, failing, _ = (rules.create_rule(actor=admin, settings=wanted) for wanted in (SLOW, FAILING, LATE))
    rules.silence_rule(
        actor=admin, alert_rule_id=failing.pk, until=moment + 3 * DAY, reason="The carrier works on it until Friday."
    )
    for days, hours in PAST:
        began = moment - days * DAY
        ended = began + timedelta(hours=hours)
        Alert.objects.create(
            rule=slow, severity=slow.severity, facts={SLOW.condition.partition(" > ")[0]: str(930 + 40 * hours)},
            began_at=began, ended_at=ended, acknowledged_at=began + timedelta(minutes=12),
            acknowledged_by_id=admin.user_id,
        )  # fmt: skip
    evaluate.evaluate()
    if not Export.objects.exists():
        _make_exports(actor_for_user(people["admin"]), actor_for_user(people["compliance"]), people)


def _make_exports(admin: Actor, compliance: Actor, people: dict[str, User]) -> None:
    since, until = now() - 30 * DAY, now()
    ready = jobs.request_export(actor=admin, wanted=Wanted("figures", "xlsx", since, until))
    work.write_export(export_id=ready.pk)
    reason = "The data protection officer answers a request for access."
    clear = Wanted("conversations", "csv", since, until, in_clear=True, reason=reason)
    jobs.request_export(actor=compliance, wanted=clear)
    monthly = ScheduleSettings(
        name="Conversations of last month", source="conversations", format="xlsx", every="month", day=1, at=time(7),
        zone=ACME.timezone, recipients=[people["owner"].pk, people["compliance"].pk],
    )  # fmt: skip
    schedules.create_schedule(actor=admin, settings=monthly)
