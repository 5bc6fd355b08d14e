"""Ask a model by the organisation's routes: choose, reserve, ask, settle, and fall back before the first word."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from agents.llm import registry
from agents.llm.ports import (
    NOT_CONFIGURED,
    OVERLOADED,
    RATE_LIMITED,
    REJECTED,
    TOO_SLOW,
    UNAVAILABLE,
    UNREACHABLE,
    Emit,
    Line,
    Model,
    ModelFailed,
    Stop,
    ToolSpec,
    Turn,
    Usage,
)
from agents.llm.routes import ledger, prices
from agents.llm.routes.candidates import LOCAL, Candidate, candidates_for
from agents.llm.routes.complexity import Complexity, assess
from agents.llm.routes.ledger import Settlement, Spent
from agents.llm.routes.models import Budget, ModelCall, Tier
from agents.models import AgentRun, AgentVersion
from core.errors import Unavailable
from core.observability import metrics
from core.observability.logging import get_logger
from core.reliability.circuit_breaker import Breaker, breaker
from core.tenancy.scope import current_tenant_id

log = get_logger(__name__)
Outcome = ModelCall.Outcome
MOST_OUTPUT: Final = 1024
"""Tokens that an answer may take; the adapter asks for no more."""
BUDGET_SPENT: Final = "budget_spent"
TOO_LONG: Final = "too_long_for_models"
BREAKER_OPEN: Final = "model_paused"
UNPRICED: Final = "model_without_price"
_COOL_DOWN: Final = timedelta(seconds=30)
FALLS_BACK: Final = frozenset({UNREACHABLE, UNAVAILABLE, RATE_LIMITED, OVERLOADED, TOO_SLOW})
"""Failures after which the next route is asked, as long as no word was heard."""
_OUTCOMES: Final[dict[str, Outcome]] = {
    UNREACHABLE: Outcome.UNREACHABLE,
    UNAVAILABLE: Outcome.UNREACHABLE,
    RATE_LIMITED: Outcome.RATE_LIMITED,
    OVERLOADED: Outcome.OVERLOADED,
    TOO_SLOW: Outcome.TIMED_OUT,
    REJECTED: Outcome.REJECTED,
}
_STOPS: Final[dict[Stop, Outcome]] = {
    "end": Outcome.ANSWERED,
    "tool_calls": Outcome.ANSWERED,
    "length": Outcome.LENGTH,
    "refusal": Outcome.REFUSAL,
    "cut": Outcome.CUT,
}
_COUNTED_AS: Final[dict[Outcome, str]] = {
    Outcome.ANSWERED: "answered",
    Outcome.LENGTH: "cut",
    Outcome.CUT: "cut",
    Outcome.REFUSAL: "refused",
    Outcome.REJECTED: "refused",
    Outcome.RATE_LIMITED: "limited",
    Outcome.OVERLOADED: "limited",
    Outcome.TIMED_OUT: "no_answer",
    Outcome.STOPPED: "stopped",
}
"""Classes of outcomes in metrics; all others are "failed"."""
_FREE_OF_CHARGE: Final = frozenset(
    {Outcome.RATE_LIMITED, Outcome.OVERLOADED, Outcome.REJECTED, Outcome.UNREACHABLE, Outcome.FAILED}
)
"""A call that ended so before its first word was not worked on."""
FAILED_BEFORE: Final = (Outcome.LENGTH, Outcome.REFUSAL, Outcome.CUT)


@dataclass(frozen=True, slots=True)
class Place:
    """What a call is made for, as its row says."""

    purpose: str = ModelCall.Purpose.ANSWER
    run_id: UUID | None = None
    agent_id: UUID | None = None
    channel: str = ""
    trial_id: UUID | None = None


def open_model(version: AgentVersion, place: Place) -> Model:
    """Return the model of an agent's version; one that is asked over a network is routed, paid and recorded."""
    if version.model not in registry.networked_models():
        return registry.get_model(version.model, version.model_name)
    return RoutedModel(version.model, version.model_name, place)


def open_brief_model(*, version: AgentVersion) -> Model:
    """Return the model that writes a daily brief; its calls count under budgets."""
    return open_model(version, Place(ModelCall.Purpose.BRIEF, agent_id=version.agent_id))


def step_up(run: AgentRun) -> bool:
    """Mark the run's last answer as too weak; True if a strong model can be asked once more.

    For what checks an answer before it is sent: it then repeats the round, and the model chosen is a strong one.
    """
    last = ModelCall.objects.filter(run=run, outcome=Outcome.ANSWERED).order_by("-id").first()
    if last is None or last.tier == Tier.STRONG or last.route_id is None:
        return False
    if ModelCall.objects.filter(run=run, is_weak=True).exists():
        return False
    ModelCall.objects.filter(pk=last.pk).update(is_weak=True)
    return any(each.tier == Tier.STRONG for each in candidates_for("routes", "", is_hard=True))


class RoutedModel(Model):
    """Asks the first route that can answer, within the budgets; each call is a row."""

    def __init__(self, key: str, name: str, place: Place) -> None:
        self.key = key
        self._name, self._place = name, place
        self._complexity: Complexity | None = None

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        if self._complexity is None:  # one for the whole run: its model does not change between two calls of tools
            self._complexity = assess(lines, tools, failed_before=self._failed_before())
        candidates = candidates_for(self.key, self._name, is_hard=self._complexity.is_hard)
        budgets = ledger.budgets_of(self._place.agent_id)
        said = [
            [line.role, line.text, line.tool_name, [[each.name, dict(each.arguments)] for each in line.tool_requests]]
            for line in lines
        ]
        offered = [[tool.name, tool.description, dict(tool.parameters)] for tool in tools]
        request = json.dumps([prompt, said, offered], ensure_ascii=False, default=str)
        failure = ModelFailed(NOT_CONFIGURED)
        spent: Budget | None = None
        for candidate in candidates:
            if spent is not None and spent.on_spent == Budget.OnSpent.LIGHT and candidate.tier == Tier.STRONG:
                continue
            call = OneCall(candidate, self._place, budgets, self._complexity, self.until)
            try:
                return call.ask(lines, tools, prompt=prompt, emit=emit, request=request)
            except Spent as problem:
                spent, failure = problem.budget, ModelFailed(BUDGET_SPENT)
                if spent.on_spent != Budget.OnSpent.LIGHT:
                    break
            except ModelFailed as problem:
                if call.has_spoken or problem.code not in FALLS_BACK | _NOT_ASKED:
                    raise
                failure = problem
        if spent is not None and spent.on_spent == Budget.OnSpent.LOCAL:
            return self._answer_locally(lines, tools, prompt, emit)
        raise failure

    def _failed_before(self) -> bool:
        if self._place.run_id is None:
            return False
        calls = ModelCall.objects.filter(run_id=self._place.run_id)
        last = calls.order_by("-id").values_list("outcome", "is_weak").first()
        return last is not None and (last[1] or last[0] in FAILED_BEFORE)

    def _answer_locally(self, lines: Sequence[Line], tools: Sequence[ToolSpec], prompt: str, emit: Emit) -> Turn:
        """Let the built-in model answer, which costs nothing, and record that it stood in."""
        free = Candidate("Built in", LOCAL, Tier.LIGHT, prices.FREE, 0, lambda: registry.get_model(LOCAL, self._name))
        call = OneCall(free, self._place, (), self._complexity, self.until)
        return call.ask(lines, tools, prompt=prompt, emit=emit, request="")


_NOT_ASKED: Final = frozenset({TOO_LONG, BREAKER_OPEN, UNPRICED})


class OneCall:
    """One call of one candidate, from the reservation to the settlement."""

    def __init__(
        self,
        candidate: Candidate,
        place: Place,
        budgets: Sequence[Budget],
        complexity: Complexity | None,
        until: float | None,
    ) -> None:
        self._candidate, self._place, self._budgets = candidate, place, budgets
        self._complexity, self._until = complexity, until
        self._heard: list[str] = []
        self._first_at: float | None = None

    @property
    def has_spoken(self) -> bool:
        """Return True once a piece of the answer was emitted."""
        return bool(self._heard)

    def ask(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit, request: str) -> Turn:
        """Ask once. Raises `ModelFailed`, and `Spent` if its worst price does not fit under a budget."""
        guard = self._check(request)
        limits = prices.bound(request, MOST_OUTPUT)
        row = self._open(limits)
        began = time.monotonic()
        outcome, reported = Outcome.STOPPED, Usage()

        def hear(piece: str) -> None:
            if self._first_at is None and piece:
                self._first_at = time.monotonic()
            if piece:
                self._heard.append(piece)
            emit(piece)

        try:
            model = self._candidate.make()
            model.until = self._until
            turn = model.turn(lines, tools, prompt=prompt, emit=hear)
            outcome, reported = _STOPS[turn.stop], turn.usage
            said = turn.text + json.dumps([dict(each.arguments) for each in turn.tool_requests], default=str)
            self._heard = self._heard or ([said] if turn.text else [])
            guard.succeeded()
        except ModelFailed as failure:
            outcome = _OUTCOMES.get(failure.code, Outcome.FAILED)
            said = "".join(self._heard)
            if failure.code in FALLS_BACK:
                guard.failed()
            raise
        except BaseException:
            said = "".join(self._heard)
            raise
        finally:
            self._close(row, outcome, reported, limits, prices.estimate(request, said), began)
        return turn

    def _check(self, request: str) -> Breaker:
        """Return the breaker; raises `ModelFailed` where the candidate can't be asked at all."""
        room = self._candidate.context_tokens
        if room and prices.estimate(request, "").input_tokens + MOST_OUTPUT > room:
            raise ModelFailed(TOO_LONG)
        known = self._candidate.prices
        comparable = known is not None and (
            known.is_free or all(known.currency == budget.currency for budget in self._budgets)
        )
        if self._budgets and not comparable:
            # What it costs can't be compared with the budget: asking it could cost anything.
            raise ModelFailed(UNPRICED)
        guard = breaker(f"model:{current_tenant_id().hex}:{self._candidate.breaker}", cool_down=_COOL_DOWN)
        try:
            guard.allow()
        except Unavailable:
            raise ModelFailed(BREAKER_OPEN) from None
        return guard

    def _open(self, limits: Usage) -> ModelCall:
        candidate, complexity = self._candidate, self._complexity
        row = ModelCall(
            run_id=self._place.run_id,
            trial_id=self._place.trial_id,
            agent_id=self._place.agent_id,
            route_id=candidate.route_id,
            route_name=candidate.name,
            model=candidate.model,
            tier=candidate.tier,
            channel=self._place.channel,
            purpose=self._place.purpose,
            complexity=complexity.points if complexity else None,
            factors=dict(complexity.factors) if complexity else {},
            currency=candidate.prices.currency if candidate.prices else "",
        )
        worst = prices.worst(candidate.prices, limits) if candidate.prices else Decimal(0)
        ledger.open_call(row, self._budgets, worst)
        return row

    def _close(
        self, row: ModelCall, outcome: Outcome, reported: Usage, limits: Usage, guess: Usage, began: float
    ) -> None:
        took = time.monotonic() - began
        first = None if self._first_at is None else self._first_at - began
        metrics.note_model_call(self._candidate.provider, _COUNTED_AS.get(outcome, "failed"), took, first)
        known = self._candidate.prices
        if (outcome in _FREE_OF_CHARGE and not self.has_spoken) or self._candidate.model == LOCAL:
            usage, is_estimated = Usage(), False
        else:
            usage, is_estimated = prices.believable(reported, limits, guess)
        settlement = Settlement(
            outcome,
            usage,
            price=None if known is None else prices.cost(known, usage),
            is_estimated=is_estimated,
            milliseconds=int(took * 1000),
            first_token_ms=None if first is None else int(first * 1000),
        )
        ledger.close_call(row.pk, settlement)
