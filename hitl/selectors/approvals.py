"""Read approvals: lists, details, and the numbers of the dashboard."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Shareable
from accounts.permissions import shares
from accounts.selectors import tenant_zone
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.privacy.erasure.person import GONE
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import ASKS_BACK, OPEN, WAITING, State
from hitl.killswitch import state as killswitch
from hitl.models import (
    Approval,
    Assignment,
    Decision,
    Delegation,
    Execution,
    GlobalKillSwitch,
    KillSwitch,
    Notification,
    OverrideReview,
)
from hitl.seals.rules import RuleSeals
from hitl.seals.tables import STOP
from hitl.selectors.urgency import by_urgency, open_assignments_of

VIEW: Final = "hitl.view_approval"
PAGE: Final = 50
CAP: Final = 100
ORDERS: Final[dict[str, tuple[Any, ...]]] = {
    "risk": ("risk_score", "id"),
    "-risk": ("-risk_score", "-id"),
    "cost": (F("cost").asc(nulls_first=True), "id"),
    "-cost": (F("cost").desc(nulls_last=True), "-id"),
    "deadline": (F("sla_due_at").asc(nulls_last=True), "id"),
    "-deadline": (F("sla_due_at").desc(nulls_first=True), "-id"),
    "age": ("-id",),
    "-age": ("id",),
}
"""The orders of lists. Each follows an index; no cost is the lowest, and no deadline the last."""
_WAITING: Final = [state.value for state in WAITING]
SIGNED: Final = (State.APPROVED, State.EXECUTING, State.UNKNOWN, State.EXECUTED, State.FAILED)
_ASKS_BACK: Final = [state.value for state in ASKS_BACK]
_TO_ANSWER: Final = [f"request_{state}" for state in _ASKS_BACK]
_PEOPLE: Final = ("requester", "decided_by", "assigned_to", "workflow")


@dataclass(frozen=True)
class DayCount:
    """The numbers of requests opened, approved and rejected on one day."""

    day: date
    opened: int
    signed: int
    rejected: int


def list_approvals(*, viewer: Actor, mine: bool = False, overdue: bool = False, limit: int = PAGE) -> list[Approval]:
    """Return approvals, narrowed as `query_approvals` does: waiting ones by urgency, all newest first. One query."""
    rows = query_approvals(viewer=viewer, mine=mine, overdue=overdue)
    return list((by_urgency(rows, viewer) if mine or overdue else rows)[:limit])


def seen_by(viewer: Actor, place: str = "pk") -> Q:
    """Return the condition for what a viewer sees: all by their role, else what is shared with them.

    `place` leads to the request's id from the rows that are narrowed. Raises Refused for who sees none.
    """
    shares.require(viewer, shares.APPROVAL, VIEW)
    return shares.within(viewer, shares.APPROVAL, VIEW, place=place)


def query_approvals(*, viewer: Actor, mine: bool = False, overdue: bool = False) -> QuerySet[Approval]:
    """Return approvals, newest first, as a query that pages narrow and slice further.

    `mine`: only those that wait for the viewer's approval; `overdue`: only those past their deadline.
    Who may: holders of `hitl.view_approval`; others see what is shared with them.
    """
    rows: QuerySet[Approval] = Approval.objects.filter(seen_by(viewer)).select_related(*_PEOPLE).order_by("-id")
    if mine:
        mine_now = open_assignments_of(viewer).filter(approval=OuterRef("pk"))
        rows = rows.filter(Exists(mine_now), state__in=_WAITING)
    if overdue:
        rows = rows.filter(state__in=_WAITING, sla_due_at__lt=clock_now())
    return rows


def delegated_to(viewer: Actor) -> QuerySet[Assignment]:
    """Return the open assignments that the viewer has for somebody else, as a query.

    They sit in for a person who is away, or a colleague delegated the request to them.
    """
    return open_assignments_of(viewer).filter(Q(via__isnull=False) | Q(for_person__isnull=False))


def get_approval(*, viewer: Actor, approval_id: UUID) -> Approval:
    """Return one approval with its people. Raises Refused, NotFound. One query."""
    rows = Approval.objects.select_related(*_PEOPLE).filter(seen_by(viewer), pk=approval_id)
    approval: Approval = get_or_missing(rows)
    return approval


def list_assignments(*, viewer: Actor, approval_id: UUID) -> list[Assignment]:
    """Return the assignments of the current level, with their people. One query."""
    rows = Assignment.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id, closed_at=None)
    return list(rows.select_related("person", "rightful", "for_person").order_by("id"))


def list_executions(*, viewer: Actor, approval_id: UUID) -> list[Execution]:
    """Return the executions of an approval, one per revision, with late reports. Two queries."""
    rows = Execution.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id).prefetch_related(
        "late_reports"
    )
    return list(rows.order_by("revision"))


def list_decisions(*, viewer: Actor, approval_id: UUID) -> list[Decision]:
    """Return every verdict and remark on an approval, in order. One query."""
    rows = Decision.objects.filter(seen_by(viewer, "approval_id"), approval_id=approval_id).select_related("person")
    return list(rows.order_by("id"))


def query_reviews(*, viewer: Actor) -> QuerySet[OverrideReview]:
    """Return the reviews of overrides, open and closed, as a query. Needs `hitl.review_override`."""
    viewer.require("hitl.review_override")
    return OverrideReview.objects.select_related("approval", "opened_by", "closed_by")


def query_delegations(*, viewer: Actor) -> QuerySet[Delegation]:
    """Return the delegations, current and ended, as a query. Needs `hitl.decide_approval`."""
    viewer.require(DECIDE)
    return Delegation.objects.select_related("from_person", "to_person", "opened_by")


def list_for_conversation(*, viewer: Actor, conversation_id: UUID, limit: int = PAGE) -> list[Approval]:
    """Return the approvals requested in a conversation, oldest first. One query."""
    viewer.require(VIEW)
    rows = Approval.objects.filter(conversation_id=conversation_id).select_related(*_PEOPLE)
    return list(rows.order_by("-id")[:limit])[::-1]


def count_waiting(*, viewer: Actor) -> dict[str, int]:
    """Count the waiting requests per risk level, each up to 100."""
    viewer.require(VIEW)
    levels = ("low", "medium", "high", "critical")
    rows = Approval.objects.order_by()
    parts = [rows.filter(state__in=_WAITING, risk_level=level).values_list("risk_level")[:CAP] for level in levels]
    counts = dict.fromkeys(levels, 0)
    for (level,) in parts[0].union(*parts[1:], all=True):
        counts[level] += 1
    return counts


def count_mine(*, viewer: Actor) -> int:
    """Count the requests that wait for the viewer's approval, up to 100."""
    viewer.require(VIEW)
    return len(_assignments_to_vote(viewer).values_list("approval_id").distinct()[:CAP])


def _assignments_to_vote(viewer: Actor) -> QuerySet[Assignment]:
    """Return the viewer's open assignments of waiting requests. Approvals are read by key, never joined in bulk."""
    state = Approval.objects.filter(pk=OuterRef("approval_id")).values("state")[:1]
    return open_assignments_of(viewer).annotate(asked_in=Subquery(state)).filter(asked_in__in=_WAITING)


def count_overdue(*, viewer: Actor, now: datetime | None = None) -> int:
    """Count the waiting requests past their deadline, up to 100."""
    viewer.require(VIEW)
    moment = now or clock_now()
    rows = Approval.objects.filter(state__in=_WAITING, sla_due_at__lt=moment)
    return len(rows.order_by("sla_due_at").values_list("pk")[:CAP])


def count_by_day(
    *, viewer: Actor, days: int = 14, zone: tzinfo | None = None, now: datetime | None = None
) -> list[DayCount]:
    """Count the requests opened and decided on each of the last days, oldest first.

    Days are in the tenant's zone, which is read without a `zone`; none is left out. Needs `hitl.view_approval`. Two
    queries, and one for the zone.
    """
    viewer.require(VIEW)
    zone = zone or tenant_zone()
    today = (now or clock_now()).astimezone(zone).date()
    wanted = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    since = datetime.combine(wanted[0], time.min, tzinfo=zone)
    opened = dict(_per_day(Approval.objects.filter(created_at__gte=since), "created_at", zone))
    decided = Approval.objects.filter(decided_at__gte=since, state__in=[*SIGNED, State.REJECTED])
    signed: dict[date, int] = {}
    rejected: dict[date, int] = {}
    for day, state, count in _per_day(decided, "decided_at", zone, "state"):
        kind = rejected if state == State.REJECTED else signed
        kind[day] = kind.get(day, 0) + count
    return [DayCount(day, opened.get(day, 0), signed.get(day, 0), rejected.get(day, 0)) for day in wanted]


def _per_day(rows: QuerySet[Approval], column: str, zone: tzinfo, *also: str) -> Iterable[Any]:
    days = rows.order_by().annotate(day=TruncDate(column, tzinfo=zone))
    # Count("*") without a column allows an index-only scan.
    return days.values_list("day", *also).annotate(count=Count("*"))


def list_needing(*, viewer: Actor, limit: int = 20) -> list[Notification]:
    """Return the newest notification of each approval that needs the viewer, in the order of the queue.

    An approval needs the viewer who has an open assignment, who was alerted that it can't continue by itself or
    has an override without a review, and who requested it and was asked for something. The approvals carry what
    the order ranks by. Needs `hitl.view_approval`. Two queries.
    """
    viewer.require(VIEW)
    told = Notification.objects.filter(recipient_id=viewer.user_id, channel="in_app")
    # Starts from open approvals: a person may have years of notifications.
    is_open = Approval.objects.filter(state__in=[state.value for state in OPEN])
    sources: tuple[tuple[QuerySet[Any], str, QuerySet[Notification]], ...] = (
        (_assignments_to_vote(viewer), "approval_id", told),
        (is_open.filter(Q(state=State.UNKNOWN) | ~Q(holds=[])), "pk", told.filter(template="approval_stuck")),
        (
            OverrideReview.objects.filter(closed_at=None),
            "approval_id",
            told.filter(template="approval_overridden"),
        ),
        (
            is_open.filter(requester_id=viewer.user_id, state__in=_ASKS_BACK),
            "pk",
            told.filter(template__in=_TO_ANSWER),
        ),
    )
    parts = [
        rows.order_by()
        .annotate(notice=Subquery(notices.filter(approval_id=OuterRef(key)).order_by("-id").values("pk")[:1]))
        .values_list("notice")
        for rows, key, notices in sources
    ]
    needed = Notification.objects.filter(pk__in=parts[0].union(*parts[1:]))
    urgent = by_urgency(Approval.objects.filter(pk__in=needed.values("approval_id")), viewer)
    approvals = list(urgent[:limit])
    newest = needed.filter(approval__in=approvals).order_by("approval_id", "-id").distinct("approval_id")
    found = {row.approval_id: row for row in newest}
    for approval in approvals:
        found[approval.pk].approval = approval
    return [found[approval.pk] for approval in approvals]


def list_stops(*, viewer: Actor) -> Sequence[KillSwitch | GlobalKillSwitch]:
    """Return the kill switches that are active for the tenant, the installation's first. Three queries."""
    viewer.require(VIEW)
    return killswitch.active_stops().rows


def list_switches(*, viewer: Actor) -> list[KillSwitch]:
    """Return the active kill switches of the tenant. Three queries."""
    return [stop for stop in list_stops(viewer=viewer) if isinstance(stop, KillSwitch)]


def stopped_outside() -> frozenset[tuple[str, str]]:
    """Return (scope, target) of stops that are in force, and whose row is not there or says otherwise.

    One query while nothing was ever stopped, else four at most.
    """
    seals = RuleSeals()
    if not (seals.forged or seals.keys_of(STOP) or seals.stops_everywhere()):
        return frozenset()
    stops = [stop for stop in killswitch.active_stops(seals).rows if stop.changed_outside]
    return frozenset(cover for _, covers in killswitch.covers_by(stops) for cover in covers)


def is_call_stopped() -> bool:
    """Return True if a kill switch covers the outside call being made here.

    A kind with many steps in one call checks between them, stops, and returns `unknown`. Four queries at most.
    """
    return killswitch.is_stopped_now()


class ShareableApproval(Shareable):
    """A request with its history and notes. Who decides it is another question: only its approvers do."""

    acts: ClassVar[str] = "write notes and cancel their own request"

    @classmethod
    def held(cls, viewer: Actor) -> QuerySet[Approval]:
        """Return all requests."""
        return Approval.objects.filter(shares.within(viewer, shares.APPROVAL, VIEW)).exclude(payload=GONE)

    @classmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the references."""
        rows = Approval.objects.filter(seen_by(viewer), pk__in=ids).exclude(payload=GONE)
        return dict(rows.values_list("pk", "reference"))

    @classmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the request."""
        return reverse("admin:hitl_approval_change", args=[object_id])


SHAREABLES.register(shares.APPROVAL, ShareableApproval)
