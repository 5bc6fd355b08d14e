"""Turns a request into a risk assessment and a frozen workflow; an error never makes it easier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from core import prepared
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.prepared import Call, Prepared, Result
from core.tenancy.scope import current_tenant_id
from hitl.actions.base import Estimate, Facts
from hitl.actions.registry import AnyKind
from hitl.domain import matching, risk
from hitl.domain.auto_rules import AutoRule, auto_decision, auto_rule_from
from hitl.domain.state_machine import FINAL, State
from hitl.domain.strictness import no_weaker_than
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy import cache as rulebook
from hitl.policy import spending
from hitl.policy.cache import Rulebook
from hitl.policy.snapshot import without_workflow
from hitl.policy.spending import Asked

log = get_logger(__name__)
HISTORY: Final = 50
# The limit is a parameter, so that the newest are read from an index also while the planner believes that there are
# hardly more: it does not know then that the limit takes them all.
_HISTORY: Final = """
select count(*), count(*) filter (where state = 'rejected'), count(*) filter (where state = 'failed')
from (
  select state from hitl_approval
  where tenant_id = $1 and {whose} = $2 and state in ({states}) order by id desc limit $3
) as last
"""


@dataclass(frozen=True)
class Assessed:
    """The size and the risk of a request; `is_scored` is False where they could not be worked out."""

    estimate: Estimate
    risk: risk.RiskAssessment
    is_scored: bool = True


@dataclass(frozen=True)
class Matched:
    """The workflow a request falls under, frozen, and the rule that may decide it alone."""

    workflow_id: UUID | None
    version: int
    snapshot: dict[str, Any]
    auto: AutoRule | None


def assess(
    kind: AnyKind,
    params: BaseModel,
    facts: Facts,
    *,
    requester_id: UUID | None,
    agent_id: UUID | None,
    moment: datetime,
    book: Rulebook | None = None,
    history: risk.History | None = None,
) -> Assessed:
    """Score a request by the definitions as already read, or as they are now. What cannot be scored is critical."""
    try:
        estimate, book = kind.estimate(params, facts), book or rulebook.current()
        scored = risk.assess(
            title=kind.title,
            base_risk=kind.base_risk,
            estimate=estimate,
            history=_history(requester_id, agent_id) if history is None else history,
            local_time=moment.astimezone(book.zone),
            kind=kind.key,
            policy=book.policy,
        )
    except Exception as error:  # boundary: an adapter raises what it likes
        # Kinds come from elsewhere: whatever goes wrong in one must not lower the bar.
        log.exception("risk_not_assessed", kind=kind.key)
        return Assessed(Estimate(), risk.unassessable(type(error).__name__), is_scored=False)
    return Assessed(estimate, scored)


def risk_policy() -> risk.Policy:
    """Return how the tenant in scope weighs risks now. One query."""
    return rulebook.current().policy


def _history(requester_id: UUID | None, agent_id: UUID | None) -> risk.History:
    return history_of(prepared.exchange([history_call(requester_id, agent_id)])[0])


def history_call(requester_id: UUID | None, agent_id: UUID | None) -> Call:
    """Return the query for what became of the last requests of a person, or else of an agent."""
    by_person = requester_id is not None
    values = {"tenant": current_tenant_id(), "who": requester_id if by_person else agent_id, "most": HISTORY}
    return Call(_history_statement(by_person=by_person), values)


def history_of(found: Result) -> risk.History:
    """Return the history that `history_call` has found: none of nobody."""
    return risk.History() if found.first is None else risk.History(*found.first)


@cache
def _history_statement(*, by_person: bool) -> Prepared:
    decided = [State.APPROVED.value, *(state.value for state in FINAL)]
    sql = _HISTORY.format(
        whose="requester_id" if by_person else "agent_id",
        states=", ".join(f"'{state}'" for state in sorted(decided)),
    )
    return prepared.prepared(sql, {"tenant": "uuid", "who": "uuid", "most": "bigint"})


def match(
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
    book: Rulebook | None = None,
) -> Matched:
    """Choose and freeze the workflow; without one the request goes to nobody and is held.

    With `may_decide` a rule may decide it: what rules approved before is added up then, under a
    lock until the commit unless `lock` is off, as in a simulation.
    """
    asked = Asked(agent_id, requester_id, moment or clock_now(), may_decide, lock)
    try:
        book = book or rulebook.current()
        return _match(_subject(kind, assessed, channel, tags, asked, book.zone), asked, book)
    except Exception:  # boundary: definitions are data
        # A broken definition must hold the request for an administrator, not wave it through.
        log.exception("workflow_not_matched", kind=kind)
        return _unmatched()


def match_again(approval: Approval, assessed: Assessed, *, moment: datetime) -> Matched:
    """Choose and freeze the workflow for what an approval has become; no rule decides it now."""
    return match(
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


def _match(subject: matching.Subject, asked: Asked, book: Rulebook) -> Matched:
    subject = spending.with_spent(subject, _conditions(book.workflows), asked)
    choice = matching.pick(book.rules, subject)
    if choice is None:
        return _unmatched()
    workflows = {row.pk: row for row in book.workflows}
    workflow = workflows[choice.rule.workflow_id]
    floor = None if choice.floor is None else workflows[choice.floor.workflow_id]
    auto = _rule_of_all([workflow, floor], subject, asked) if choice.certain and asked.may_decide else None
    return _frozen(book, workflow, floor, auto)


def _frozen(
    book: Rulebook, workflow: ApprovalWorkflow, floor: ApprovalWorkflow | None, auto: AutoRule | None
) -> Matched:
    """Freeze the workflow, with whatever the one asks for that holds without the asker's facts."""
    snapshot = book.freeze(workflow)
    if floor is not None:
        least = book.freeze(floor)
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


def _conditions(workflows: Iterable[ApprovalWorkflow]) -> list[str]:
    own = [workflow.auto_rules for workflow in workflows]
    texts = [str(row.get("condition") or "") for rows in own for row in rows]
    return texts + [workflow.condition for workflow in workflows]


def _rule_for(workflow: ApprovalWorkflow, subject: matching.Subject, asked: Asked) -> AutoRule | None:
    found = auto_decision([auto_rule_from(row) for row in workflow.auto_rules], subject)
    if found is None or found.verdict == "reject" or spending.fits(found, subject, asked):
        return found
    return None


def _unmatched() -> Matched:
    return Matched(None, 0, without_workflow(), None)
