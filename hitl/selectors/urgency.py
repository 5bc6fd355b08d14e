"""The order of urgency of requests: one for the queue, the dashboard, the brief and the assistant."""

from typing import Final

from django.db.models import Case, Exists, F, IntegerField, OuterRef, QuerySet, Value, When

from core.actors import Actor
from core.clock import now
from hitl.domain.permissions import DECIDE
from hitl.domain.risk import LEVELS
from hitl.domain.state_machine import WAITING
from hitl.models import Approval, Assignment

ORDER: Final = ("rank", "-is_overdue", "-urgency", "-severity", F("due").asc(nulls_last=True), "-id")


def open_assignments_of(viewer: Actor) -> QuerySet[Assignment]:
    """Return the assignments by which the viewer is asked, as a query; none if their role may not decide.

    An assignment whose right is lost is closed at once, so that lists need no more of the rule than this.
    """
    if viewer.user_id is None or not viewer.may(DECIDE):
        return Assignment.objects.none()
    return Assignment.objects.filter(person_id=viewer.user_id, closed_at=None)


def ranked(rows: QuerySet[Approval], viewer: Actor) -> QuerySet[Approval]:
    """Add what `ORDER` needs: what waits for the viewer comes first, then what waits for others."""
    levels = [When(state__in=WAITING, risk_level=level, then=number) for number, level in enumerate(LEVELS)]
    waits = When(state__in=WAITING, then=Value(1))
    return rows.annotate(
        is_mine=Exists(open_assignments_of(viewer).filter(approval=OuterRef("pk"))),
        rank=Case(
            When(is_mine=True, state__in=WAITING, then=Value(0)),
            waits,
            default=Value(2),
            output_field=IntegerField(),
        ),
        urgency=Case(When(state__in=WAITING, then=F("priority")), default=0),
        severity=Case(*levels, default=0, output_field=IntegerField()),
        is_overdue=Case(
            When(state__in=WAITING, sla_due_at__lt=now(), then=Value(1)), default=0, output_field=IntegerField()
        ),
        due=Case(When(state__in=WAITING, then=F("sla_due_at")), default=None),
    )


def by_urgency(rows: QuerySet[Approval], viewer: Actor) -> QuerySet[Approval]:
    """Return requests with the most urgent one first, as the viewer's queue shows them."""
    return ranked(rows, viewer).order_by(*ORDER)
