"""Change what a request asks for: by an approver within the editable fields, or by its requester."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, Refused
from hitl.actions import registry
from hitl.actions.observe import Observation, observe
from hitl.approvals import transitions
from hitl.approvals.checks import (
    check_approver,
    check_digest,
    check_not_modified,
    check_requester,
    check_state,
)
from hitl.approvals.context import DecisionContext
from hitl.approvals.propose import refuse_if_paused, shared_lock_unless_paused
from hitl.approvals.remarks import add_remark
from hitl.approvals.revisions import Draft, columns_of, diff_of, keep_diff, new_revision, reassess
from hitl.domain.levels import editable_fields
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import Event, State
from hitl.models import Approval

PROPOSE: Final = "hitl.propose_approval"
MOST_RETURNED: Final = 20


def edit(
    *,
    actor: Actor,
    approval_id: UUID,
    changes: Mapping[str, Any],
    digest: str,
    reason: str = "",
    now: datetime | None = None,
) -> Approval:
    """Change fields of a waiting request; it is decided again from the first level.

    Who may: an approver of a level that lists the fields as editable. The request is checked,
    observed, assessed and matched again, never under weaker rules unless risk and cost both fell and
    the workflow says so; votes and links are void, and the editor may not approve their own change
    unless neither rose and the workflow says so. Raises Refused (`no_edit_right`), NotFound, Invalid,
    Conflict, Unavailable. Makes an outside call before the transaction. Announces nothing.
    """
    actor.require(DECIDE)
    moment = now or clock_now()
    before = transitions.read(approval_id)
    _check_unlocked(before, actor, digest, moment)
    check_not_modified(before, actor)
    observed, diff = _edited(before, changes)
    with transitions.unit_of_work(moment) as work:
        approval = work.lock(approval_id)
        check_approver(DecisionContext.load(approval, moment), actor, Event.EDIT, digest)
        check_not_modified(approval, actor)
        draft = reassess(approval, observed, moment)
        columns = columns_of(approval, draft, may_fall=_may_fall(approval, draft))
        columns["excluded"] = _excluded(approval, actor, draft)
        add_remark(approval, actor, "edit", reason, moment)
        facts = {"fields": [row["field"] for row in diff], "risk_before": before.risk_score}
        new_revision(work, approval, Event.EDIT, columns, actor=actor, facts=facts)
        keep_diff(approval, Event.EDIT, actor, before, diff, moment)
    return approval


def _check_unlocked(before: Approval, actor: Actor, digest: str, moment: datetime) -> None:
    """Check before the outside call; if somebody was faster since the read, the error names them."""
    try:
        check_approver(DecisionContext.load(before, moment), actor, Event.EDIT, digest)
    except Refused:
        found = transitions.read(before.pk)
        check_state(found, actor, Event.EDIT, moment)
        check_digest(found, actor, digest)
        raise


def _edited(before: Approval, changes: Mapping[str, Any]) -> tuple[Observation, list[dict[str, Any]]]:
    allowed = editable_fields(before.current_level, before.kind)
    if not allowed:
        raise Refused("Nothing can be edited at this step.", code="no_edit_right")
    _refuse_others(set(changes) - allowed)
    observed = observe(registry.get(before.kind), {**before.payload, **changes})
    diff = diff_of(before.payload, observed.payload)
    if not diff:
        raise Invalid("Nothing is different.", fields={"changes": ["Change at least one value."]})
    _refuse_others({row["field"] for row in diff} - allowed)
    return observed, diff


def _refuse_others(fields: set[str]) -> None:
    if fields:
        wrong = {name[:60]: ["This field may not be edited at this step."] for name in sorted(fields)}
        raise Invalid("Some of the fields may not be edited.", fields=wrong)


def _may_fall(approval: Approval, draft: Draft) -> bool:
    allowed = (approval.snapshot.get("edit_policy") or {}).get("fall_allows_fewer") is True
    return allowed and draft.has_fallen(approval)


def _excluded(approval: Approval, actor: Actor, draft: Draft) -> list[UUID]:
    may_vote = (approval.snapshot.get("edit_policy") or {}).get("editor_may_vote") is True
    if actor.user_id is None or (may_vote and not draft.has_risen(approval)):
        return list(approval.excluded)
    return sorted({*approval.excluded, actor.user_id})


def resubmit(
    *,
    actor: Actor,
    approval_id: UUID,
    digest: str,
    params: Mapping[str, Any] | None = None,
    reason: str = "",
    also_excluded: tuple[UUID, ...] = (),
    now: datetime | None = None,
) -> Approval:
    """Submit a returned request again, changed (`params`, all of them) or as it was.

    Who may: its requester or agent, holding `hitl.propose_approval`. `also_excluded` are people who
    contributed to it: like the requester they may not approve it. Everything that `propose` checks is
    checked again, and people decide, never a rule. Raises Refused (`not_yours`, `paused`),
    NotFound, Invalid, Conflict, Unavailable. Makes an outside call before the
    transaction. Announces nothing.
    """
    actor.require(PROPOSE)
    moment = now or clock_now()
    before = transitions.read(approval_id)
    _check_resubmit(before, actor, digest, moment)
    refuse_if_paused(actor, before.kind, before.agent_id)
    observed = observe(registry.get(before.kind), before.payload if params is None else params)
    with transitions.unit_of_work(moment) as work:
        approval = work.lock(approval_id)
        _check_resubmit(approval, actor, digest, moment)
        shared_lock_unless_paused(actor, approval.kind, approval.agent_id)
        columns = columns_of(approval, reassess(approval, observed, moment), may_fall=True)
        columns["excluded"] = sorted({*approval.excluded, *also_excluded, *([actor.user_id] if actor.user_id else [])})
        add_remark(approval, actor, "resubmit", reason, moment)
        diff = diff_of(before.payload, observed.payload)
        facts = {"fields": [row["field"] for row in diff], "risk_before": before.risk_score}
        new_revision(work, approval, Event.RESUBMIT, columns, actor=actor, facts=facts)
        keep_diff(approval, Event.RESUBMIT, actor, before, diff, moment)
    return approval


def find_returned(*, requester_id: UUID, kind: str, params: Mapping[str, Any]) -> Approval | None:
    """Find the returned request of a person about the same target, made by an agent.

    For agents; makes an outside call only if there is a returned request. Raises Invalid, Unavailable.
    """
    rows = Approval.objects.filter(requester_id=requester_id, kind=kind, state=State.RETURNED)
    waiting = list(rows.filter(tool_call_id__isnull=False).order_by("-id")[:MOST_RETURNED])
    if not waiting:
        return None
    observed = observe(registry.get(kind), params)
    subject = observed.kind.subject_key(observed.params)[:200]
    return next((each for each in waiting if each.subject_key == subject), None)


def _check_resubmit(approval: Approval, actor: Actor, digest: str, moment: datetime) -> None:
    check_requester(approval, actor)
    check_state(approval, actor, Event.RESUBMIT, moment)
    check_digest(approval, actor, digest)
    check_not_modified(approval, actor)
