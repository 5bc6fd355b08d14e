"""Badges and dashboard tiles of the approvals."""

from typing import Any, Final

from django.core.cache import cache
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.base.plots import Plot, by_day
from console.extensions import (
    MOST_ERRANDS,
    Badge,
    DayNumbers,
    Errand,
    Errands,
    Finder,
    Found,
    Number,
    Tile,
    badges,
    count_badges,
    day,
    errands,
    finders,
    tiles,
)
from console.names import name_in, names_of
from console.templatetags.console_ui import chip, moment
from console.time_zones import organisation_zone
from core.actors import Actor
from core.tenancy.scope import current_tenant_id
from hitl.display import RISKS, STATES, risk_chip, state_chip
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import WAITING
from hitl.masking import mask_for
from hitl.models import Approval, Decision
from hitl.selectors import approvals as selectors
from hitl.selectors import search

CHART_SECONDS = 30
RECENT, FOUND_MAX = 200, 6
NOTICES = {
    "approval_opened": "Needs your approval",
    "approval_escalated": "Escalated to you",
    "approval_delegated": "Delegated to you",
    "approval_answered": "The requester has answered",
    "approval_reminder": "Still needs your approval",
    "approval_overridden": "Approved in an emergency: needs a review",
    "request_info_requested": "An approver has a question about your request",
    "request_returned": "Your request was sent back for changes",
    "approval_stuck": "Needs your help to continue",
}


class WaitingBadge(Badge):
    """Requests that wait for the viewer's approval."""

    label, tone, permission = "waiting for your approval", "accent", DECIDE

    def count(self, viewer: Actor) -> int:
        """Count the requests that the viewer can decide, capped."""
        return selectors.count_mine(viewer=viewer)


class OverdueBadge(Badge):
    """Requests whose decision is overdue."""

    label, tone, permission = "overdue", "danger", "hitl.view_approval"

    def count(self, viewer: Actor) -> int:
        """Count overdue requests, capped."""
        return selectors.count_overdue(viewer=viewer)


class DecisionsOfTheDay(DayNumbers):
    """Requests that wait for the viewer's decision."""

    permission = DECIDE

    def find(self, viewer: Actor) -> list[Number]:
        """Return how many the viewer can decide, as the navigation shows it."""
        url = f"{reverse('admin:hitl_approval_changelist')}?mine=sign"
        count = _count_of_badge(viewer, "hitl.waiting")
        return [Number("Decisions waiting", count, url, order=40, icon="inbox", tone="accent")]


def _count_of_badge(viewer: Actor, key: str) -> int:
    return count_badges(viewer, current_tenant_id(), (key,)).get(key, 0)


class WaitingTile(Tile):
    """What waits, by risk, and what is overdue."""

    order, width, permission = 10, "side", "hitl.view_approval"
    template = "console/tiles/waiting.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Count them by risk, each capped."""
        counts = selectors.count_waiting(viewer=viewer)
        queue = reverse("admin:hitl_approval_changelist")
        rows = [
            {
                "word": word,
                "tone": tone,
                "icon": icon,
                "count": counts[key],
                "url": f"{queue}?state=waiting&risk={key}",
            }
            for key, (word, tone, icon) in reversed(RISKS.items())
        ]
        overdue = {"count": _count_of_badge(viewer, "hitl.overdue"), "url": f"{queue}?overdue=yes"}
        return {"rows": rows, "overdue": overdue, "total": sum(counts.values()), "cap": selectors.CAP}


class ChartTile(Tile):
    """Approvals opened, approved and rejected on each of the last 14 days."""

    order, width, permission = 40, "half", "hitl.view_approval"
    template = "console/tiles/chart.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return the chart, drawn at most every half minute."""
        key = f"{current_tenant_id()}:console-chart:approvals"
        chart: Plot | None = cache.get(key)
        if chart is None:
            found = selectors.count_by_day(viewer=viewer, zone=organisation_zone())
            counts = {
                "Opened": ("neutral", {row.day: row.opened for row in found}),
                "Approved": ("good", {row.day: row.signed for row in found}),
                "Rejected": ("danger", {row.day: row.rejected for row in found}),
            }
            chart = by_day("approvals", "Approvals, last 14 days", [row.day for row in found], counts)
        cache.set(key, chart, timeout=CHART_SECONDS)
        return {"chart": chart}


class RequestErrands(Errands):
    """Requests that need the viewer: those that wait for them, and those that can't continue alone."""

    permission = "hitl.view_approval"

    def find(self, viewer: Actor) -> list[Errand]:
        """Return them in the order of the queue, with masked summaries."""
        found = []
        for notice in selectors.list_needing(viewer=viewer, limit=MOST_ERRANDS):
            approval: Any = notice.approval  # it carries what `selectors.urgency` ranks by
            words = format_html("{}, {}", NOTICES.get(notice.template, "Something changed"), moment(notice.created_at))
            found.append(
                Errand(
                    f"{approval.reference} {mask_for(viewer, approval, approval.summary)}",
                    format_html("{}. Due {}", words, moment(approval.due)) if approval.due else words,
                    reverse("admin:hitl_approval_change", args=[approval.pk]),
                    does="Decide" if approval.is_mine and approval.state in WAITING else "View",
                    icon="check-circle",
                    chip=_chip(approval),
                    rank=approval.rank,
                    is_late=bool(approval.is_overdue),
                    urgency=approval.urgency,
                    severity=approval.severity,
                    due=approval.due,
                )
            )
        return found


def _chip(approval: Approval) -> SafeString:
    """Return the risk of a waiting request, else its state; "On hold" if it is held."""
    if approval.holds:
        return chip("On hold", "warn", "pause")
    return risk_chip(approval) if approval.state in WAITING else state_chip(approval.state)


DECIDED: Final = {"approve": "Approved", "reject": "Rejected", "override": "Approved in an emergency"}


class DecisionsTile(Tile):
    """The last decisions."""

    order, width, permission = 35, "side", "hitl.view_approval"
    template = "console/tiles/decisions.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return the last decisions with the names of those who made them."""
        votes = Decision.objects.filter(verdict__in=DECIDED)
        found = list(votes.select_related("approval").order_by("-id")[:6])
        names = names_of(decision.person_id for decision in found)
        rows = [
            {
                "decision": decision,
                "summary": mask_for(viewer, decision.approval, decision.approval.summary),
                "who": f"{DECIDED[decision.verdict]} by {name_in(names, decision.person_id, otherwise='a rule')}",
                "url": reverse("admin:hitl_approval_change", args=[decision.approval_id]),
                "state": state_chip(decision.approval.state),
            }
            for decision in found
        ]
        return {"rows": rows}


class RequestFinder(Finder):
    """Requests by their reference or its beginning: BR-1042, 1042, #1042 or br-10."""

    title, order, permission = "Requests", 10, selectors.VIEW

    def find(self, viewer: Actor, words: str) -> list[Found]:
        """Return the request of this reference, else the newest whose reference begins so, with masked summaries."""
        if not search.is_reference(words):
            return []
        visible, wanted = selectors.query_approvals(viewer=viewer), search.reference_of(words)
        rows = list(visible.filter(reference=wanted)[:1])
        if not rows:
            # Among the newest requests only: an index can't find the newest of a beginning.
            newest = visible.order_by("-pk").values_list("pk", "reference")[:RECENT]
            begun = [key for key, reference in newest if reference.startswith(wanted)][:FOUND_MAX]
            rows = list(visible.filter(pk__in=begun).order_by("-pk")) if begun else []
        return [
            Found(
                row.reference,
                f"{STATES[row.state][0]}: {mask_for(viewer, row, row.summary)}",
                reverse("admin:hitl_approval_change", args=[row.pk]),
            )
            for row in rows
        ]


finders.register("hitl.requests", RequestFinder)
badges.register("hitl.waiting", WaitingBadge)
badges.register("hitl.overdue", OverdueBadge)
errands.register("hitl.requests", RequestErrands)
day.register("hitl.decisions", DecisionsOfTheDay)
tiles.register("approvals-waiting", WaitingTile)
tiles.register("approvals-chart", ChartTile)
tiles.register("approvals-decisions", DecisionsTile)
