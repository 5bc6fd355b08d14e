"""Filters and order of the approval queue."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Case, Exists, F, IntegerField, OuterRef, QuerySet, Value, When
from django.http import HttpRequest

from console.base.lists import SelectFilter
from console.viewers import viewer_of
from core.actors import Actor
from core.clock import now
from hitl.actions import registry
from hitl.display import HOLDS, STATES
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import OPEN, WAITING
from hitl.models import Approval, Assignment
from hitl.selectors import query_approvals

ORDER = ("rank", "-urgency", F("due").asc(nulls_last=True), "-id")
NEWEST = ("-id",)


def ranked(rows: QuerySet[Approval], viewer: Actor) -> QuerySet[Approval]:
    """Order by what waits for the viewer, then by what waits for others.

    Within each, urgent first, then by due time, then the newest.
    """
    assignments = Assignment.objects.filter(approval=OuterRef("pk"), person=viewer.user_id, closed_at=None)
    waits = When(state__in=WAITING, then=Value(1))
    return rows.annotate(
        is_mine=Exists(assignments),
        rank=Case(
            When(is_mine=True, state__in=WAITING, then=Value(0)),
            waits,
            default=Value(2),
            output_field=IntegerField(),
        ),
        urgency=Case(When(state__in=WAITING, then=F("priority")), default=0),
        due=Case(When(state__in=WAITING, then=F("sla_due_at")), default=None),
    )


def order_of(state: str) -> tuple[Any, ...]:
    """Return the order for a state: the queue by rank, past requests by age, which has an index."""
    return ORDER if state in ("", "waiting") or state in OPEN else NEWEST


def next_for(viewer: Actor, after: Approval) -> Approval | None:
    """Return the first request in the viewer's queue besides this one.

    None if they can't approve. One query.
    """
    if not viewer.may(DECIDE):
        return None
    waiting = query_approvals(viewer=viewer, mine=True).exclude(pk=after.pk)
    return ranked(waiting, viewer).order_by(*ORDER).first()


class StateFilter(SelectFilter):
    """By state; by default everything that is open."""

    title, parameter_name, any_label = "State", "state", "Open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer groups first, then each state."""
        groups = [("waiting", "Waiting for approval"), ("closed", "Finished"), ("all", "All")]
        return [*groups, *((str(state), word) for state, (word, _, _) in STATES.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the chosen states."""
        chosen = self.chosen()
        if chosen == "all":
            return queryset
        if chosen == "closed":
            return queryset.exclude(state__in=OPEN)
        groups = {"": OPEN, "waiting": WAITING}
        return queryset.filter(state__in=groups.get(chosen, (chosen,)))


class KindFilter(SelectFilter):
    """By kind of action."""

    title, parameter_name, field, any_label = "Kind", "kind", "kind", "Any kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer the registered kinds."""
        return registry.titles()


class MineFilter(SelectFilter):
    """By what the viewer has to do with it."""

    title, parameter_name, any_label = "Show", "mine", "All"
    options = (("sign", "Needs my approval"), ("asked", "Requested by me"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what waits for the viewer, or what they requested."""
        viewer = viewer_of(request)
        if self.chosen() == "sign":
            return queryset.filter(is_mine=True, state__in=WAITING)
        return queryset.filter(requester=viewer.user_id) if self.chosen() == "asked" else queryset


class HoldFilter(SelectFilter):
    """By hold."""

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
    """By whether the decision is overdue."""

    title, parameter_name, any_label = "Due", "overdue", "Any time"
    options = (("yes", "Overdue"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what is overdue."""
        if self.chosen() != "yes":
            return queryset
        return queryset.filter(state__in=WAITING, sla_due_at__lt=now())
