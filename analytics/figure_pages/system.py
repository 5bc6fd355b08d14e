"""How the system keeps up, now and lately: the organisation's own numbers, and the installation's for operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, get_args

from django.apps import apps
from django.db.models import Count, Max, Sum
from django.db.models.functions import TruncHour
from django.urls import reverse

from accounts.permissions.operators import is_operator
from analytics.figure_pages.labels import names_of_values
from analytics.figures.metrics import KIND
from analytics.figures.spans import HOUR
from analytics.models import FigureHour, GaugeSample
from console.base.plots import Line, Plot
from console.base.units import Unit, in_words, time_in_words
from conversations.models import Message
from conversations.selectors import VIEW_FIGURES
from core.actors import Actor
from core.clock import now as clock_now
from core.jobs.decorators import Queue
from core.models import DeadLetter
from core.observability import health
from core.privacy import key_rotation
from core.reliability import circuit_breaker
from hitl.domain.state_machine import State
from hitl.models import Approval

LATE: Final = 60.0
PERIODS: Final = (("1", "Last 24 hours"), ("7", "Last 7 days"))
POINTS: Final = 42
"""How many points a line has at most: of the samples between two the highest counts."""
STOPPED: Final = timedelta(minutes=10)
"""For how long a rotation of keys that runs may count nothing."""
LAG: Final = "walker_bus_lag_seconds"
CALLED: Final = {
    f'{LAG}{{consumer="crm"}}': "Events behind: CRM",
    f'{LAG}{{consumer="figures"}}': "Events behind: figures",
    f'{LAG}{{consumer="log"}}': "Events behind: stored events",
    f'{LAG}{{consumer="webhooks"}}': "Events behind: webhooks",
    "walker_oldest_transaction_seconds": "Oldest open transaction",
    "walker_deliveries_oldest_seconds": "Oldest message to send",
    "walker_runs_oldest_seconds": "Oldest agent run to start",
    "walker_inbound_oldest_seconds": "Oldest received message to read",
    "walker_mail_oldest_seconds": "Oldest email to send",
    "walker_outbox_oldest_seconds": "Oldest event to publish",
    "walker_webhooks_oldest_seconds": "Oldest webhook to send",
    "walker_webhooks_waiting": "Webhooks to send",
    "walker_webhooks_endpoints_failing": "Webhook endpoints that fail",
    "walker_approval_timers_overdue": "Approval timers that are late",
    "walker_executions_unknown": "Unknown outcomes, all organisations",
    "walker_approved_oldest_seconds": "Oldest approved request to execute",
    "walker_override_reviews_open": "Emergency approvals to review",
    "walker_dead_letters_parked": "Failed jobs, all organisations",
    "walker_breakers_open": "Paused services, all organisations",
    'walker_check_failing{check="worker"}': "No worker is running",
    'walker_check_failing{check="beat"}': "The scheduler isn't running",
    'walker_check_failing{check="model_workers"}': "No model worker is running",
    'walker_check_failing{check="webhook_workers"}': "No webhook worker is running",
    "walker_worker_heartbeat_age_seconds": "Last worker heartbeat",
    "walker_beat_heartbeat_age_seconds": "Last scheduler heartbeat",
    "walker_audit_anchors_failing": "Failing audit anchor stores",
    **{f'walker_queue_depth{{queue="{queue}"}}': f"Queued tasks: {queue}" for queue in get_args(Queue)},
}
"""What gauges are called; others by their own name."""
CHECKS: Final = {"stopping": "Accepting requests", "tenant_wall": "Separation of organisations"}
"""What checks are called, likewise."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that is measured: what it is now, whether a person has to look, and how it was in the period."""

    name: str
    how: str
    value: str
    tone: str = "good"
    url: str = ""
    trend: Plot | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """A period until a moment: where each point begins and ends, the oldest first, and what each is called."""

    begin: datetime
    end: datetime
    steps: list[tuple[datetime, datetime]]
    labels: list[str]


def course_of(days: int, zone: tzinfo) -> Course:
    """Return the last days until now, in points of whole hours, called by the time in a zone."""
    end = clock_now()
    hours = -(-days * 24 // POINTS)
    last = end.replace(minute=0, second=0, microsecond=0) + HOUR
    count = days * 24 // hours
    steps = [(last - (count - at) * hours * HOUR, last - (count - at - 1) * hours * HOUR) for at in range(count)]
    here = [begin.astimezone(zone) for begin, _ in steps]
    labels = [f"{at:%H:%M}" if days == 1 else f"{at.day} {at:%b %H:%M}" for at in here]
    return Course(end - timedelta(days=days), end, steps, labels)


def read_own(*, viewer: Actor, course: Course) -> list[Reading]:
    """Return the organisation's readings. Needs `analytics.view_figures`. Five queries."""
    viewer.require(VIEW_FIGURES)
    lately = DeadLetter.objects.filter(parked_at__gt=course.begin).order_by()
    failed = lately.values_list(TruncHour("parked_at", tzinfo=UTC)).annotate(Count("pk"))
    by_hour = {hour: (number, float(number)) for hour, number in failed}
    jobs = Line("Failed", "danger", [_between(by_hour, *step) for step in course.steps])
    parked = DeadLetter.objects.filter(state=DeadLetter.State.PARKED)[:100].count()
    unknown = Approval.objects.filter(state=State.UNKNOWN)[:100].count()
    waiting = Message.objects.filter(status__in=[Message.Status.QUEUED, Message.Status.SENDING])
    oldest = waiting.order_by("next_attempt_at").values_list("created_at", flat=True).first()
    age = (course.end - oldest).total_seconds() if oldest else 0.0
    paused = circuit_breaker.count_open()
    return [
        Reading(
            "Failed jobs", "Work that failed for good and waits for a person.", str(parked or "None"),
            "danger" if parked else "good", reverse("admin:core_deadletter_changelist"),
            Plot("jobs", "Failed jobs", course.labels, [jobs]),
        ),
        Reading(
            "Actions with an unknown outcome",
            "They may or may not have happened at the provider. Check there, then record the outcome on the request.",
            str(unknown or "None"), "danger" if unknown else "good",
            f"{reverse('admin:hitl_approval_changelist')}?state=unknown",
        ),
        Reading(
            "Oldest message to send", "For how long the oldest message to a customer has been waiting.",
            time_in_words(age) if oldest else "None", "warn" if age > LATE else "good",
        ),
        Reading(
            "Paused services",
            "An outside service is failing. Check that its key still works; calls resume once it answers.",
            str(paused or "None"), "danger" if paused else "good",
        ),
    ]  # fmt: skip


def read_providers(*, viewer: Actor, course: Course) -> list[Reading]:
    """Return how the organisation's providers did in the period, those that were called. Two queries.

    One whose every call failed in the last hour with calls needs a person. Needs `analytics.view_figures`.
    """
    viewer.require(VIEW_FIGURES)
    names = ("provider_calls", "provider_failures", "provider_time")
    rows = FigureHour.objects.filter(metric__in=names, dimension=KIND, hour__gt=course.begin)
    sums: dict[str, dict[str, dict[datetime, tuple[int, float]]]] = {}
    for name, value, hour, n, total in (
        rows.order_by().values_list("metric", "value", "hour").annotate(Sum("n"), Sum("total"))
    ):
        sums.setdefault(value, {key: {} for key in names})[name][hour] = (n, float(total))
    labels, found = names_of_values(KIND, sorted(sums)), []
    for provider, by_hour in sorted(sums.items()):
        calls, failures, times = (by_hour[name] for name in names)
        last = max(calls, default=None)
        is_down = last is not None and calls[last][1] > 0 and failures.get(last, (0, 0.0))[1] >= calls[last][1]
        called, failed = (sum(total for _, total in counted.values()) for counted in (calls, failures))
        answers = sum(n for n, _ in times.values())
        took = sum(total for _, total in times.values())
        words = [f"{called:,.0f} {'call' if called == 1 else 'calls'}", f"{failed:,.0f} failed"]
        plot = Plot(f"provider-{provider}", labels[provider], course.labels, [
            Line("Calls", "accent", [_between(calls, *step) for step in course.steps]),
            Line("Failed", "danger", [_between(failures, *step) for step in course.steps]),
        ])  # fmt: skip
        found.append(
            Reading(
                labels[provider],
                "Attempts to send a message through this provider, and how long it took to answer on average.",
                ", ".join([*words, *([in_words(took / answers, "seconds")] if answers else [])]),
                "danger" if is_down else "good",
                trend=plot,
            )
        )
    return found


def _between(counted: dict[datetime, tuple[int, float]], begin: datetime, end: datetime) -> float:
    """Return the sum of hours that began between two moments."""
    return sum(total for hour, (_, total) in counted.items() if begin <= hour < end)


def read_history(*, viewer: Actor, course: Course) -> dict[str, Plot]:
    """Return what the installation's gauges were, by name: for operators all, for others how far events are behind.

    Needs `analytics.view_figures`. One query.
    """
    viewer.require(VIEW_FIGURES)
    rows = GaugeSample.objects.filter(at__gt=course.begin)
    if not is_operator(viewer):
        rows = rows.filter(name__startswith=LAG)
    by_hour: dict[str, dict[datetime, float]] = {}
    for name, hour, highest in rows.order_by().values_list("name", TruncHour("at", tzinfo=UTC)).annotate(Max("value")):
        by_hour.setdefault(name, {})[hour] = highest
    plots: dict[str, Plot] = {}
    for name, found in by_hour.items():
        values = [
            max((v for at, v in found.items() if begin <= at < till), default=None) for begin, till in course.steps
        ]
        line, title = Line("Highest", "accent", values), CALLED.get(name, name)
        plots[name] = Plot(f"gauge-{len(plots)}", title, course.labels, [line], _unit_of(name))
    return plots


def read_events(history: Mapping[str, Plot]) -> list[Reading]:
    """Return how far figures, stored events and webhooks are behind, as last sampled; nothing without a sample."""
    plots = [plot for name, plot in history.items() if name.startswith(LAG)]
    if not plots:
        return []
    at_once = zip(*(plot.lines[0].values for plot in plots), strict=True)
    values = [max((value for value in at if value is not None), default=None) for at in at_once]
    behind = next((value for value in reversed(values) if value is not None), None)
    if behind is None:
        return []
    return [
        Reading(
            "Events to process", "How far figures, stored events and webhooks are behind what happened.",
            f"{time_in_words(behind)} behind" if behind else "Up to date", "warn" if behind > LATE else "good",
            trend=Plot("lag", "Events to process", plots[0].periods, [Line("Behind", "accent", values)], "seconds"),
        )
    ]  # fmt: skip


def _unit_of(name: str) -> Unit:
    return "seconds" if name.partition("{")[0].endswith("_seconds") else "count"


def read_installation(*, viewer: Actor, history: Mapping[str, Plot]) -> list[Reading]:
    """Return the readings of the whole installation for its operators, nothing for others."""
    if not is_operator(viewer):
        return []
    found = []
    for check in health.run_checks():
        name = CHECKS.get(check.name, check.name.replace("_", " ").capitalize())
        found.append(Reading(name, "", check.problem or "Fine", "good" if check.ok else "danger"))
    for gauge, value in health.read_gauges():
        is_late = value is None or (gauge.late_above is not None and value > gauge.late_above)
        name = CALLED.get(gauge.title, gauge.title.removeprefix("walker_").replace("_", " ").capitalize())
        shown = "No data" if value is None else in_words(value, _unit_of(gauge.name))
        tone = "danger" if is_late else "good"
        found.append(Reading(name, gauge.help, shown, tone, trend=history.get(gauge.title)))
    return found


def read_rotation(*, viewer: Actor) -> list[Reading]:
    """Return how far stored values are encrypted again with the newest key, by table until it is done.

    For the installation's operators, nothing for others. One query.
    """
    rows = key_rotation.progress() if is_operator(viewer) else []
    if not rows:
        return []
    done, total = sum(row.done for row in rows), sum(row.total for row in rows)
    if done >= total:
        how = f"Their key is {rows[0].key_id}. Keep older ones: second factors, decisions and the audit log need them."
        return [Reading("Key rotation", how, f"Done, {total:,} row{'' if total == 1 else 's'}")]
    is_stopped = max(row.changed_at for row in rows) < clock_now() - STOPPED
    how = f"Stored values are encrypted again with the key {rows[0].key_id}, by the command rotate_keys."
    if is_stopped:
        how += " It has stopped. Run it again: it goes on from here, and its log names rows that can't be decrypted."
    found = [Reading("Key rotation", how, f"{done:,} of {total:,} rows", "warn" if is_stopped else "good")]
    for row in rows:
        name = str(apps.get_model(row.model)._meta.verbose_name_plural)
        found.append(Reading(name[:1].upper() + name[1:], "", f"{row.done:,} of {row.total:,} rows"))
    return found
