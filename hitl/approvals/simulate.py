"""Simulate which workflow a request would match and who would be asked; writes nothing."""

from __future__ import annotations

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
from hitl.actions import registry
from hitl.actions.base import Estimate
from hitl.approvals import assignments
from hitl.domain import risk
from hitl.domain.levels import PARALLEL, group_into_stages, parts_of
from hitl.policy import definitions, select

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
    estimate = _estimate(trial)
    scored = risk.RiskAssessment(trial.score, risk.level_of(trial.score), ())
    excluded = [] if trial.requester_id is None else [trial.requester_id]
    matched = select.match(
        definitions.load(),
        trial.kind,
        select.Assessed(estimate, scored),
        agent_id=trial.agent_id,
        channel=trial.channel,
        requester_id=trial.requester_id,
        tags=trial.tags,
        moment=at,
        excluded=excluded,
        totals=select.UNLOCKED,
    )
    levels = matched.snapshot["levels"]
    return Simulation(
        workflow_id=matched.workflow_id,
        workflow=matched.snapshot["name"],
        version=matched.version,
        rule="" if matched.auto is None else matched.auto.id,
        verdict="" if matched.auto is None else matched.auto.verdict,
        risk_level=scored.level,
        levels=tuple(_tried(matched.snapshot, number, excluded, at) for number in range(len(levels))),
    )


def _estimate(trial: Trial) -> Estimate:
    try:
        return Estimate(trial.cost, trial.currency, trial.share, trial.reach)
    except ValueError as problem:
        raise Invalid("No request can have this size.", fields={"cost": [str(problem)]}) from None


def _tried(snapshot: Mapping[str, Any], number: int, excluded: list[UUID], at: datetime) -> TriedLevel:
    level = snapshot["levels"][number]
    planned = assignments.plan(level, excluded)
    is_distinct, levels = snapshot.get("distinct_approvers"), snapshot["levels"][: number + 1]
    so_far = assignments.plan(_at_once(levels), excluded) if is_distinct else planned
    return TriedLevel(
        name=level["name"],
        mode=level["mode"],
        required=planned.required,
        people=tuple(sorted({holder.person_id for holder in planned.holders})),
        satisfiable=planned.satisfiable and so_far.satisfiable,
        due_at=working_time.level_due(at, level) if number == 0 else None,
    )


def _at_once(levels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return levels as if they were open together: then each needs people of its own."""
    return group_into_stages({**part, PARALLEL: True} for level in levels for part in parts_of(level))[0]
