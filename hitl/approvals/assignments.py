"""Plan and open the assignments of a level."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.selectors import roster
from core.clock import now as clock_now
from hitl.approvals.context import DECIDE, DecisionContext, by_group, escalation_rows, load_directory
from hitl.approvals.votes import approvers_before
from hitl.domain import eligibility
from hitl.domain.eligibility import ApproverRows, AssignmentPlan, Directory
from hitl.models import Approval, GroupMember, Seat
from hitl.notifications import create

NO_SUBSTITUTES: Final[Mapping[UUID, eligibility.Substitute]] = {}


def plan(level: Mapping[str, Any], excluded: Collection[UUID], moment: datetime | None = None) -> AssignmentPlan:
    """Work out who is asked at a level at a moment, without an approval to load.

    Three queries at most.
    """
    directory = load_directory(level["approvers"], moment or clock_now())
    return eligibility.plan_level(level, excluded, directory)


def plan_current_level(context: DecisionContext) -> AssignmentPlan:
    """Work out who would be asked at the current level now."""
    approval = context.approval
    without = approvers_before(context)
    return eligibility.plan_level(approval.current_level, approval.excluded, context.directory, without=without)


def plan_next_level(context: DecisionContext) -> AssignmentPlan:
    """Work out who is asked at the level after the current one."""
    approval = context.approval
    level, without = approval.snapshot["levels"][approval.level], approvers_before(context, approval.level + 1)
    return eligibility.plan_level(level, approval.excluded, context.directory, without=without)


def plan_escalation(context: DecisionContext, rows: ApproverRows, *, without: Collection[UUID]) -> AssignmentPlan:
    """Work out who is added to the current level by an escalation step."""
    approval = context.approval
    assigned = {holder.person_id for holder in context.level_seats(approval.level).holders}
    return eligibility.plan_more(
        approval.current_level, rows, approval.excluded, context.directory, already_asked=assigned | set(without)
    )


def open_seats(
    approval: Approval,
    planned: AssignmentPlan,
    moment: datetime,
    *,
    source: str = Seat.Source.LEVEL,
    template: str = "approval_opened",
) -> None:
    """Assign people to the approval's current level and notify them.

    Existing assignments stay.
    """
    if not planned.holders:
        return
    seats = []
    for holder in planned.holders:
        person, via = planned.assignee(holder)
        seats.append(
            Seat(
                approval=approval,
                revision=approval.revision,
                level=approval.level,
                person_id=person,
                rightful_id=None if via is None else holder.person_id,
                via_id=via,
                source=source,
                group=holder.group,
                opened_at=moment,
            )
        )
    Seat.objects.bulk_create(seats, ignore_conflicts=True)
    create.notify(approval, {seat.person_id for seat in seats}, template, moment)


def find_unsatisfiable(approvals: Sequence[Approval]) -> list[Approval]:
    """Return those of the waiting requests whose assignees cannot satisfy the level.

    Three queries in all.
    """
    if not approvals:
        return []
    groups = by_group(GroupMember.objects.values_list("group_id", "user_id"))
    directory = Directory(roster().holding(DECIDE), NO_SUBSTITUTES, groups)
    seats: dict[tuple[UUID, int, int], list[Seat]] = {}
    for seat in Seat.objects.filter(approval__in=approvals):
        seats.setdefault((seat.approval_id, seat.revision, seat.level), []).append(seat)
    found = []
    for approval in approvals:
        mine = seats.get((approval.pk, approval.revision, approval.level), [])
        level, escalation = approval.current_level, escalation_rows(approval.snapshot)
        if not eligibility.level_seats(level, escalation, mine, directory).can_satisfy(level):
            found.append(approval)
    return found
