"""Keep assignments in line with the rights of their people, and hold what nobody can decide."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q

from core.actors import Actor, system
from core.clock import now as clock_now
from core.tenancy.scope import platform_scope
from hitl.approvals.change.holds import add_hold, drop_hold, hold_tampered
from hitl.approvals.decide.delegations import align_substitutes
from hitl.approvals.state import assignments, transitions, votes
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.outcomes import UNSATISFIABLE, alert_unsatisfiable
from hitl.approvals.state.revisions import void_tokens
from hitl.approvals.state.transitions import UnitOfWork
from hitl.domain.state_machine import WAITING, Event
from hitl.models import Approval, Assignment, DecisionToken

WATCH: Final[Actor] = system("assignment-watch")
_WAITING: Final = [state.value for state in WAITING]


def tenants_waiting() -> list[UUID]:
    """Return the tenants that have requests waiting for people. For the sweep."""
    with platform_scope():
        rows = Approval.objects.filter(state__in=_WAITING).order_by("tenant_id")
        return list(rows.values_list("tenant_id", flat=True).distinct())


def watch_assignments(*, now: datetime | None = None) -> int:
    """Align all assignments with the rights of their people.

    Requests are held and released accordingly.

    Returns how many of the tenant's waiting requests changed. Finds what `align_rights` missed. For the system
    only; safe to repeat.
    """
    moment = now or clock_now()
    waiting = list(Approval.objects.filter(state__in=_WAITING).order_by("id"))
    stuck = [approval for approval in waiting if UNSATISFIABLE in approval.holds]
    free = [approval for approval in waiting if UNSATISFIABLE not in approval.holds]
    suspects = stuck + assignments.find_misaligned(free)
    return sum(_align(approval.pk, moment) for approval in suspects)


def align_rights(*, person_id: UUID, now: datetime | None = None) -> int:
    """Align the assignments that rest on the rights of one person.

    Returns how many waiting requests changed. For the system only; safe to repeat.
    """
    moment = now or clock_now()
    whose = Q(person_id=person_id) | Q(rightful_id=person_id) | Q(for_person_id=person_id)
    rows = Assignment.objects.filter(whose, moved_at=None, approval__state__in=_WAITING)
    found = set(rows.values_list("approval_id", flat=True))
    return sum(_align(approval_id, moment) for approval_id in sorted(found))


def _align(approval_id: UUID, moment: datetime) -> bool:
    is_changed, returned = _align_locked(approval_id, moment)
    # Absences may have begun or ended while the assignments were closed.
    return (returned and align_substitutes(approval_id, moment)) or is_changed


def _align_locked(approval_id: UUID, moment: datetime) -> tuple[bool, bool]:
    """Return whether the request changed, and whether an assignment was opened again."""
    with transitions.work_on(approval_id, moment) as (work, approval):
        if approval.state not in WAITING:
            return False, False
        if approval.broken_seal:
            hold_tampered(work, approval, WATCH)
            return False, False
        context = DecisionContext.load(approval, moment)
        lost, regained = assignments.lost_and_regained(context)
        if lost or regained:
            _align_rights(work, context, lost, regained)
            context = DecisionContext.load(approval, moment)
        is_changed = _align_hold(work, context) or bool(lost or regained)
    return is_changed, bool(regained)


def _align_rights(
    work: UnitOfWork, context: DecisionContext, lost: list[Assignment], regained: list[Assignment]
) -> None:
    """Close the assignments of the level whose right is lost, and open those whose right came back."""
    approval = context.approval
    facts = {"lost": _people(lost), "regained": _people(regained)}
    changes = {"votes_received": votes.tally_level(context, approval.level).approvals}
    work.apply(approval, Event.REASSIGN, actor=WATCH, changes=changes, facts=facts)
    Assignment.objects.filter(pk__in=[row.pk for row in lost]).update(closed_at=work.moment)
    Assignment.objects.filter(pk__in=[row.pk for row in regained]).update(closed_at=None)
    for row in lost:
        void_tokens(approval, work.moment, DecisionToken.End.REMOVED, person_id=row.person_id)


def _people(rows: list[Assignment]) -> list[str]:
    return sorted({str(row.person_id) for row in rows})


def _align_hold(work: UnitOfWork, context: DecisionContext) -> bool:
    approval, can_be_approved = context.approval, context.can_be_approved()
    if UNSATISFIABLE in approval.holds:
        if not can_be_approved and not assignments.plan_current_level(context).satisfiable:
            return False
        drop_hold(work, approval, WATCH, UNSATISFIABLE)
        return True
    if can_be_approved:
        return False
    add_hold(work, approval, WATCH, UNSATISFIABLE, "Its approvers are no longer entitled to decide.")
    alert_unsatisfiable(work, approval)
    return True
