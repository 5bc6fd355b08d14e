"""Plan and open the assignments of a level."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.selectors import roster
from core.clock import now as clock_now
from hitl.approvals.context import DecisionContext, by_group, escalation_rows, load_directory
from hitl.approvals.votes import approvers_before
from hitl.domain import eligibility
from hitl.domain.eligibility import ApproverRows, AssignmentPlan, Directory
from hitl.domain.permissions import DECIDE
from hitl.models import Approval, Assignment, GroupMember
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
    assigned = {holder.person_id for holder in context.level_assignments(approval.level).holders}
    return eligibility.plan_more(
        approval.current_level, rows, approval.excluded, context.directory, already_asked=assigned | set(without)
    )


def open_assignments(
    approval: Approval,
    planned: AssignmentPlan,
    moment: datetime,
    *,
    source: str = Assignment.Source.LEVEL,
    template: str = "approval_opened",
) -> None:
    """Assign people to the approval's current level and notify them.

    Existing assignments stay.
    """
    if not planned.holders:
        return
    assignments = []
    for holder in planned.holders:
        person, via = planned.assignee(holder)
        assignments.append(
            Assignment(
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
    Assignment.objects.bulk_create(assignments, ignore_conflicts=True)
    create.notify(approval, {assignment.person_id for assignment in assignments}, template, moment)


def find_unsatisfiable(approvals: Sequence[Approval]) -> list[Approval]:
    """Return those of the waiting requests whose assignees cannot satisfy the level.

    Three queries in all.
    """
    if not approvals:
        return []
    groups = by_group(GroupMember.objects.values_list("group_id", "user_id"))
    directory = Directory(roster().holding(DECIDE), NO_SUBSTITUTES, groups)
    assignments: dict[tuple[UUID, int, int], list[Assignment]] = {}
    for assignment in Assignment.objects.filter(approval__in=approvals):
        assignments.setdefault((assignment.approval_id, assignment.revision, assignment.level), []).append(assignment)
    found = []
    for approval in approvals:
        mine = assignments.get((approval.pk, approval.revision, approval.level), [])
        level, escalation = approval.current_level, escalation_rows(approval.snapshot)
        if not eligibility.level_assignments(level, escalation, mine, directory).can_satisfy(level):
            found.append(approval)
    return found
