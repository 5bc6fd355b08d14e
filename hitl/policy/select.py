"""Assess a request and select its workflow; an error never makes it easier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from pydantic import BaseModel

from core.clock import now as clock_now
from core.observability.logging import get_logger
from hitl.actions.base import Estimate, Facts
from hitl.actions.registry import AnyKind
from hitl.domain import matching, risk
from hitl.domain.auto_rules import AutoRule, auto_decision, auto_rule_from
from hitl.domain.state_machine import FINAL, State
from hitl.domain.strictness import no_weaker_than
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy import rolling_totals
from hitl.policy.definitions import Definitions
from hitl.policy.rolling_totals import Asked
from hitl.policy.snapshot import freeze, freeze_without_workflow

log = get_logger(__name__)
HISTORY: Final = 50
_ENDED: Final = (State.APPROVED, *FINAL)


@dataclass(frozen=True)
class Assessed:
    """The size and risk of a request; `is_scored` is False if they could not be calculated."""

    estimate: Estimate
    risk: risk.RiskAssessment
    is_scored: bool = True


@dataclass(frozen=True)
class Matched:
    """The frozen workflow of a request, and the rule that decides it, if any."""

    workflow_id: UUID | None
    version: int
    snapshot: dict[str, Any]
    auto: AutoRule | None
    flags: tuple[str, ...] = ()
    """The compliance flags that rules set."""


def assess(
    definitions: Definitions,
    kind: AnyKind,
    params: BaseModel,
    facts: Facts,
    *,
    requester_id: UUID | None,
    agent_id: UUID | None,
    moment: datetime,
) -> Assessed:
    """Score a request; one that cannot be scored is critical. One query."""
    history = history_of(requester_id, agent_id)
    return score(definitions, kind, params, facts, history, moment)


def score(
    definitions: Definitions, kind: AnyKind, params: BaseModel, facts: Facts, history: risk.History, moment: datetime
) -> Assessed:
    """Score a request by a history that was read before; one that cannot be scored is critical. No query."""
    try:
        estimate = kind.estimate(params, facts)
        scored = risk.assess(
            title=kind.title,
            base_risk=kind.base_risk,
            estimate=estimate,
            history=history,
            local_time=moment.astimezone(definitions.zone),
            kind=kind.key,
            policy=definitions.risk_policy,
        )
    except Exception as error:  # boundary: an adapter raises what it likes
        # Kinds come from other apps: an error in one must not make the request easier.
        log.exception("risk_not_assessed", kind=kind.key)
        return Assessed(Estimate(), risk.unassessable(type(error).__name__), is_scored=False)
    return Assessed(estimate, scored)


def history_of(requester_id: UUID | None, agent_id: UUID | None) -> risk.History:
    """Return the outcomes of the last requests of a person, or else of an agent. One query."""
    if requester_id is None and agent_id is None:
        return risk.History()
    whose = Q(requester_id=requester_id) if requester_id is not None else Q(agent_id=agent_id)
    newest = Approval.objects.filter(whose, state__in=_ENDED).order_by("-id")
    states = list(newest.values_list("state", flat=True)[:HISTORY])
    return risk.History(len(states), states.count(State.REJECTED), states.count(State.FAILED))


def match(
    definitions: Definitions,
    kind: str,
    assessed: Assessed,
    *,
    agent_id: UUID | None,
    channel: str,
    requester_id: UUID | None = None,
    tags: Sequence[str] = (),
    moment: datetime | None = None,
    may_decide: bool = True,
    lock: bool = True,
) -> Matched:
    """Select and freeze the workflow.

    Without one the request is held for an administrator. With `may_decide` a rule may decide it: what rules
    approved before is added up then, under a lock until the commit unless `lock` is off, as in a simulation.
    """
    asked = Asked(agent_id, requester_id, moment or clock_now(), may_decide, lock)
    try:
        return _match(_subject(kind, assessed, channel, tags, asked, definitions.zone), asked, definitions)
    except Exception:  # boundary: definitions are data
        # A broken definition must hold the request for an administrator, not let it pass.
        log.exception("workflow_not_matched", kind=kind)
        return _unmatched()


def match_again(definitions: Definitions, approval: Approval, assessed: Assessed, *, moment: datetime) -> Matched:
    """Select and freeze the workflow for a changed approval; no rule decides it now."""
    return match(
        definitions,
        approval.kind,
        assessed,
        agent_id=approval.agent_id,
        channel=approval.channel,
        requester_id=approval.requester_id,
        tags=approval.contact_tags,
        moment=moment,
        may_decide=False,
        lock=False,
    )


def _subject(
    kind: str, assessed: Assessed, channel: str, tags: Sequence[str], asked: Asked, zone: ZoneInfo
) -> matching.Subject:
    return matching.Subject(
        kind=kind,
        risk_level=assessed.risk.level,
        score=assessed.risk.score,
        cost=assessed.estimate.cost,
        currency=assessed.estimate.currency,
        agent_id=asked.agent_id,
        channel=channel,
        share=assessed.estimate.share,
        reach=assessed.estimate.reach,
        tags=tuple(tags),
        local_time=asked.moment.astimezone(zone),
    )


def _match(subject: matching.Subject, asked: Asked, definitions: Definitions) -> Matched:
    conditions = [*conditions_of(definitions.workflows), *(condition for _, condition in definitions.flag_rules)]
    subject = rolling_totals.with_spent(subject, conditions, asked)
    flags = matching.flags_for(definitions.flag_rules, subject)
    choice = matching.pick(definitions.rules(), subject)
    if choice is None:
        return replace(_unmatched(), flags=flags)
    workflows = {row.pk: row for row in definitions.workflows}
    workflow = workflows[choice.rule.workflow_id]
    floor = None if choice.floor is None else workflows[choice.floor.workflow_id]
    auto = _rule_of_all([workflow, floor], subject, asked) if choice.certain and asked.may_decide else None
    return replace(_frozen(workflow, floor, auto), flags=flags)


def _frozen(workflow: ApprovalWorkflow, floor: ApprovalWorkflow | None, auto: AutoRule | None) -> Matched:
    """Freeze the workflow, with what the one without the requester's facts requires as well."""
    snapshot = freeze(workflow)
    if floor is not None:
        least = freeze(floor)
        snapshot = dict(no_weaker_than(least, snapshot))
        if snapshot == least:
            workflow = floor
    return Matched(workflow_id=workflow.pk, version=workflow.version, snapshot=snapshot, auto=auto)


def _rule_of_all(
    workflows: Sequence[ApprovalWorkflow | None], subject: matching.Subject, asked: Asked
) -> AutoRule | None:
    """Return the rule that rejects in any of the workflows, or approves in each of them."""
    found = [_rule_for(workflow, subject, asked) for workflow in workflows if workflow is not None]
    rejecting = next((rule for rule in found if rule is not None and rule.verdict == "reject"), None)
    return rejecting or (found[0] if all(found) else None)


def conditions_of(workflows: Iterable[ApprovalWorkflow]) -> list[str]:
    """Return the conditions of workflows and of their rules."""
    own = [workflow.auto_rules for workflow in workflows]
    texts = [str(row.get("condition") or "") for rows in own for row in rows]
    return texts + [workflow.condition for workflow in workflows]


def _rule_for(workflow: ApprovalWorkflow, subject: matching.Subject, asked: Asked) -> AutoRule | None:
    found = auto_decision([auto_rule_from(row) for row in workflow.auto_rules], subject)
    if found is None or found.verdict == "reject" or rolling_totals.fits(found, subject, asked):
        return found
    return None


def _unmatched() -> Matched:
    return Matched(None, 0, freeze_without_workflow(), None)
