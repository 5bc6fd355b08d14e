"""What the demo's people keep an eye on: alerts, exports, checks of their agents, a limit that they tried.

One alert fires, one is silent; one file is ready, one waits for a second person.
"""

from datetime import time, timedelta
from typing import Final

from django.conf import settings

from accounts.models import User
from accounts.services import actor_for_user
from agents.models import Agent, EvalRun
from agents.studio.agents import gallery
from agents.studio.evals.case_services import keep_case
from agents.studio.evals.runs import start_checks, work_run
from analytics.alerts import evaluate, ready_made, rules
from analytics.alerts.rules import RuleSettings
from analytics.exports import jobs, schedules, work
from analytics.exports.jobs import Wanted
from analytics.exports.schedules import ScheduleSettings
from analytics.models import Alert, AlertRule, AlertSettings, Export
from core import clock
from core.actors import Actor
from core.clock import now
from demo.agents import FIRST_CASES
from demo.cast import ACME, Organisation
from demo.people import SEEDER
from demo.setting import FRONT_DESK
from hitl.simulation.runs import run_simulation, start_simulation
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
TRIED: Final = {"scope": "all", "currency": "EUR", "amount": "300.00", "window": "day"}
"""A lower limit that the owner tried on the requests of the last month."""
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
    with clock.at(moment - 60 * DAY):
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
    owner = actor_for_user(people["owner"])
    if not EvalRun.objects.exists():
        _check_agents(owner)
    with clock.at(moment - timedelta(hours=45)):
        tried = start_simulation(actor=owner, what="cap", draft=TRIED, days=30)
        run_simulation(simulation_id=tried.pk)


def _check_agents(owner: Actor) -> None:
    """Keep the cases of two agents, and run them as the owner did some days ago."""
    cases = {FRONT_DESK: gallery.FRONT_DESK.cases, "Paid Ads": FIRST_CASES["paid_ads"]}
    for days, agent in enumerate(Agent.objects.filter(name__in=cases, is_system=True).order_by("name"), start=2):
        with clock.at(now() - days * DAY):
            for case in cases[agent.name]:
                keep_case(actor=owner, agent_id=agent.pk, document=case.model_dump(mode="json"))
            work_run(run_id=start_checks(actor=owner, agent_id=agent.pk).pk)


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
