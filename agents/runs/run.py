"""Working a run: rounds until an answer stands, then answer and end in one transaction."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from agents import registry, selectors
from agents.models import AgentRun, AgentRunMessage, AgentVersion, ToolCall
from agents.ports import Emit, Line, RunContext, RunOutcome, ToolRequest
from agents.runs import lease, outcome_retry, tool_calls
from agents.runs.reply import Speaker, agent_actor, answer_id
from agents.runs.routing import choose_version
from agents.tools import registry as tools
from conversations import services as conversations
from conversations.models import Conversation
from core.actors import system
from core.clock import now as clock_now
from core.errors import WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)
MAX_ROUNDS = 6
MAX_CALLS = 50  # before an answer: a model that asks without end floods those who sign
MAX_REDOS = 40  # more than a guest may write while messages still join a run
MAX_ATTEMPTS = 3
MAX_APOLOGIES = 3  # more tries in which the apology itself could not be said
GAP = "\n\n"
APOLOGY = (
    "I am sorry, something went wrong on my side and I cannot answer this. "
    "I have asked a colleague to take over; you will get an answer here."
)
State = AgentRun.State


@dataclass(frozen=True)
class Answer:
    """What a round came to: words, or why there are none; and whose they are.

    After a stop only what was asked for already is told.
    """

    outcome: RunOutcome
    generation: int
    version: AgentVersion | None = None
    stopped: bool = False


class Stopped(Exception):
    """The customer wants to hear no more: no further round, no further call."""


def run_turn(run_id: UUID, *, now: datetime | None = None) -> UUID | None:
    """Work a run that is due to its end and return the conversation's next queued run, if there is one.

    For workers only. Does nothing when somebody else has the run, or another run of the
    conversation. Every failure ends with a person being asked and the customer being told.
    """
    run = lease.claim(run_id, now=now)
    if run is None:
        return None
    if run.trigger != AgentRun.Trigger.MESSAGE:
        outcome_retry.tell(run)
    elif run.fence > MAX_ATTEMPTS + MAX_APOLOGIES + run.generation:
        outcome_retry.give_up(run, outcome_retry.LOST)
    elif run.fence > MAX_ATTEMPTS + run.generation:
        _finish(run, Answer(RunOutcome("", 0, error="crashed"), run.generation))
    else:
        _work(run)
    return lease.next_queued(run.conversation_id)


def _work(run: AgentRun) -> None:
    speaker = Speaker(run.conversation_id, run.id)
    speaker.typing(True)
    try:
        for number in range(MAX_REDOS):
            if number and not lease.renew(run):
                return
            answer = _round(run, speaker, is_first=run.fence == 1 and not number)
            if _finish(run, answer):
                return
            speaker.restart()
        _finish(run, Answer(RunOutcome("", 0, error="no_pause"), -1))
    finally:
        speaker.typing(False)


def _round(run: AgentRun, speaker: Speaker, *, is_first: bool) -> Answer:
    """Let the orchestrator work once over all messages that have joined so far."""
    # Read before the messages: one that joins in between has the round done again.
    generation = AgentRun.objects.values_list("generation", flat=True).get(pk=run.pk)
    heard = selectors.hear(run)
    version = choose_version(run, heard)
    if version is None:
        return Answer(RunOutcome("", 0, error="no_agent"), generation)
    done = () if is_first else tool_calls.recorded(run)
    try:
        outcome = _orchestrate(run, version, (*heard.lines, *done), speaker.emit)
    except Stopped:
        speaker.restart()
        outcome = RunOutcome("", 0)
    except tool_calls.ToolBroke as broken:
        outcome = RunOutcome("", 0, error=str(broken))
    except WalkerError as error:
        outcome = RunOutcome("", 0, error=error.code)
    except Exception:
        # The task's boundary: nobody may be left without an answer.
        log.exception("run_broke", run=str(run.pk))
        outcome = RunOutcome("", 0, error="run_broke")
    speaker.flush()
    return Answer(outcome, generation, version)


def _orchestrate(run: AgentRun, version: AgentVersion, lines: tuple[Line, ...], emit: Emit) -> RunOutcome:
    caller = selectors.caller_of(run, version)
    offered = tools.offered([*version.tools, *tools.FOR_EVERY_AGENT], caller)
    names = {tool.key for tool in offered}
    context = RunContext(
        run_id=run.id,
        prompt=version.prompt,
        lines=lines,
        tools=tuple(tool.spec() for tool in offered),
        max_rounds=MAX_ROUNDS,
    )
    run.agent_version = version
    _heed_stop(run)
    left = iter(range(MAX_CALLS))

    def call_tool(request: ToolRequest, number: int) -> Line:
        if next(left, None) is None:
            return tool_calls.refused(request, "too_many_calls", "That is more than can be done at once.")
        if not lease.is_fresh(run):
            lease.renew(run)
        _heed_stop(run)
        # Read the caller again: his seat may have ended since the tools were offered.
        fresh = selectors.caller_of(run, version)
        line = tool_calls.perform(run=run, caller=fresh, offered=names, request=request, number=number)
        _heed_stop(run)
        return line

    model = registry.get_model(version.model, version.model_name)
    orchestrator = registry.get_orchestrator(version.orchestrator, model)
    return orchestrator.run(context, call_tool=call_tool, emit=emit)


def _heed_stop(run: AgentRun) -> None:
    if selectors.is_stopped(run):
        raise Stopped


def _open_calls(run: AgentRun) -> list[ToolCall]:
    """The calls made since the run's last answer."""
    made = ToolCall.objects.filter(run=run, state=ToolCall.State.DONE)
    if run.finished_at:
        made = made.filter(created_at__gt=run.finished_at)
    return list(made.order_by("id"))


def _waits(call: ToolCall) -> bool:
    return call.approval_id is not None and not call.result.get("withdrawn")


def _finish(run: AgentRun, answer: Answer) -> bool:
    """Answer and end the run together; False when a message joined meanwhile.

    Lock order: conversation, run, then the stream and the audit head inside `reply`.
    """
    if selectors.is_stopped(run):
        answer = replace(answer, outcome=replace(answer.outcome, text="", error=""), stopped=True)
    with transaction.atomic():
        conversation = Conversation.objects.select_for_update().get(pk=run.conversation_id)
        held = AgentRun.objects.select_for_update().filter(pk=run.pk, fence=run.fence, state=State.RUNNING)
        current = held.first()
        if current is None:
            return True
        if answer.generation >= 0 and current.generation != answer.generation:
            return False
        made = _open_calls(current)
        if conversation.state != Conversation.State.AGENT:
            _settle(current, answer, made, code="taken_over")
        else:
            _speak(current, answer, made)
    return True


def _settle(
    run: AgentRun, answer: Answer, made: list[ToolCall], *, code: str = "", reply_id: UUID | None = None
) -> None:
    """Write how the run ended."""
    moment, outcome = clock_now(), answer.outcome
    waits = any(_waits(call) for call in made)
    ended = State.FAILED if outcome.error else State.WAITING if waits else State.FINISHED
    AgentRunMessage.objects.filter(run=run, answered_at=None).update(answered_at=moment)
    AgentRun.objects.filter(pk=run.pk).update(
        state=ended,
        agent_version=answer.version,
        rounds=run.rounds + outcome.rounds,
        input_tokens=run.input_tokens + outcome.usage.input_tokens,
        output_tokens=run.output_tokens + outcome.usage.output_tokens,
        error_code=code or outcome.error[:40],
        reply_id=reply_id or run.reply_id,
        lease_until=None,
        finished_at=moment,
    )


def _speak(run: AgentRun, answer: Answer, made: list[ToolCall]) -> None:
    """Say the answer (or the apology, or after a stop what was asked for), then hand over where that is due."""
    text = _with_signatures(_words(answer), made)
    reply_id = _say(run, answer.version, text, made) if text else None
    _settle(run, answer, made, code="stopped" if answer.stopped else "", reply_id=reply_id)
    reason = answer.outcome.error or next((c.result["hand_off"] for c in made if "hand_off" in c.result), "")
    if reason:
        conversations.hand_off(actor=system("agents"), conversation_id=run.conversation_id, reason=_code(reason))


def _words(answer: Answer) -> str:
    if answer.stopped:
        return ""
    return APOLOGY if answer.outcome.error else answer.outcome.text or APOLOGY


def _say(run: AgentRun, version: AgentVersion | None, text: str, made: list[ToolCall]) -> UUID:
    message = conversations.reply(
        actor=agent_actor(version),
        conversation_id=run.conversation_id,
        text=text,
        sender_type="agent",
        sender_id=version.agent_id if version else None,
        sender_name=version.agent.name if version else "",
        metadata=_metadata(run, version, made),
        client_id=answer_id(run),
    )
    return message.pk


def _metadata(run: AgentRun, version: AgentVersion | None, made: list[ToolCall]) -> dict[str, str]:
    """What goes with the answer: ids, so that a page can draw what was asked for."""
    asked = [call for call in made if _waits(call)]
    facts = {"run": str(run.id), "agent": version.agent.type if version else ""}
    if asked:
        facts |= {
            "approval_id": str(asked[0].approval_id),
            "reference": str(asked[0].result.get("reference", "")),
        }
    return facts


def _code(reason: str) -> str:
    """A failure's code in the form that a hand-off takes."""
    code = re.sub(r"[^a-z0-9_]", "_", reason.lower())[:40]
    return code if re.match(r"[a-z][a-z0-9_]", code) else "agent_failed"


def _with_signatures(text: str, made: list[ToolCall]) -> str:
    """An answer says what was asked for or taken back in it in our own words, each once, and fits a message.

    The model's words never stand in for ours, whatever they name: ours count only as a paragraph of their own.
    """
    told = list(dict.fromkeys(str(call.result["sentence"]) for call in made if call.result.get("reference")))
    text = _cut(text, settings.TEXT_LIMIT - sum(len(sentence) + len(GAP) for sentence in told))
    parts: list[str] = []
    for part in [*text.split(GAP), *told]:
        if part and not (part in told and part in parts):
            parts.append(part)
    return _cut(GAP.join(parts), settings.TEXT_LIMIT)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(room - 1, 0)].rstrip()}…"
