"""How the system keeps up, now and lately: the organisation's own numbers, and the installation's for operators."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, get_args
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.urls import reverse

from accounts.permissions.operators import is_operator
from analytics.event_store import retention
from analytics.figure_pages.labels import names_of_values
from analytics.figures.metrics import KIND, METRICS, Unit
from analytics.figures.spans import HOUR
from analytics.models import FigureHour, GaugeSample
from console.base import units
from console.base.plots import Line, Plot
from console.base.units import time_in_words
from conversations.models import Message
from conversations.selectors import VIEW_FIGURES
from core.actors import Actor
from core.clock import now as clock_now
from core.jobs.decorators import Queue
from core.models import DeadLetter
from core.observability import health
from core.reliability import circuit_breaker
from hitl.domain.state_machine import State
from hitl.models import Approval

LATE: Final = 60.0
PERIODS: Final = (("1", "Last 24 hours"), ("7", "Last 7 days"))
POINTS: Final = 42
"""How many points a line has at most: of the samples between two the highest counts."""
TONES: Final = ("accent", "info", "warn", "good", "danger", "neutral")
HISTORY: Final[tuple[tuple[str, str, units.Unit, tuple[tuple[str, str], ...]], ...]] = (
    ("lag", "Events not processed yet, oldest", "seconds", (
        ('walker_bus_lag_seconds{consumer="figures"}', "Figures"), ('walker_bus_lag_seconds{consumer="log"}', "Store"),
        ('walker_bus_lag_seconds{consumer="webhooks"}', "Webhooks"),
    )),
    ("queues", "Tasks that wait for a worker", "level", tuple(
        (f'walker_queue_depth{{queue="{queue}"}}', queue.capitalize()) for queue in get_args(Queue)
    )),
    ("work", "Oldest work that waits", "seconds", (
        ("walker_deliveries_oldest_seconds", "Messages"), ("walker_runs_oldest_seconds", "Agent runs"),
        ("walker_inbound_oldest_seconds", "Received"), ("walker_mail_oldest_seconds", "Emails"),
        ("walker_outbox_oldest_seconds", "Announcements"),
    )),
    ("breakers", "Outside services to which calls are paused", "level", (("walker_breakers_open", "Paused"),)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """One number now; `tone` says whether a person has to look."""

    name: str
    how: str
    value: str
    tone: str = "good"
    url: str = ""


def read_own(*, viewer: Actor) -> list[Reading]:
    """Return the organisation's readings. Needs `analytics.view_figures`. Four queries."""
    viewer.require(VIEW_FIGURES)
    parked = DeadLetter.objects.filter(state=DeadLetter.State.PARKED)[:100].count()
    unknown = Approval.objects.filter(state=State.UNKNOWN)[:100].count()
    waiting = Message.objects.filter(status__in=[Message.Status.QUEUED, Message.Status.SENDING])
    oldest = waiting.order_by("next_attempt_at").values_list("created_at", flat=True).first()
    age = (clock_now() - oldest).total_seconds() if oldest else 0.0
    paused = circuit_breaker.count_open()
    form = reverse("admin:analytics_figuredashboard_events")
    return [
        Reading(
            "Failed jobs", "Work that failed for good and waits for a person.", str(parked),
            "danger" if parked else "good", reverse("admin:core_deadletter_changelist"),
        ),
        Reading(
            "Unknown outcomes", "Requests whose action may or may not have happened at the provider.", str(unknown),
            "danger" if unknown else "good", f"{reverse('admin:hitl_approval_changelist')}?state=unknown",
        ),
        Reading(
            "Oldest message to send", "How long the oldest message to a customer has been waiting.",
            time_in_words(age) if oldest else "None is waiting", "warn" if age > LATE else "good",
        ),
        Reading(
            "Paused services", "Outside services to which calls are paused after failures.", str(paused),
            "danger" if paused else "good",
        ),
        Reading(
            "Stored events", "For how long events are kept beyond their streams, for replays and exports.",
            f"{retention.kept_days()} days", url=form if viewer.may(retention.MANAGE) else "",
        ),
    ]  # fmt: skip


def read_providers(*, viewer: Actor, days: int, zone: ZoneInfo) -> list[Plot]:
    """Return how the organisation's providers did in the last hours, each in one line. Two queries.

    Needs `analytics.view_figures`.
    """
    viewer.require(VIEW_FIGURES)
    names = ("provider_calls", "provider_failures", "provider_time")
    end = clock_now()
    rows = FigureHour.objects.filter(metric__in=names, dimension=KIND, hour__gt=end - timedelta(days=days))
    sums: dict[tuple[str, str], dict[datetime, tuple[int, Decimal]]] = {}
    for name, value, hour, n, total in (
        rows.order_by().values_list("metric", "value", "hour").annotate(Sum("n"), Sum("total"))
    ):
        sums.setdefault((name, value), {})[hour] = (n, total)
    steps = _steps(end, days)
    providers = sorted({value for _, value in sums})[: len(TONES)]
    labels = names_of_values(KIND, providers)

    def between(key: tuple[str, str], begin: datetime, end: datetime) -> float | None:
        """Return the sum of hours that began between two moments, of times the average."""
        found = [counted for hour, counted in sums.get(key, {}).items() if begin <= hour < end]
        n, total = sum(each[0] for each in found), sum((each[1] for each in found), Decimal(0))
        return float(total) if METRICS[key[0]].unit == Unit.COUNT else float(total / n) if n else None

    def plot(key: str, title: str, metric: str, unit: units.Unit) -> Plot:
        lines = []
        for tone, provider in zip(TONES, providers, strict=False):
            values = [between((metric, provider), *step) for step in steps]
            lines.append(Line(labels[provider], tone, values))
        return Plot(key, title, [_label(step[0], days, zone) for step in steps], lines, unit)

    return [
        plot("provider_calls", "Provider calls", "provider_calls", "count"),
        plot("provider_failures", "Failed provider calls", "provider_failures", "count"),
        plot("provider_time", "Provider latency, on average", "provider_time", "seconds"),
    ]


def read_history(*, viewer: Actor, days: int, zone: ZoneInfo) -> list[Plot]:
    """Return what the installation's gauges were: for operators all, for others how far events are. One query.

    Needs `analytics.view_figures`.
    """
    viewer.require(VIEW_FIGURES)
    shown = HISTORY if is_operator(viewer) else HISTORY[:1]
    end = clock_now()
    names = [name for *_, lines in shown for name, _ in lines]
    rows = GaugeSample.objects.filter(name__in=names, at__gt=end - timedelta(days=days))
    samples: dict[str, list[tuple[datetime, float]]] = {}
    for name, at, value in rows.order_by().values_list("name", "at", "value"):
        samples.setdefault(name, []).append((at, value))
    steps = _steps(end, days)
    plots = []
    for key, title, unit, parts in shown:
        lines = []
        for (name, label), tone in zip(parts, TONES, strict=False):
            mine = samples.get(name, ())
            values = [max((value for at, value in mine if begin <= at < till), default=None) for begin, till in steps]
            lines.append(Line(label, tone, values))
        plots.append(Plot(key, title, [_label(step[0], days, zone) for step in steps], lines, unit))
    return plots


def _steps(end: datetime, days: int) -> list[tuple[datetime, datetime]]:
    """Return the beginning and the end of each point, whole hours, the oldest first."""
    hours = -(-days * 24 // POINTS)
    last = end.replace(minute=0, second=0, microsecond=0) + HOUR
    count = days * 24 // hours
    return [(last - (count - at) * hours * HOUR, last - (count - at - 1) * hours * HOUR) for at in range(count)]


def _label(at: datetime, days: int, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if days == 1 else f"{local.day} {local:%b %H:%M}"


def read_installation(*, viewer: Actor) -> list[Reading]:
    """Return the readings of the whole installation for its operators, nothing for others."""
    if not is_operator(viewer):
        return []
    found = []
    for check in health.run_checks():
        name = check.name.replace("_", " ").capitalize()
        found.append(Reading(name, "", check.problem or "Fine", "good" if check.ok else "danger"))
    for gauge, value in health.read_gauges():
        is_late = value is None or (gauge.late_above is not None and value > gauge.late_above)
        name = gauge.name.removeprefix("walker_").replace("_", " ").capitalize()
        shown = "Not reachable" if value is None else f"{value:g}"
        found.append(Reading(name, gauge.help, shown, "danger" if is_late else "good"))
    return found
