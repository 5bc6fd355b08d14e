"""Plan and open the assignments of a level."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.selectors import roster
from core.clock import now as clock_now
from hitl.approvals.state.context import DecisionContext, escalation_rows, load_directory, load_groups, substitutes_at
from hitl.approvals.state.votes import approvers_before
from hitl.domain import eligibility
from hitl.domain.eligibility import ApproverRows, AssignmentPlan, Directory
from hitl.domain.permissions import DECIDE
from hitl.domain.votes import Assignee
from hitl.models import Approval, Assignment
from hitl.notifications import create
from hitl.seals.rules import RuleSeals


def plan(
    level: Mapping[str, Any],
    excluded: Collection[UUID],
    moment: datetime | None = None,
    seals: RuleSeals | None = None,
) -> AssignmentPlan:
    """Work out who is asked at a level at a moment, without an approval to load. Four queries at most."""
    directory = load_directory(level["approvers"], moment or clock_now(), seals=seals)
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
    """Assign people to the approval's current level and notify them; existing assignments stay."""
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


def reopen_assignments(approval: Approval, planned: AssignmentPlan, moment: datetime) -> None:
    """Open again what was closed for a lost right, where the level is planned another time."""
    closed = Assignment.objects.filter(
        approval=approval, revision=approval.revision, level=approval.level, moved_at=None, closed_at__isnull=False
    )
    for holder in planned.holders:
        person, via = planned.assignee(holder)
        rightful = None if via is None else holder.person_id
        mine = closed.filter(person_id=person, group=holder.group)
        mine.update(closed_at=None, opened_at=moment, rightful_id=rightful, via_id=via, for_person_id=None)


def lost_and_regained(context: DecisionContext) -> tuple[list[Assignment], list[Assignment]]:
    """Return the open assignments of the level whose right is lost, and closed ones whose right came back.

    At a level that waits, only a lost right closes an assignment that nobody moved.
    """
    approval = context.approval
    entitled = set(context.level_assignments(approval.level).entitled)
    barred = context.excluded_people() | approvers_before(context)
    here = [row for row in context.assignments_at(approval.level) if row.moved_at is None]
    lost = [row for row in here if row.closed_at is None and not _is_valid(row, entitled, barred)]
    regained = [row for row in here if row.closed_at is not None and _is_valid(row, entitled, barred)]
    return lost, regained


def _is_valid(row: Assignment, entitled: Collection[Assignee], barred: Collection[UUID]) -> bool:
    return (row.person_id, row.group) in entitled and row.person_id not in barred


def find_misaligned(approvals: Sequence[Approval]) -> list[Approval]:
    """Return the waiting requests whose assignees cannot satisfy the level, or lost or regained their right.

    Five queries in all.
    """
    if not approvals:
        return []
    directory = Directory(roster().holding(DECIDE), substitutes_at(clock_now()), load_groups(None, RuleSeals()))
    assignments: dict[tuple[UUID, int, int], list[Assignment]] = {}
    for assignment in Assignment.objects.filter(approval__in=approvals):
        assignments.setdefault((assignment.approval_id, assignment.revision, assignment.level), []).append(assignment)
    found = []
    for approval in approvals:
        mine = assignments.get((approval.pk, approval.revision, approval.level), [])
        level, escalation = approval.current_level, escalation_rows(approval.snapshot)
        there = eligibility.level_assignments(level, escalation, mine, directory)
        entitled = set(there.entitled)
        barred = eligibility.with_substitutes(approval.excluded, directory.substitutes)
        is_aligned = all(
            (row.closed_at is None) == _is_valid(row, entitled, barred) for row in mine if row.moved_at is None
        )
        if not is_aligned or not there.can_satisfy(level):
            found.append(approval)
    return found
