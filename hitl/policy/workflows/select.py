"""Assess a request and select its workflow; an error never makes it easier."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from pydantic import BaseModel

from core.observability.logging import get_logger
from hitl.actions import own_fields, registry
from hitl.actions.base import Estimate, Facts
from hitl.actions.registry import AnyKind
from hitl.domain import matching, risk
from hitl.domain.auto_rules import AutoRule, auto_decision, auto_rule_from
from hitl.domain.state_machine import FINAL, State
from hitl.domain.strictness import no_weaker_than
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy.limits import rolling_totals
from hitl.policy.limits.rolling_totals import Asked, StoredTotals, Totals
from hitl.policy.workflows.definitions import Definitions
from hitl.policy.workflows.snapshot import freeze, freeze_without_workflow

log = get_logger(__name__)
HISTORY: Final = 50
STORED: Final = StoredTotals()
UNLOCKED: Final = StoredTotals(is_locked=False)
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
    problem: str = ""
    """Which rules were changed outside the application, so that none was applied."""


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
    return score(definitions, kind, lambda: kind.estimate(params, facts), history=history, moment=moment)


def score(
    definitions: Definitions,
    kind: AnyKind,
    estimate: Callable[[], Estimate],
    *,
    history: risk.History,
    moment: datetime,
) -> Assessed:
    """Score a request by a history that was read before; one that cannot be scored is critical. No query."""
    try:
        size = estimate()
        if definitions.problem:
            return Assessed(size, risk.unassessable("rules_tampered"), is_scored=False)
        scored = risk.assess(
            title=kind.title,
            base_risk=kind.base_risk,
            estimate=size,
            history=history,
            local_time=moment.astimezone(definitions.zone),
            kind=kind.key,
            policy=definitions.risk_policy,
        )
    except Exception as error:  # boundary: an adapter raises what it likes
        # Kinds come from other apps: an error in one must not make the request easier.
        log.exception("risk_not_assessed", kind=kind.key)
        return unassessed(type(error).__name__)
    return Assessed(size, scored)


def unassessed(error: str) -> Assessed:
    """Return the assessment of a request that could not be scored."""
    return Assessed(Estimate(), risk.unassessable(error), is_scored=False)


def history_of(requester_id: UUID | None, agent_id: UUID | None) -> risk.History:
    """Return the outcomes of the last requests of a person, or else of an agent. One query."""
    if requester_id is None and agent_id is None:
        return risk.History()
    whose = Q(requester_id=requester_id) if requester_id is not None else Q(agent_id=agent_id)
    newest = Approval.objects.filter(whose, state__in=_ENDED).order_by("-id")
    states = list(newest.values_list("state", flat=True)[:HISTORY])
    return risk.History(len(states), states.count(State.REJECTED), states.count(State.FAILED))


def match(definitions: Definitions, kind: str, assessed: Assessed, asked: Asked, *, totals: Totals = STORED) -> Matched:
    """Select and freeze the workflow: the one evaluator of new requests, trials and simulations.

    Without a workflow, or with rules that were changed outside the application, the request is held for an
    administrator. `totals` adds up what rules approved before. A rule
    never approves for somebody who may not approve it and shaped the rules.
    """
    if definitions.problem:
        return replace(_unmatched(), problem=definitions.problem)
    try:
        subject = subject_of(kind, assessed, asked, definitions.zone)
        matched = _match(subject, asked, definitions, totals)
        # One that isn't installed any more is only simulated.
        by_people_only = registry.is_known(kind) and not registry.get(kind).may_be_approved_by_rule(assessed.estimate)
    except Exception:  # boundary: definitions are data
        # A broken definition must hold the request for an administrator, not let it pass.
        log.exception("workflow_not_matched", kind=kind)
        return _unmatched()
    # Nobody's own rule approves what they may not approve themselves.
    approves = matched.auto is not None and matched.auto.verdict == "approve"
    is_barred = approves and (by_people_only or totals.have_shaped_rules(asked.excluded))
    return replace(matched, auto=None) if is_barred else matched


def match_again(definitions: Definitions, approval: Approval, assessed: Assessed, *, moment: datetime) -> Matched:
    """Select and freeze the workflow for a changed approval; no rule decides it now."""
    who = approval.agent_id, approval.requester_id
    fields = own_fields.facts_from(approval.field_facts)
    asked = Asked(*who, moment, approval.channel, approval.contact_tags, may_decide=False, fields=fields)
    return match(definitions, approval.kind, assessed, asked, totals=UNLOCKED)


def subject_of(kind: str, assessed: Assessed, asked: Asked, zone: ZoneInfo) -> matching.Subject:
    """Return the facts that workflows are matched against."""
    return matching.Subject(
        kind=kind,
        risk_level=assessed.risk.level,
        score=assessed.risk.score,
        cost=assessed.estimate.cost,
        currency=assessed.estimate.currency,
        agent_id=asked.agent_id,
        channel=asked.channel,
        share=assessed.estimate.share,
        reach=assessed.estimate.reach,
        tags=tuple(asked.tags),
        local_time=asked.moment.astimezone(zone),
        fields=asked.fields,
    )


def _match(subject: matching.Subject, asked: Asked, definitions: Definitions, totals: Totals) -> Matched:
    if definitions.uses_spent:
        subject = rolling_totals.with_spent(subject, asked, totals)
    flags = matching.flags_for(definitions.flag_rules, subject)
    choice = matching.pick(definitions.rules, subject)
    if choice is None:
        return replace(_unmatched(), flags=flags)
    workflows = {row.pk: row for row in definitions.workflows}
    workflow = workflows[choice.rule.workflow_id]
    floor = None if choice.floor is None else workflows[choice.floor.workflow_id]
    auto = _rule_of_all([workflow, floor], subject, asked, totals) if choice.certain and asked.may_decide else None
    snapshot = freeze(workflow)
    if floor is not None:  # the one without the requester's facts: what it requires is required as well
        least = freeze(floor)
        snapshot = dict(no_weaker_than(least, snapshot))
        workflow = floor if snapshot == least else workflow
    return Matched(workflow.pk, workflow.version, snapshot, auto, flags)


def _rule_of_all(
    workflows: Sequence[ApprovalWorkflow | None], subject: matching.Subject, asked: Asked, totals: Totals
) -> AutoRule | None:
    """Return the rule that rejects in any of the workflows, or approves in each of them."""
    found = []
    for workflow in workflows:
        if workflow is not None:
            rule = auto_decision([auto_rule_from(row) for row in workflow.auto_rules], subject)
            if rule and rule.verdict == "approve" and not rolling_totals.fits(rule, subject, asked, totals):
                rule = None
            found.append(rule)
    rejecting = next((rule for rule in found if rule is not None and rule.verdict == "reject"), None)
    return rejecting or (found[0] if all(found) else None)


def _unmatched() -> Matched:
    return Matched(None, 0, freeze_without_workflow(), None)
