"""Which change of a request would lower its risk: tried with the scoring of this moment, never guessed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from core.clock import now as clock_now
from hitl.actions import registry
from hitl.actions.registry import AnyKind
from hitl.domain import risk
from hitl.domain.nearest import nearest, span
from hitl.models import Approval
from hitl.policy.workflows import definitions, select
from hitl.policy.workflows.definitions import Definitions
from hitl.seals.rules import RuleSeals

LOWEST: Final = risk.LEVELS[0]


@dataclass(frozen=True)
class Easier:
    """A value of one field at which the request would be easier to approve, as tried."""

    field: str
    value: Decimal
    is_amount: bool
    risk_level: str
    risk_score: int
    levels: int
    """The number of approval levels it would need."""


@dataclass(frozen=True)
class _Tried:
    risk_level: str
    risk_score: int
    levels: int

    @property
    def rank(self) -> int:
        return risk.LEVELS.index(self.risk_level)


class _Trial:
    """Scores and matches the request with another value of one field."""

    def __init__(
        self, approval: Approval, kind: AnyKind, params: BaseModel, moment: datetime, seals: RuleSeals | None
    ) -> None:
        self.approval, self.kind, self.params, self.moment = approval, kind, params, moment
        self.definitions: Definitions = definitions.load(seals)
        self.history = select.history_of(approval.requester_id, approval.agent_id)
        # A sum over the day would be read again for each value that is tried.
        self.is_matched = not self.definitions.uses_spent
        self.now = _Tried(approval.risk_level, approval.risk_score, len(approval.snapshot["levels"]))

    def run(self, field: str, value: Any) -> _Tried:
        changed = self.params.model_copy(update={field: value})
        scored = select.score(
            self.definitions,
            self.kind,
            lambda: self.kind.estimate(changed, self.approval.facts),
            history=self.history,
            moment=self.moment,
        )
        levels = self.now.levels
        if self.is_matched:
            matched = select.match_again(self.definitions, self.approval, scored, moment=self.moment)
            # Without a workflow the request is held: that is not easier.
            levels = levels if matched.workflow_id is None else len(matched.snapshot["levels"])
        return _Tried(scored.risk.level, scored.risk.score, levels)


def find_easier(approval: Approval, *, now: datetime | None = None, seals: RuleSeals | None = None) -> list[Easier]:
    """Return the smallest change of each number to a lower risk or fewer levels.

    Between the value as it is now and the requested one, with everything else as requested. Scored and matched as if
    it were submitted at this moment. Empty if nothing was found, which does not say that there is nothing. Five
    queries at most; none if the risk is low and there is one level.
    """
    levels = approval.snapshot["levels"]
    if (approval.risk_level == LOWEST and len(levels) == 1) or not registry.is_known(approval.kind):
        return []
    kind = registry.get(approval.kind)
    try:
        params = kind.params_model.model_validate(approval.payload)
    except ValidationError:
        return []  # requested under an older version of the kind
    fields = [name for name, value in params if isinstance(value, Decimal | int) and not isinstance(value, bool)]
    if not fields:
        return []
    trial = _Trial(approval, kind, params, now or clock_now(), seals)
    return [found for field in fields for found in _tried(trial, field)]


def _tried(trial: _Trial, field: str) -> Iterator[Easier]:
    requested, before = getattr(trial.params, field), trial.now
    is_whole = isinstance(requested, int)
    as_requested = trial.run(field, requested)
    if as_requested.rank < before.rank or as_requested.levels < before.levels:
        return  # the scoring or the workflows changed since: it would be easier without any change
    values = span(_unchanged(trial.approval, field), Decimal(requested), is_whole=is_whole)
    seen: set[Decimal] = set()
    wishes: list[Callable[[_Tried], bool]] = [
        lambda tried: tried.rank < before.rank,
        lambda tried: tried.levels < before.levels and tried.rank <= before.rank,
    ]
    for is_wanted in wishes:
        value = nearest(values, lambda each: is_wanted(trial.run(field, int(each) if is_whole else each)))  # noqa: B023
        if value is None or value in seen:
            continue
        seen.add(value)
        tried = trial.run(field, int(value) if is_whole else value)
        yield Easier(field, value, not is_whole, tried.risk_level, tried.risk_score, tried.levels)


def _unchanged(approval: Approval, field: str) -> Decimal:
    """Return the value as it was when requested, from the fact of the same name; 0 without one."""
    try:
        found = Decimal(str(approval.facts.get(field) or 0))
    except ArithmeticError:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)
