"""What follows when a level or a whole request is decided, and the columns that say it."""

from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel

from core.actors import Actor
from core.privacy.visible_text import visible_document
from core.tenancy.scope import current_tenant_id
from core.text.clean import clean_text
from hitl.actions.base import Facts
from hitl.actions.registry import AnyKind
from hitl.approvals.state import assignments, timers
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.transitions import UnitOfWork
from hitl.domain import risk
from hitl.domain.digest import approval_digest, plain, sha256_of
from hitl.domain.eligibility import AssignmentPlan
from hitl.domain.state_machine import Event, State
from hitl.models import Approval, Assignment
from hitl.notifications import create
from hitl.policy.workflows.select import Assessed
from hitl.tasks_dispatch import execute_soon

UNSATISFIABLE: Final = "unsatisfiable"
NOBODY: Final = "No eligible approver is available."
TASK_FIRST: Final = timedelta(seconds=2)
"""The timer leaves the task this long, so that usually only one of the two observes the target."""


def approve(
    work: UnitOfWork,
    approval: Approval,
    actor: Actor,
    *,
    event: Event = Event.APPROVE,
    votes_received: int | None = None,
    undo_seconds: int = 0,
    **more: object,
) -> None:
    """Close the last level: the approved row with its timers is the work item of the executor.

    With `undo_seconds` its execution waits, and its timer alone starts it.
    """
    word = "approved" if event is Event.APPROVE else "overridden"
    execute_by = work.moment + timedelta(hours=approval.snapshot["execute_within_hours"])
    changes = {**more, **decision_columns(actor, word, work.moment), "execute_by": execute_by}
    if votes_received is not None:
        changes["votes_received"] = votes_received
    wait = TASK_FIRST
    if undo_seconds:
        wait = timedelta(seconds=undo_seconds)
        changes["execute_after"] = work.moment + wait
    work.apply(
        approval,
        event,
        actor=actor,
        to=State.APPROVED,
        changes=changes,
        timers={timers.Kind.EXECUTE: work.moment + wait, timers.Kind.LAPSE: execute_by},
    )
    if not undo_seconds:
        execute_soon(approval)


def reject(
    work: UnitOfWork,
    approval: Approval,
    actor: Actor,
    *,
    event: Event = Event.REJECT,
    votes_received: int | None = None,
) -> None:
    """Close the request as rejected."""
    changes = decision_columns(actor, "rejected", work.moment)
    if votes_received is not None:
        changes["votes_received"] = votes_received
    work.apply(approval, event, actor=actor, to=State.REJECTED, changes=changes)


def open_next_level(work: UnitOfWork, context: DecisionContext, actor: Actor) -> None:
    """Continue with the next level, within the transaction of the vote that closed this one."""
    approval = context.approval
    planned = assignments.plan_next_level(context)
    clock = timers.start(approval.snapshot, approval.level + 1, work.moment)
    Assignment.objects.filter(approval=approval, closed_at=None).update(closed_at=work.moment)
    changes = {
        "level": approval.level + 1,
        "votes_required": planned.required,
        "votes_received": 0,
        **clock.columns(),
        **({} if planned.satisfiable else hold_as_unsatisfiable(approval)),
    }
    work.apply(approval, Event.APPROVE, actor=actor, changes=changes, timers=clock.timers)
    open_level(work, approval, planned)


def open_level(work: UnitOfWork, approval: Approval, planned: AssignmentPlan, *, again: bool = False) -> None:
    """Assign the people of the current level, or alert administrators when nobody could satisfy it.

    `again` says that the level was open before. While the request is on hold its clocks stand
    still; where nobody can decide, it escalates at once.
    """
    if approval.holds:
        columns = timers.pause(approval, work.moment)
        if columns:
            Approval.objects.filter(pk=approval.pk).update(**columns)
            for name, value in columns.items():
                setattr(approval, name, value)
    if planned.satisfiable:
        if again:
            assignments.reopen_assignments(approval, planned, work.moment)
        assignments.open_assignments(approval, planned, work.moment)
    else:
        alert_unsatisfiable(work, approval)


def hold_as_unsatisfiable(approval: Approval, tampered: str = "") -> dict[str, Any]:
    """Return the columns that put a request on hold because nobody can decide it.

    `tampered` says which rules were changed outside the application, if it is for that.
    """
    reason = f"Rules were changed outside the application: {tampered}." if tampered else NOBODY
    return {"holds": sorted({*approval.holds, UNSATISFIABLE}), "hold_reason": reason[:200]}


def alert_unsatisfiable(work: UnitOfWork, approval: Approval) -> None:
    """Alert administrators that nobody can decide, and escalate at once where the workflow says how."""
    create.alert_admins(approval, UNSATISFIABLE, work.moment)
    work.alert(approval, UNSATISFIABLE)
    if approval.escalation_step < len(timers.escalation_steps(approval.snapshot)):
        timers.set_timers(approval, {timers.Kind.ESCALATE: work.moment})


def request_columns(kind: AnyKind, params: BaseModel, payload: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """Return the columns that follow from the payload and the facts."""
    preview = kind.preview(params, facts)
    # The texts come from outside: approvers must see every character of them.
    shown = visible_document(plain(preview.as_dict()))
    # Only a web address that an approver can follow.
    return {
        "kind": kind.key,
        "kind_version": kind.version,
        "payload": payload,
        "summary": clean_text(shown["headline"], 300),
        "preview": shown,
        "preview_url": (
            preview.link if len(preview.link) <= 500 and preview.link.startswith(("https://", "http://")) else ""
        ),
        "facts": facts,
        "facts_digest": sha256_of(facts),
    }


def risk_columns(assessed: Assessed) -> dict[str, Any]:
    """Return the columns that follow from the assessment."""
    return {
        "risk_score": assessed.risk.score,
        "risk_level": assessed.risk.level,
        "risk_factors": assessed.risk.factor_rows(),
        "risk_version": risk.VERSION,
        "risk_policy": assessed.risk.policy,
        "cost": assessed.estimate.cost,
        "currency": assessed.estimate.currency[:3],
        "reach": assessed.estimate.reach,
    }


def decision_columns(actor: Actor, word: str, moment: datetime) -> dict[str, Any]:
    """Return the columns that name who decided, how and when."""
    return {
        "decided_at": moment,
        "decided_by_id": actor.user_id,
        "decided_name": actor.name if actor.user_id is None else "",
        "decided_role": actor.sealed_role,
        "decided_as": word,
    }


def digest_of(approval: Approval, *, revision: int | None = None) -> str:
    """Return the digest of the stored request."""
    return approval_digest(
        tenant_id=current_tenant_id(),
        approval_id=approval.pk,
        revision=revision or approval.revision,
        kind=approval.kind,
        kind_version=approval.kind_version,
        payload=approval.payload,
    )
