"""Change what a request asks for: by an approver within the editable fields, or by its requester."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused, WalkerError
from hitl.actions import registry
from hitl.actions.observe import Observation, observe
from hitl.approvals.change.propose import refuse_if_paused, shared_lock_unless_paused
from hitl.approvals.decide.decide import decide
from hitl.approvals.decide.rights import check_approver, check_digest, check_state, refuse_without_right
from hitl.approvals.state import transitions
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.revisions import Draft, columns_of, diff_of, keep_diff, new_revision, reassess
from hitl.approvals.state.votes import add_remark
from hitl.domain.levels import editable_fields
from hitl.domain.permissions import DECIDE, PROPOSE
from hitl.domain.state_machine import Event, State
from hitl.models import Approval

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
    observed, diff = _edited(before, changes)
    return _revise(actor, before, observed, diff, reason=reason, moment=moment)


class EditAndApproval(NamedTuple):
    """An edited request, and why its editor could not approve it as well; None if they did."""

    approval: Approval
    problem: WalkerError | None


def edit_and_approve(
    *,
    actor: Actor,
    approval_id: UUID,
    changes: Mapping[str, Any],
    digest: str,
    reason: str = "",
    channel: str = "service",
    now: datetime | None = None,
) -> EditAndApproval:
    """Change fields of a waiting request and approve it as it then is.

    Both happen in one transaction, with their own audit entries. It stays an edit, and the answer says why, if the
    editor may not approve the result: risk or cost rose, or they are no approver of the first step. Who may: as for
    `edit`, where the workflow lets editors approve their change. Raises Refused (`no_edit_right`,
    `editors_may_not_approve`), NotFound, Invalid, Conflict, Unavailable. Makes an outside call before the
    transaction. Announces nothing.
    """
    actor.require(DECIDE)
    moment = now or clock_now()
    before = transitions.read(approval_id)
    _check_unlocked(before, actor, digest, moment)
    if not editor_may_approve(before):
        say = "The workflow doesn't let editors approve their own change. Edit it, and let someone else approve."
        raise Refused(say, code="editors_may_not_approve")
    observed, diff = _edited(before, changes)
    with transaction.atomic():
        edited = _revise(actor, before, observed, diff, reason=reason, moment=moment)
        try:
            approved = decide(
                actor=actor,
                approval_id=approval_id,
                verdict="approve",
                digest=edited.digest,
                reason=reason,
                channel=channel,
                now=moment,
            )
        except (Refused, Conflict) as problem:
            return EditAndApproval(edited, problem)
    return EditAndApproval(approved, None)


def editor_may_approve(approval: Approval) -> bool:
    """Return True if its workflow lets an editor approve a change by which neither risk nor cost rises."""
    return (approval.snapshot.get("edit_policy") or {}).get("editor_may_vote") is True


def _revise(
    actor: Actor,
    before: Approval,
    observed: Observation,
    diff: list[dict[str, Any]],
    *,
    reason: str,
    moment: datetime,
) -> Approval:
    """Make the edit the next revision of the request, which must still be as it was before."""
    with transitions.work_on(before.pk, moment) as (work, approval):
        check_approver(DecisionContext.load(approval, moment), actor, Event.EDIT, before.digest)
        draft = reassess(approval, observed, moment)
        allowed = (approval.snapshot.get("edit_policy") or {}).get("fall_allows_fewer") is True
        columns = columns_of(approval, draft, may_fall=allowed and draft.has_fallen(approval))
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


def _excluded(approval: Approval, actor: Actor, draft: Draft) -> list[UUID]:
    if actor.user_id is None or (editor_may_approve(approval) and not draft.has_risen(approval)):
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

    Who may: its requester or agent, holding `hitl.propose_approval`. `also_excluded` are people who contributed to
    it: like the requester they may not approve it. Everything that `propose` checks is checked again, and people
    decide, never a rule. Raises Refused (`not_yours`, `paused`), NotFound, Invalid, Conflict, Unavailable. Makes an
    outside call before the transaction.
    """
    actor.require(PROPOSE)
    moment = now or clock_now()
    before = transitions.read(approval_id)
    _check_resubmit(before, actor, digest, moment)
    refuse_if_paused(actor, before.kind, before.agent_id)
    observed = observe(registry.get(before.kind), before.payload if params is None else params)
    with transitions.work_on(approval_id, moment) as (work, approval):
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
    refuse_without_right(DecisionContext.load(approval, moment), actor, Event.RESUBMIT)
    check_state(approval, actor, Event.RESUBMIT, moment)
    check_digest(approval, actor, digest)
