"""Badges and dashboard tiles of the approvals."""

from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.urls import reverse

from console.badges import Badge, badges
from console.charts import Chart, by_day, last_days
from console.people import name_in, names_of
from console.tiles import Tile, tiles
from core.actors import Actor
from core.clock import now
from core.scope import current_tenant_id
from hitl.admin_display import RISKS, state_chip
from hitl.models import Approval, Decision, Seat
from hitl.transitions import WAITING, State

SIGNED = (State.APPROVED, State.EXECUTING, State.UNKNOWN, State.EXECUTED, State.FAILED)
CHART_SECONDS = 30


class WaitingBadge(Badge):
    """Approvals that wait for the viewer's signature."""

    label, tone, permission = "wait for your signature", "accent", "hitl.decide_approval"

    def count(self, viewer: Actor) -> int:
        """Count the waiting approvals in which the viewer holds a seat."""
        mine = Seat.objects.filter(person=viewer.user_id, closed_at=None, approval__state__in=WAITING)
        return int(mine.values("approval").distinct().count())


class OverdueBadge(Badge):
    """Approvals that should have been decided by now."""

    label, tone, permission = "overdue", "danger", "hitl.view_approval"

    def count(self, viewer: Actor) -> int:
        """Count what waits past its time."""
        return int(Approval.objects.filter(state__in=WAITING, sla_due_at__lt=now()).count())


class WaitingTile(Tile):
    """What waits, by risk, and what is overdue."""

    order, width, permission = 10, "bare", "hitl.view_approval"
    template = "console/tiles/waiting.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Count everything in one statement."""
        wanted = {level: Count("pk", filter=Q(risk_level=level)) for level in RISKS}
        wanted["overdue"] = Count("pk", filter=Q(sla_due_at__lt=now()))
        counts = Approval.objects.filter(state__in=WAITING).aggregate(**wanted)
        queue = reverse("admin:hitl_approval_changelist")
        rows = [
            {"word": word, "tone": tone, "icon": icon, "count": counts[key], "url": _link(queue, key)}
            for key, (word, tone, icon) in reversed(RISKS.items())
        ]
        overdue = {"count": counts["overdue"], "url": f"{queue}?overdue=yes"}
        return {"rows": rows, "overdue": overdue, "total": sum(row["count"] for row in rows)}


def _link(queue: str, risk: str) -> str:
    return f"{queue}?state=waiting&risk={risk}"


class ChartTile(Tile):
    """Approvals opened, approved and rejected on each of the last 14 days."""

    order, width, permission = 40, "half", "hitl.view_approval"
    template = "console/tiles/chart.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return the chart, drawn at most every half minute."""
        key = f"{current_tenant_id()}:console-chart:approvals"
        chart: Chart = cache.get(key) or _chart(now())
        cache.set(key, chart, timeout=CHART_SECONDS)
        return {"chart": chart}


def _chart(moment: datetime) -> Chart:
    days = last_days(moment.date())
    start = moment - timedelta(days=len(days))
    decided = Approval.objects.filter(decided_at__gte=start)
    counts = {
        "Opened": ("neutral", _daily(Approval.objects.filter(created_at__gte=start), "created_at")),
        "Approved": ("good", _daily(decided.filter(state__in=SIGNED), "decided_at")),
        "Rejected": ("danger", _daily(decided.filter(state=State.REJECTED), "decided_at")),
    }
    return by_day("approvals", "Approvals, last 14 days", days, counts)


def _daily(rows: Any, column: str) -> dict[date, int]:
    found = rows.annotate(day=TruncDate(column)).values_list("day").annotate(count=Count("pk"))
    return dict(found.order_by("day"))


class DecisionsTile(Tile):
    """The last decisions."""

    order, width, permission = 60, "full", "hitl.view_approval"
    template = "console/tiles/decisions.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return the last decisions with the names of those who made them."""
        votes = Decision.objects.filter(verdict__in=("approve", "reject"))
        found = list(votes.select_related("approval").order_by("-id")[:6])
        names = names_of(decision.person_id for decision in found)
        rows = [
            {
                "decision": decision,
                "who": name_in(names, decision.person_id, otherwise="A rule"),
                "url": reverse("admin:hitl_approval_change", args=[decision.approval_id]),
                "state": state_chip(decision.approval.state),
            }
            for decision in found
        ]
        return {"rows": rows}


badges.register("hitl.waiting", WaitingBadge)
badges.register("hitl.overdue", OverdueBadge)
tiles.register("approvals-waiting", WaitingTile)
tiles.register("approvals-chart", ChartTile)
tiles.register("approvals-decisions", DecisionsTile)
