"""Simulate which workflow a request would match and who would be asked; writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from core import working_time
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid
from core.text.clean import clean_text
from hitl.actions import own_fields, registry
from hitl.actions.base import Estimate, Origin
from hitl.actions.observe import observe
from hitl.approvals.state import assignments
from hitl.domain import risk
from hitl.domain.levels import PARALLEL, group_into_stages, parts_of
from hitl.killswitch import state as killswitch
from hitl.policy.limits.rolling_totals import Asked
from hitl.policy.workflows import definitions, select

VIEW: Final = "hitl.view_approvalworkflow"
FURTHEST: Final = timedelta(days=3653)


@dataclass(frozen=True)
class Trial:
    """A hypothetical request."""

    kind: str
    cost: Decimal | None = None
    currency: str = ""
    share: Decimal | None = None
    reach: int | None = None
    score: int = 0
    channel: str = ""
    agent_id: UUID | None = None
    requester_id: UUID | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class TriedLevel:
    """A level with the people who would be asked."""

    name: str
    mode: str
    required: int
    people: tuple[UUID, ...]
    satisfiable: bool
    due_at: datetime | None


@dataclass(frozen=True)
class Simulation:
    """What would happen: the workflow, the rule that would decide alone, or the levels."""

    workflow_id: UUID | None
    workflow: str
    version: int
    rule: str
    verdict: str
    risk_level: str
    levels: tuple[TriedLevel, ...]


@dataclass(frozen=True)
class Foreseen:
    """What a request would be about, and what would happen to it; `is_paused` says that a switch would refuse it."""

    headline: str
    cost: Decimal | None
    currency: str
    score: int
    is_paused: bool
    simulation: Simulation


def simulate(*, viewer: Actor, trial: Trial, moment: datetime | None = None) -> Simulation:
    """Simulate what would happen to a request at a moment; writes nothing.

    Needs `hitl.view_approvalworkflow`. Raises Refused, Invalid for an unknown kind, a score out
    of range or a moment more than ten years away. Only the first level has a due time: later ones
    begin when the one before is approved.
    """
    viewer.require(VIEW)
    at = moment or clock_now()
    if not registry.is_known(trial.kind) or not 0 <= trial.score <= 100:
        raise Invalid("Choose an action and a risk from 0 to 100.", fields={"kind": ["Choose an action."]})
    if abs(at - clock_now()) > FURTHEST:
        raise Invalid("Choose a moment within ten years.", fields={"moment": ["Within ten years from now."]})
    try:
        estimate = Estimate(trial.cost, trial.currency, trial.share, trial.reach)
    except ValueError as problem:
        raise Invalid("No request can have this size.", fields={"cost": [str(problem)]}) from None
    scored = risk.RiskAssessment(trial.score, risk.level_of(trial.score), ())
    excluded = [] if trial.requester_id is None else [trial.requester_id]
    asked = Asked(trial.agent_id, trial.requester_id, at, trial.channel, trial.tags, excluded)
    assessed = select.Assessed(estimate, scored)
    matched = select.match(definitions.load(), trial.kind, assessed, asked, totals=select.UNLOCKED)
    return _simulated(matched, scored.level, excluded, at)


def foresee(
    *, viewer: Actor, kind: str, params: Mapping[str, Any], origin: Origin, moment: datetime | None = None
) -> Foreseen:
    """Return what a request with these values would need now; writes nothing.

    The target is observed as for a real request (outside call). Needs `hitl.view_approvalworkflow`. Raises Refused,
    Invalid, NotFound (kind), and Unavailable if the target can't be observed.
    """
    viewer.require(VIEW)
    action, at = registry.get(kind), moment or clock_now()
    observed, current = observe(action, params), definitions.load()
    requester_id = origin.requester_user_id or viewer.user_id
    people = {requester_id, viewer.user_id, origin.agent_owner_id, *origin.also_excluded}
    excluded = sorted(person for person in people if person is not None)
    assessed = select.assess(
        current,
        action,
        observed.params,
        observed.facts,
        requester_id=requester_id,
        agent_id=origin.agent_id,
        moment=at,
    )
    fields = own_fields.facts_from(own_fields.facts_to_store(origin.conversation_id))
    asked = Asked(origin.agent_id, requester_id, at, origin.channel, origin.contact_tags, excluded, fields=fields)
    matched = select.match(current, kind, assessed, asked, totals=select.UNLOCKED)
    return Foreseen(
        headline=clean_text(action.preview(observed.params, observed.facts).headline, 300),
        cost=assessed.estimate.cost,
        currency=assessed.estimate.currency,
        score=assessed.risk.score,
        is_paused=bool(killswitch.find_stop_reason(kind=kind, agent_id=origin.agent_id)),
        simulation=_simulated(matched, assessed.risk.level, excluded, at),
    )


def _simulated(matched: select.Matched, risk_level: str, excluded: list[UUID], moment: datetime) -> Simulation:
    levels = matched.snapshot["levels"]
    return Simulation(
        workflow_id=matched.workflow_id,
        workflow=matched.snapshot["name"],
        version=matched.version,
        rule="" if matched.auto is None else matched.auto.id,
        verdict="" if matched.auto is None else matched.auto.verdict,
        risk_level=risk_level,
        levels=tuple(_tried(matched.snapshot, number, excluded, moment) for number in range(len(levels))),
    )


def _tried(snapshot: Mapping[str, Any], number: int, excluded: list[UUID], at: datetime) -> TriedLevel:
    level = snapshot["levels"][number]
    planned = assignments.plan(level, excluded)
    is_distinct, levels = snapshot.get("distinct_approvers"), snapshot["levels"][: number + 1]
    so_far = planned
    if is_distinct:  # as if the levels were open together: then each needs people of its own
        at_once = group_into_stages({**part, PARALLEL: True} for each in levels for part in parts_of(each))[0]
        so_far = assignments.plan(at_once, excluded)
    return TriedLevel(
        name=level["name"],
        mode=level["mode"],
        required=planned.required,
        people=tuple(sorted({holder.person_id for holder in planned.holders})),
        satisfiable=planned.satisfiable and so_far.satisfiable,
        due_at=working_time.level_due(at, level) if number == 0 else None,
    )
