"""What each event adds to which metrics. Pure: the same event always counts the same."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from analytics.figures.counts import Fact
from analytics.figures.metrics import AGENT, CHANNEL, KIND, PERSON, TEAM

NAME: Final = "figures"
"""The consumer of these events."""
Payload = Mapping[str, Any]
Count = Callable[[Payload, Payload, datetime], Iterator[Fact]]
FINAL: Final = frozenset({"executed", "failed", "rejected", "expired", "cancelled", "superseded"})
DECIDED: Final = {"approve": "approved", "override": "approved", "reject": "rejected", "send_back": "rejected"}
LOW: Final = "low_confidence"
ANSWERED: Final = frozenset({"answered", "length", "refusal"})


class Happened(Protocol):
    """What is read of an event of the bus."""

    @property
    def type(self) -> str:
        """Return its type."""

    @property
    def payload(self) -> dict[str, Any]:
        """Return what it says."""

    @property
    def created_at(self) -> datetime:
        """Return when it happened."""


def facts_of(events: Iterable[Happened]) -> Iterator[Fact]:
    """Return what events add; older ones that say less than today's add what they can."""
    for event in events:
        count = COUNTS.get(event.type)
        if count is not None:
            yield from count(event.payload, event.payload.get("counted") or {}, event.created_at)


def _place(counted: Payload, **more: str | None) -> dict[str, str | None]:
    return {TEAM: counted.get("team"), CHANNEL: counted.get("channel"), **more}


def _once(metric: str, **more: str) -> Count:
    """Return what counts an event once, where it happened; `more` are dimensions and what they are called there."""

    def count(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
        yield Fact(metric, at, _place(counted, **{name: counted.get(said_as) for name, said_as in more.items()}))

    return count


def _sent(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    sender, person = said["sender"]["type"], counted.get("person")
    if sender in ("agent", "person"):
        yield Fact("messages_out", at, _place(counted, kind=sender))
    if said["status"] == "sent":
        yield Fact("deliveries", at, _place(counted))
    seconds, working = counted.get("seconds"), counted.get("working_seconds")
    if seconds is None:
        return
    metric = "first_answer_person" if sender == "person" else "first_answer_agent"
    yield Fact(metric, at, _place(counted, person=person), seconds)
    if working is not None:
        yield Fact("first_answer_person_working", at, _place(counted, person=person), working)


def _status(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    metric = {"sent": "deliveries", "delivered": "delivered"}.get(said["status"])
    if metric and counted:
        yield Fact(metric, at, _place(counted))


def _escalated(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    if counted.get("from_agent"):
        yield Fact("conversations_escalated", at, _place(counted, kind=said["reason"]))


def _closed(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    kind = "resolved" if said["resolved"] else "unresolved"
    yield Fact("conversations_closed", at, _place(counted, person=counted.get("person"), kind=kind))
    if counted.get("by_agent"):
        yield Fact("conversations_by_agent", at, _place(counted))
    for metric, seconds in (("resolution", "seconds"), ("resolution_working", "working_seconds")):
        if counted.get(seconds) is not None:
            yield Fact(metric, at, _place(counted), counted[seconds])


def _rated(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    if counted.get("is_first"):
        rating = said["rating"]
        yield Fact("marks", at, _place(counted, person=counted.get("person"), kind=str(rating)), rating)


def _called(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    provider: dict[str, str | None] = {CHANNEL: said["channel"], KIND: said["provider"]}
    yield Fact("provider_calls", at, provider)
    if not said["is_ok"]:
        yield Fact("provider_failures", at, provider)
    yield Fact("provider_time", at, provider, said["milliseconds"] / 1000)


def _viewed(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    yield Fact("first_view", at, {AGENT: said["agent"], KIND: said["risk_level"]}, said["seconds"])


def _sampled(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    yield Fact("backlog", at, {}, said["waiting"])
    for each in said["teams"]:
        yield Fact("backlog", at, {TEAM: each["team"]}, each["waiting"], in_total=False)
    loads: dict[tuple[str, str], list[int]] = {}
    for each in said["people"]:
        for place in (("total", ""), (TEAM, each["team"]), (PERSON, each["person"])):
            sums = loads.setdefault(place, [0, 0])
            sums[0] += each["open"]
            sums[1] += each["capacity"]
    for (dimension, value), (busy, capacity) in loads.items():
        if capacity:
            yield Fact("utilisation", at, {dimension: value}, busy / capacity, in_total=dimension == "total")


def _approval(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    for move in counted.get("moves", ()):
        yield from _move(move, said, counted, at)


def _move(move: Payload, said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    by: dict[str, str | None] = {AGENT: counted.get("agent"), CHANNEL: counted.get("channel")}
    event, state, person = move["event"], move["state"], move.get("person")
    if event == "propose":
        yield Fact("requests", at, {**by, KIND: counted["kind"]})
        yield Fact("requests_by_risk", at, {KIND: said["risk_level"]})
        if counted.get("in_conversation"):
            yield Fact("requests_in_conversations", at, by)
    if "late" in move:
        yield Fact("decided_late" if move["late"] else "decided_in_time", at, {KIND: str(move["level"])})
    if event == "approve" and move["by"] == "user":
        yield Fact("approvals_by", at, {PERSON: person})
    if event in DECIDED and state == DECIDED[event]:
        yield from _decided(state, move, said, counted, at)
    if state in FINAL and event not in ("hold", "release"):
        yield Fact("requests_ended", at, {**by, KIND: state})
    if state == "executed" and counted.get("since_decision") is not None:
        yield Fact("execution", at, {**by, KIND: counted["kind"]}, counted["since_decision"])


def _decided(verdict: str, move: Payload, said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    agent, kind, person = counted.get("agent"), counted["kind"], move.get("person")
    yield Fact("decisions", at, {AGENT: agent, PERSON: person, KIND: verdict})
    if move["by"] == "user":
        yield Fact("decision", at, {AGENT: agent, KIND: said["risk_level"]}, counted["age"])
    elif verdict == "approved":
        yield Fact("decisions_automatic", at, {AGENT: agent, KIND: kind})
    if move["event"] == "override":
        yield Fact("overrides", at, {PERSON: person, KIND: kind})
    if verdict == "rejected" and counted.get("edited"):
        yield Fact("rejected_after_edit", at, {AGENT: agent, KIND: kind})
    if counted.get("cost") is not None and counted.get("currency"):
        yield Fact(f"cost_{verdict}", at, {AGENT: agent, KIND: kind}, Decimal(counted["cost"]), counted["currency"])


def _run(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    agent = said["agent"]
    yield Fact("runs", at, {AGENT: agent, KIND: said["state"]})
    yield Fact("run_time", at, {AGENT: agent}, said["milliseconds"] / 1000)
    if said["code"] == LOW or said["asked_back"]:
        yield Fact("answers_refused", at, {AGENT: agent, KIND: "asked_back" if said["asked_back"] else LOW})


def _tool(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    tool = {AGENT: said["agent"], KIND: said["tool"]}
    yield Fact("tool_calls", at, tool)
    if said["state"] != "done":
        yield Fact("tool_failures", at, tool)
    if said["milliseconds"] is not None:
        yield Fact("tool_time", at, tool, said["milliseconds"] / 1000)


def _model(said: Payload, counted: Payload, at: datetime) -> Iterator[Fact]:
    model = {AGENT: said["agent"], KIND: said["model"]}
    yield Fact("model_calls", at, model)
    if said["outcome"] not in ANSWERED:
        yield Fact("model_failures", at, model)
    if said["milliseconds"] is not None:
        yield Fact("model_time", at, model, said["milliseconds"] / 1000)
    yield Fact("tokens_in", at, model, said["input_tokens"])
    yield Fact("tokens_out", at, model, said["output_tokens"])
    if said["price"] is not None and said["currency"]:
        yield Fact("model_cost", at, model, Decimal(said["price"]), said["currency"])


COUNTS: Final[dict[str, Count]] = {
    "conversation_opened": _once("conversations_opened"),
    "conversation_reopened": _once("conversations_reopened"),
    "message_received": _once("messages_in"),
    "agent_response": _sent,
    "message_status": _status,
    "message_failed": _once("delivery_failures", kind="code"),
    "conversation_needs_person": _escalated,
    "conversation_closed": _closed,
    "survey_asked": _once("surveys_asked", person="person"),
    "survey_rated": _rated,
    "provider_called": _called,
    "figures.sampled": _sampled,
    "approval.opened": _approval,
    "approval.viewed": _viewed,
    "approval.updated": _approval,
    "agent_run_finished": _run,
    "tool_called": _tool,
    "model_called": _model,
}
_MESSAGE: Final = ("agent_response",)
_CLOSED: Final = ("conversation_closed",)
_REQUEST: Final = ("approval.opened", "approval.updated")
_PROVIDER: Final = ("provider_called",)
SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "conversations_opened": ("conversation_opened",), "conversations_closed": _CLOSED,
    "conversations_by_agent": _CLOSED, "resolution": _CLOSED, "resolution_working": _CLOSED,
    "conversations_escalated": ("conversation_needs_person",), "conversations_reopened": ("conversation_reopened",),
    "messages_in": ("message_received",), "messages_out": _MESSAGE, "first_answer_agent": _MESSAGE,
    "first_answer_person": _MESSAGE, "first_answer_person_working": _MESSAGE, "backlog": ("figures.sampled",),
    "utilisation": ("figures.sampled",), "surveys_asked": ("survey_asked",), "marks": ("survey_rated",),
    "deliveries": (*_MESSAGE, "message_status"), "delivered": ("message_status",),
    "delivery_failures": ("message_failed",), "provider_calls": _PROVIDER, "provider_failures": _PROVIDER,
    "provider_time": _PROVIDER, "first_view": ("approval.viewed",),
    **dict.fromkeys(("runs", "run_time", "answers_refused"), ("agent_run_finished",)),
    **dict.fromkeys(("tool_calls", "tool_failures", "tool_time"), ("tool_called",)),
    **dict.fromkeys(
        ("model_calls", "model_failures", "model_time", "tokens_in", "tokens_out", "model_cost"), ("model_called",)
    ),
    **dict.fromkeys(
        (
            "requests", "requests_by_risk", "requests_in_conversations", "requests_ended", "decisions",
            "decisions_automatic", "approvals_by", "overrides", "rejected_after_edit", "decision", "execution",
            "decided_in_time", "decided_late", "cost_approved", "cost_rejected",
        ),
        _REQUEST,
    ),
}  # fmt: skip
"""The types of the events that a metric counts."""
