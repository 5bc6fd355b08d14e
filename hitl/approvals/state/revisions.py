"""Open a new revision of a request: matched again, never under weaker rules, and decided from level 1."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core.actors import Actor
from core.privacy.visible_text import visible_document
from hitl.actions.observe import Observation
from hitl.approvals.state import assignments, outcomes, timers
from hitl.approvals.state.transitions import UnitOfWork
from hitl.domain.state_machine import Event, State
from hitl.domain.strictness import strictest
from hitl.models import Approval, Assignment, DecisionToken, Revision
from hitl.policy.workflows import definitions, select


@dataclass(frozen=True)
class Draft:
    """What the request would be as its next revision."""

    observed: Observation
    assessed: select.Assessed
    matched: select.Matched

    def has_risen(self, before: Approval) -> bool:
        """Return True if risk or cost is higher than before, or cannot be compared."""
        cost = self.assessed.estimate.cost
        if self.assessed.risk.score > before.risk_score or not self.assessed.is_scored:
            return True
        if cost is None or before.cost is None:
            return cost is not before.cost
        return before.currency != self.assessed.estimate.currency or abs(cost) > abs(before.cost)

    def has_fallen(self, before: Approval) -> bool:
        """Return True if both risk and cost are lower than before."""
        cost = self.assessed.estimate.cost
        known = cost is not None and before.cost is not None and before.currency == self.assessed.estimate.currency
        lower = known and abs(cost or Decimal(0)) < abs(before.cost or Decimal(0))
        return lower and self.assessed.risk.score < before.risk_score


def reassess(approval: Approval, observed: Observation, moment: datetime) -> Draft:
    """Assess and match a request again, for the parameters and facts of this moment."""
    current = definitions.load()
    assessed = select.assess(
        current,
        observed.kind,
        observed.params,
        observed.facts,
        requester_id=approval.requester_id,
        agent_id=approval.agent_id,
        moment=moment,
    )
    return Draft(observed, assessed, select.match_again(current, approval, assessed, moment=moment))


def columns_of(approval: Approval, draft: Draft, *, may_fall: bool = False) -> dict[str, Any]:
    """Return the columns of the next revision, by the stricter of both workflows; with `may_fall` by the new one."""
    observed, revision = draft.observed, approval.revision + 1
    signed = outcomes.request_columns(observed.kind, observed.params, observed.payload, observed.facts)
    after = Approval(pk=approval.pk, **signed)
    matched, workflow = draft.matched, {}
    snapshot = matched.snapshot if may_fall else strictest(approval.snapshot, matched.snapshot)
    if snapshot is not approval.snapshot:
        workflow = {"workflow_id": matched.workflow_id, "workflow_version": matched.version, "snapshot": snapshot}
    return {
        **signed,
        **outcomes.risk_columns(draft.assessed),
        **workflow,
        # A revision adds flags; only people clear them.
        "compliance_flags": sorted({*approval.compliance_flags, *draft.matched.flags}),
        "subject_key": observed.kind.subject_key(observed.params)[:200],
        "revision": revision,
        "digest": outcomes.digest_of(after, revision=revision),
        "drift": [],
        "decided_at": None,
        "decided_by_id": None,
        "decided_name": "",
        "decided_role": "",
        "decided_as": "",
        "execute_by": None,
        "execute_after": None,
        "level": 1,
        "votes_received": 0,
    }


def new_revision(
    work: UnitOfWork,
    approval: Approval,
    event: Event,
    columns: dict[str, Any],
    *,
    actor: Actor,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Move the request to its next revision: votes and links are void, and level 1 opens again."""
    snapshot = columns.get("snapshot", approval.snapshot)
    excluded = columns.get("excluded", approval.excluded)
    planned = assignments.plan(snapshot["levels"][0], excluded, work.moment)
    clock = timers.start(snapshot, 1, work.moment)
    expires = work.moment + timedelta(hours=snapshot["expire_hours"])
    columns |= {"votes_required": planned.required, "expires_at": expires, **clock.columns()}
    left = [name for name in approval.holds if name != outcomes.UNSATISFIABLE]
    if not planned.satisfiable:
        columns |= outcomes.hold_as_unsatisfiable(approval)
    elif left != approval.holds:
        columns |= {"holds": left, "hold_reason": ""}
    Assignment.objects.filter(approval=approval, closed_at=None).update(closed_at=work.moment)
    void_tokens(approval, work.moment, DecisionToken.End.CHANGED)
    due = {timers.Kind.EXPIRE: expires, **clock.timers}
    if added := sorted({*columns.get("compliance_flags", ())} - {*approval.compliance_flags}):
        facts = {**(facts or {}), "flags": added}
    work.apply(approval, event, actor=actor, to=State.PENDING, changes=columns, timers=due, facts=facts)
    outcomes.open_level(work, approval, planned)


def void_tokens(approval: Approval, moment: datetime, end: DecisionToken.End, *, person_id: object = None) -> None:
    """Use up the links that could still decide the request, of everybody or of one person; `end` says why."""
    tokens = DecisionToken.objects.filter(approval=approval, consumed_at=None)
    if person_id is not None:
        tokens = tokens.filter(person_id=person_id)
    tokens.update(consumed_at=moment, ended_by=end)


def keep_diff(
    approval: Approval, event: Event, actor: Actor, before: Approval, diff: list[dict[str, Any]], moment: datetime
) -> None:
    """Store what a revision changed and who made it, with texts that the payload only names."""
    old, new = before.preview.get("body") or "", approval.preview.get("body") or ""
    is_told = any(visible_document(row["after"]) == new for row in diff)
    Revision.objects.create(
        approval=approval,
        revision=approval.revision,
        event=event.value,
        person_id=actor.user_id,
        actor_kind=actor.kind,
        digest_before=before.digest,
        diff=[*diff, *([] if old == new or is_told else [{"field": "text", "before": old, "after": new}])],
        risk_before=before.risk_score,
        risk_after=approval.risk_score,
        created_at=moment,
    )


def diff_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields that differ between two payloads, with both values (pure)."""
    return [
        {"field": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
