"""What is told of a run when it ends: the run, and its calls of tools and models since its last answer."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from agents.llm import registry
from agents.llm.routes.models import ModelCall
from agents.models import AgentRun, AgentVersion, ToolCall
from core.catalogue import Amount, Code, EventType, Id, Shape, as_code, register
from core.clock import now
from core.events.streams import NewEvent
from core.observability import metrics

OWNER: Final = "conversation-staff"


class RunFinished(Shape):
    """How a run ended, and what it used; money is that of its calls of models."""

    run: Id
    agent: Id | None
    version: Id | None
    trigger: Code
    state: Code
    code: Code
    model: Code
    rounds: int
    input_tokens: int
    output_tokens: int
    milliseconds: int
    asked_back: bool


class ToolCalled(Shape):
    """How a call of a tool ended."""

    run: Id
    agent: Id | None
    call: Id
    tool: Code
    state: Code
    code: Code
    milliseconds: int | None
    is_cached: bool
    approval: Id | None


class ModelCalled(Shape):
    """How a call of a provider's model ended, what it used and cost."""

    run: Id
    agent: Id | None
    call: Id
    route: Id | None
    model: Code
    tier: Code
    purpose: Code
    channel: Code
    outcome: Code
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    price: Amount | None
    currency: Code
    milliseconds: int | None


_NAMES: Final = {
    "conversation": "conversation",
    "run": "agent run",
    "agent": "agent",
    "version": "agent version",
    "call": "call",
    "approval": "approval",
    "route": "model route",
}


def _type(name: str, text: str, shape: type[Shape], public: str = "") -> EventType:
    names = {key: _NAMES[key] for key in ("conversation", *shape.model_fields) if key in _NAMES}
    return EventType(name, text, shape, owner=OWNER, subject="conversation", names=names, public=public)


register(
    _type("agent_run_finished", "A run of an agent ended.", RunFinished, "agent_run.finished"),
    _type("tool_called", "A run called a tool.", ToolCalled),
    _type("model_called", "A run called a provider's model.", ModelCalled),
)


def events_of(
    run: AgentRun,
    version: AgentVersion | None,
    calls: Sequence[ToolCall],
    *,
    state: str,
    code: str,
    used: Sequence[int] = (0, 0, 0),
    asked_back: bool = False,
) -> list[NewEvent]:
    """Return the events of a run that ends; `used` are its rounds, input and output tokens.

    One query, of runs whose model is asked over a network.
    """
    stream, agent = f"{OWNER}:{run.conversation_id}", str(version.agent_id) if version else None
    moment, (rounds, input_tokens, output_tokens) = now(), used
    finished: dict[str, Any] = {
        "run": str(run.pk),
        "agent": agent,
        "version": str(version.pk) if version else None,
        "trigger": str(run.trigger),
        "state": str(state),
        "code": as_code(code),
        "model": as_code(version.model_name or version.model) if version else "",
        "rounds": rounds,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "milliseconds": int(_seconds(run, moment) * 1000),
        "asked_back": asked_back,
    }
    parts = [("tool_called", said) for said in _tools(run, agent, calls)]
    if version is not None and version.model in registry.networked_models():
        parts += [("model_called", said) for said in _models(run, agent)]
    return [NewEvent(stream, name, said) for name, said in (*parts, ("agent_run_finished", finished))]


def note_end(run: AgentRun, state: str, code: str) -> None:
    """Count, in metrics, a run that has ended."""
    usual = "waiting" if state == AgentRun.State.WAITING else "answered"
    result = "failed" if state == AgentRun.State.FAILED else "ended" if code else usual
    metrics.note_run(str(run.trigger), result, _seconds(run, now()))


def _seconds(run: AgentRun, moment: datetime) -> float:
    return max(0.0, (moment - (run.started_at or moment)).total_seconds())


def _tools(run: AgentRun, agent: str | None, calls: Sequence[ToolCall]) -> Iterator[dict[str, Any]]:
    for call in calls:
        yield {
            "run": str(run.pk),
            "agent": agent,
            "call": str(call.pk),
            "tool": as_code(call.name),
            "state": str(call.state),
            "code": as_code(call.code),
            "milliseconds": call.milliseconds,
            "is_cached": call.is_cached,
            "approval": str(call.approval_id) if call.approval_id else None,
        }


def _models(run: AgentRun, agent: str | None) -> Iterator[dict[str, Any]]:
    calls = ModelCall.objects.filter(run=run).exclude(outcome=ModelCall.Outcome.RUNNING)
    if run.finished_at:  # since the run's last answer
        calls = calls.filter(created_at__gt=run.finished_at)
    for call in calls.order_by("id"):
        yield {
            "run": str(run.pk),
            "agent": agent,
            "call": str(call.pk),
            "route": str(call.route_id) if call.route_id else None,
            "model": as_code(call.model),
            "tier": str(call.tier),
            "purpose": str(call.purpose),
            "channel": as_code(call.channel),
            "outcome": str(call.outcome),
            "input_tokens": call.input_tokens,
            "cached_tokens": call.cached_tokens,
            "output_tokens": call.output_tokens,
            "price": None if call.price is None else f"{call.price:f}",
            "currency": as_code(call.currency),
            "milliseconds": call.milliseconds,
        }
