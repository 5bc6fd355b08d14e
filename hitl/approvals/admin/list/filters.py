"""Filters and order of the approval queue."""

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.http import HttpRequest

from console.base.lists import SelectFilter
from console.base.toolbar import SEARCH, SORT, QuickFilter, SortFilter
from console.viewers import viewer_of
from core.actors import Actor
from core.clock import now
from hitl.actions import registry
from hitl.display import HOLDS, RISKS, STATES
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import OPEN, WAITING
from hitl.models import Approval, Assignment
from hitl.selectors.approvals import ORDERS, delegated_to, query_approvals
from hitl.selectors.search import FOUND_CAP, PERSONAL, cleaned, found_by, is_personal, is_reference
from hitl.selectors.urgency import ORDER, by_urgency, open_assignments_of

NEWEST = ("-id",)
ELEVATED = ("high", "critical")
_DUE_IN_QUEUE = {
    "deadline": (F("due").asc(nulls_last=True), "id"),
    "-deadline": (F("due").desc(nulls_first=True), "-id"),
}
"""In the queue, deadlines of requests that were decided count no more."""


def order_of(request: HttpRequest) -> tuple[Any, ...]:
    """Return the chosen order; without one the queue by urgency, past requests by age, which has an index."""
    sort, in_queue = request.GET.get(SORT, ""), _is_queue(request)
    if in_queue and sort in _DUE_IN_QUEUE:
        return _DUE_IN_QUEUE[sort]
    return ORDERS.get(sort) or (ORDER if in_queue else NEWEST)


def _is_queue(request: HttpRequest) -> bool:
    state = request.GET.get("state", "")
    return state in ("", "waiting") or state in OPEN


def search_of(request: HttpRequest) -> Q | None:
    """Return the condition of the search, None without one. One query for each request."""
    words = cleaned(request.GET.get(SEARCH, ""))
    if not words:
        return None
    kept = request.__dict__
    if "found_by" not in kept:
        only_open = _is_queue(request) and not (is_reference(words) and not request.GET.get("state"))
        kept["found_by"] = Q(pk__in=[]) if is_personal(words) else found_by(words, only_open=only_open)
    found: Q = kept["found_by"]
    return found


def search_note(request: HttpRequest) -> dict[str, str]:
    """Return what the search considers, and the address at which it considers finished requests too."""
    words = cleaned(request.GET.get(SEARCH, ""))
    if not words:
        return {}
    if is_personal(words):
        return {"text": PERSONAL}
    if not _is_queue(request):
        return {"text": f"Of finished requests, the newest {FOUND_CAP} matches are considered."}
    if is_reference(words):
        return {}
    wider = request.GET.copy()
    wider.pop("p", None)
    wider.pop("view", None)
    wider["state"] = "all"
    return {"text": "Only open requests are searched.", "wider": f"?{wider.urlencode()}"}


def next_for(viewer: Actor, after: Approval) -> Approval | None:
    """Return the first request in the viewer's queue besides this one; None if they can't approve. One query."""
    if not viewer.may(DECIDE):
        return None
    waiting = query_approvals(viewer=viewer, mine=True).exclude(pk=after.pk)
    return by_urgency(waiting, viewer).first()


class StateFilter(SelectFilter):
    """By state; by default everything that is open, and for a reference everything."""

    title, parameter_name, any_label = "State", "state", "Open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer groups first, then each state."""
        self.any_label = "Any" if is_reference(request.GET.get(SEARCH, "")) else self.any_label
        groups = [("waiting", "Waiting for approval"), ("closed", "Finished"), ("all", "All")]
        return [*groups, *((str(state), word) for state, (word, _, _) in STATES.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        if chosen == "all" or (not chosen and is_reference(request.GET.get(SEARCH, ""))):
            return queryset
        if chosen == "closed":
            return queryset.exclude(state__in=OPEN)
        groups = {"": OPEN, "waiting": WAITING}
        return queryset.filter(state__in=groups.get(chosen, (chosen,)))


class RiskFilter(SelectFilter):
    title, parameter_name, field, any_label = "Risk", "risk", "risk_level", "Any"
    options = (("elevated", "High or critical"), *((key, row[0]) for key, row in RISKS.items()))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return (
            queryset.filter(risk_level__in=ELEVATED)
            if self.chosen() == "elevated"
            else super().queryset(request, queryset)
        )


class KindFilter(SelectFilter):
    title, parameter_name, field, any_label = "Kind", "kind", "kind", "Any kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return registry.titles()


class MineFilter(SelectFilter):
    """By what the viewer has to do with it."""

    title, parameter_name, any_label = "Show", "mine", "All"
    options = (("sign", "Needs my approval"), ("asked", "Requested by me"), ("delegated", "Delegated to me"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what waits for the viewer, what they requested, or what they decide for somebody else."""
        viewer = viewer_of(request)
        if self.chosen() == "sign":
            return queryset.filter(_has_one(open_assignments_of(viewer)), state__in=WAITING)
        if self.chosen() == "delegated":
            return queryset.filter(_has_one(delegated_to(viewer)), state__in=WAITING)
        return queryset.filter(requester=viewer.user_id) if self.chosen() == "asked" else queryset


def _has_one(assignments: QuerySet[Assignment]) -> Subquery:
    """Return whether one of the assignments is the outer request's; looked up for one request after the other.

    A limit keeps the planner from reading all of a person's assignments for each request.
    """
    own = assignments.filter(approval=OuterRef("pk")).order_by()
    return Subquery(own.annotate(is_there=Value(True)).values("is_there")[:1], output_field=BooleanField())


class HoldFilter(SelectFilter):
    title, parameter_name, any_label = "On hold", "hold", "Any"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer any hold first, then each reason."""
        return [
            ("any", "For any reason"),
            *((name, f"{words[:1].upper()}{words[1:]}") for name, words in HOLDS.items()),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is on hold, for the chosen reason if there is one."""
        chosen = self.chosen()
        if chosen == "any":
            return queryset.exclude(holds=[])
        return queryset.filter(holds__contains=[chosen]) if chosen in HOLDS else queryset


class OverdueFilter(SelectFilter):
    title, parameter_name, any_label = "Due", "overdue", "Any time"
    options = (("yes", "Overdue"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.chosen() != "yes":
            return queryset
        return queryset.filter(state__in=WAITING, sla_due_at__lt=now())


class QueueSort(SortFilter):
    """By urgency in the queue, by age in the history, or by what somebody chose."""

    options = (
        ("-risk", "Highest risk"),
        ("risk", "Lowest risk"),
        ("-cost", "Highest cost"),
        ("cost", "Lowest cost"),
        ("deadline", "Earliest deadline"),
        ("-deadline", "Latest deadline"),
        ("-age", "Oldest"),
        ("age", "Newest"),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer the orders; the default depends on the state."""
        self.any_label = "Urgency" if _is_queue(request) else "Newest"
        return self.options


QUICK_FILTERS = (
    QuickFilter("needs-me", "Needs me", "mine", "sign"),
    QuickFilter("overdue", "Overdue", "overdue", "yes"),
    QuickFilter("high-risk", "High or critical risk", "risk", "elevated"),
    QuickFilter("mine", "Mine", "mine", "asked"),
    QuickFilter("delegated", "Delegated", "mine", "delegated"),
)
