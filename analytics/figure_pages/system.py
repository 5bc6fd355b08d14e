"""How the system keeps up now: the organisation's own numbers, and the installation's for its operators."""

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from accounts.permissions.operators import is_operator
from analytics.event_store import retention
from console.base.units import time_in_words
from conversations.models import Message
from conversations.selectors import VIEW_FIGURES
from core.actors import Actor
from core.clock import now as clock_now
from core.models import DeadLetter
from core.observability import health
from hitl.domain.state_machine import State
from hitl.models import Approval

LATE: Final = 60.0


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
            "Stored events", "For how long events are kept beyond their streams, for replays and exports.",
            f"{retention.kept_days()} days", url=form if viewer.may(retention.MANAGE) else "",
        ),
    ]  # fmt: skip


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
