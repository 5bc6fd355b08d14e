"""Changing what a request asks for: by a signer within the fields he may edit, or by its requester."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, NotFound, Refused
from hitl.actions import registry
from hitl.actions.observe import Observed, observe
from hitl.approvals import transitions
from hitl.approvals.checks import as_requester, as_signer, check_digest, check_state, check_whole
from hitl.approvals.outcomes import note
from hitl.approvals.propose import refuse_if_paused, share_unless_paused
from hitl.approvals.revisions import Redraft, ask_again, columns_of, diff_of, keep_diff, reassess
from hitl.domain.edit_rights import editable_of
from hitl.domain.state_machine import Event, State
from hitl.models import Approval

DECIDE: Final = "hitl.decide_approval"
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
    """Change fields of a request that waits; everybody is asked again, from the first level.

    Who may: a signer of a level that lists the fields as editable. The request is checked, looked
    up, assessed and matched again, never under weaker rules unless risk and cost both fell and the
    workflow says so; votes and links are void, and the editor may not sign what he made unless
    neither rose and the workflow says so. Raises Refused (`no_edit_right`), NotFound, Invalid,
    Conflict, Unavailable. Speaks to the outside before the transaction. Announces nothing.
    """
    actor.require(DECIDE)
    moment = now or clock_now()
    before = _get(approval_id)
    _check_unlocked(before, actor, digest, moment)
    check_whole(before, actor)
    seen, diff = _edited(before, changes)
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        as_signer(approval, actor, Event.EDIT, digest, moment)
        check_whole(approval, actor)
        draft = reassess(approval, seen, moment)
        columns = columns_of(approval, draft, may_fall=_may_fall(approval, draft))
        columns["excluded"] = _excluded(approval, actor, draft)
        note(approval, actor, "edit", reason, moment)
        facts = {"fields": [row["field"] for row in diff], "risk_before": before.risk_score}
        ask_again(work, approval, Event.EDIT, columns, actor=actor, facts=facts)
        keep_diff(approval, Event.EDIT, actor, before, diff, moment)
    return approval


def _check_unlocked(before: Approval, actor: Actor, digest: str, moment: datetime) -> None:
    """Check before speaking to the outside; whoever was overtaken between two looks is told by whom."""
    try:
        as_signer(before, actor, Event.EDIT, digest, moment)
    except Refused:
        found = _get(before.pk)
        check_state(found, actor, Event.EDIT, moment)
        check_digest(found, actor, digest)
        raise


def _get(approval_id: UUID) -> Approval:
    approval: Approval | None = Approval.objects.filter(pk=approval_id).first()
    if approval is None:
        raise NotFound
    return approval


def _edited(before: Approval, changes: Mapping[str, Any]) -> tuple[Observed, list[dict[str, Any]]]:
    allowed = editable_of(before.current_level, before.kind)
    if not allowed:
        raise Refused("Nothing may be edited at this step.", code="no_edit_right")
    _refuse_others(set(changes) - allowed)
    seen = observe(registry.get(before.kind), {**before.payload, **changes})
    diff = diff_of(before.payload, seen.payload)
    if not diff:
        raise Invalid("Nothing is different.", fields={"changes": ["Change at least one value."]})
    _refuse_others({row["field"] for row in diff} - allowed)
    return seen, diff


def _refuse_others(fields: set[str]) -> None:
    if fields:
        wrong = {name[:60]: ["This field may not be edited at this step."] for name in sorted(fields)}
        raise Invalid("Some of the fields may not be edited.", fields=wrong)


def _may_fall(approval: Approval, draft: Redraft) -> bool:
    allowed = (approval.snapshot.get("edit_policy") or {}).get("fall_allows_fewer") is True
    return allowed and draft.has_fallen(approval)


def _excluded(approval: Approval, actor: Actor, draft: Redraft) -> list[UUID]:
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
    """Send a returned request in again, changed (`params`, all of them) or as it was.

    Who may: its requester or agent, holding `hitl.propose_approval`. `also_excluded` are people who
    had a hand in how it is sent in again: like the requester they may not sign it. Everything that asking checks
    is checked again, and people decide, never a rule. Raises Refused (`not_yours`, `paused`),
    NotFound, Invalid, Conflict, Unavailable. Speaks to the outside before the transaction.
    Announces nothing.
    """
    actor.require(PROPOSE)
    moment = now or clock_now()
    before = _get(approval_id)
    _check_resubmit(before, actor, digest, moment)
    refuse_if_paused(actor, before.kind, before.agent_id)
    seen = observe(registry.get(before.kind), before.payload if params is None else params)
    with transitions.work(moment) as work:
        approval = work.lock(approval_id)
        _check_resubmit(approval, actor, digest, moment)
        share_unless_paused(actor, approval.kind, approval.agent_id)
        columns = columns_of(approval, reassess(approval, seen, moment), may_fall=True)
        columns["excluded"] = sorted({*approval.excluded, *also_excluded, *([actor.user_id] if actor.user_id else [])})
        note(approval, actor, "resubmit", reason, moment)
        diff = diff_of(before.payload, seen.payload)
        facts = {"fields": [row["field"] for row in diff], "risk_before": before.risk_score}
        ask_again(work, approval, Event.RESUBMIT, columns, actor=actor, facts=facts)
        keep_diff(approval, Event.RESUBMIT, actor, before, diff, moment)
    return approval


def find_returned(*, requester_id: UUID, kind: str, params: Mapping[str, Any]) -> Approval | None:
    """Return the request about the same thing that was sent back to a person who made it through an agent.

    For the agents' side; looks at the outside only where something was sent back. Raises Invalid,
    Unavailable.
    """
    rows = Approval.objects.filter(requester_id=requester_id, kind=kind, state=State.RETURNED)
    waiting = list(rows.filter(tool_call_id__isnull=False).order_by("-id")[:MOST_RETURNED])
    if not waiting:
        return None
    seen = observe(registry.get(kind), params)
    subject = seen.kind.subject_key(seen.params)[:200]
    return next((each for each in waiting if each.subject_key == subject), None)


def _check_resubmit(approval: Approval, actor: Actor, digest: str, moment: datetime) -> None:
    as_requester(approval, actor)
    check_state(approval, actor, Event.RESUBMIT, moment)
    check_digest(approval, actor, digest)
    check_whole(approval, actor)
