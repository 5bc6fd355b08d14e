"""Let one version of an agent answer without a conversation: the same model, loop and gate, and no effect."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from agents.answering.guardrails import LOW, Confidence, Grounds, doubt
from agents.answering.guardrails.answer import may_act, records_of
from agents.answering.guardrails.judged import clear, has_judge
from agents.answering.guardrails.screen import screen
from agents.answering.runs.redacted import open_vault
from agents.answering.tool_calls.refusals import ToolBroke
from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Caller
from agents.knowledge.search import citations
from agents.langflow.connection import FLOW
from agents.llm import registry
from agents.llm.ports import TOO_SLOW, Emit, Line, Model, RunContext, RunOutcome, ToolRequest, ToolSpec, Turn
from agents.llm.routes.calls import Place, open_model
from agents.llm.routes.candidates import LOCAL
from agents.llm.routes.models import ModelCall
from agents.models import AgentVersion
from agents.privacy import Vault
from agents.selectors import tools_of
from agents.studio.trials import flow
from agents.studio.trials.calls import OutOfTime, Step, TrialCalls, offered_in_trial
from conversations.models import Conversation
from conversations.selectors import names_in_conversation
from core.actors import Actor
from core.errors import Conflict, WalkerError
from core.observability.logging import get_logger
from core.privacy.pii import mask_numbers, mask_text
from core.privacy.visible_text import visible
from core.text.languages import language_of_talk
from core.text.speech import speaking

log = get_logger(__name__)
MOST_ROUNDS: Final = 6
SECONDS: Final = 40.0
"""For a whole answer."""
BUILTIN: Final = "builtin"
GAP: Final = "\n\n"


@dataclass(frozen=True)
class Answered:
    """What an agent would have answered, and how it came to it. Everything in it is masked."""

    text: str = ""
    stopped: str = ""
    """What the model wrote, hidden characters marked, if something else would have been sent."""
    steps: tuple[Step, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    confidence: float | None = None
    error: str = ""
    rounds: int = 0
    milliseconds: int = 0

    @property
    def brings_person(self) -> bool:
        """Return True if a colleague would have got the conversation: on request, or after a failure."""
        return bool(self.error) or any("hand_off" in step.result for step in self.steps)


class _TimedModel(Model):
    """A model that is asked only while there is time."""

    def __init__(self, model: Model, until: float) -> None:
        self.key = model.key
        self._model, self._until = model, until

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        if time.monotonic() >= self._until:
            raise OutOfTime
        self._model.until = self._until
        return self._model.turn(lines, tools, prompt=prompt, emit=emit)


def answer(
    version: AgentVersion,
    caller: Caller,
    lines: Sequence[Line],
    *,
    viewer: Actor,
    trial_id: UUID,
    watch: Callable[[Sequence[Step]], None] | None = None,
    conversation_id: UUID | None = None,
) -> Answered:
    """Let a version answer the lines; nothing is stored but the calls of its model, which count under budgets.

    `watch` gets the steps so far after each one; those of a flow are known at its end. Of a past conversation, given by
    its id, a model over a network gets placeholders for what is kept of its contact. Raises `Conflict` ("cannot_try")
    for an agent whose head is neither ours nor a flow.
    """
    check_can_try(version)
    began = time.monotonic()
    vault = None
    if version.model in registry.networked_models():
        vault = open_vault(conversation_id, [line.text for line in lines]) if conversation_id else Vault()
    offered = offered_in_trial([*tools_of(version), *tools.FOR_EVERY_AGENT], caller)
    calls = TrialCalls(
        caller=caller,
        viewer=viewer,
        offered={tool.key: tool for tool in offered},
        until=began + SECONDS,
        vault=vault,
        watch=watch,
    )
    # Placeholders for a model over a network, masks for the built-in one.
    spoken = tuple(
        replace(line, text=vault.redact(line.text, is_own=line.role == "user") if vault else mask_text(line.text))
        for line in lines
    )
    context = RunContext(
        run_id=trial_id,
        prompt=version.prompt,
        lines=spoken,
        tools=tuple(tool.spec() for tool in offered),
        max_rounds=MOST_ROUNDS,
    )
    grounds = doubt.grounds_of(version)
    grounds.take(lines)
    stopped, confidence = "", None
    known = Conversation.objects.filter(pk=conversation_id).values_list("contact__language", flat=True)
    told = language_of_talk([line.text for line in lines if line.role == "user"])
    with speaking(told, (known.first() if conversation_id else "") or ""):
        outcome = _run(version, context, calls, grounds)
        if vault:
            outcome = replace(outcome, text=vault.show(outcome.text))
        if not outcome.error:
            place = Place(ModelCall.Purpose.JUDGING, agent_id=version.agent_id, trial_id=trial_id)
            outcome, stopped, confidence = _checked(
                version, outcome, calls.steps, grounds, place=place, conversation_id=conversation_id
            )
        if outcome.error == LOW:
            outcome = _in_doubt(outcome, lines)
    sources = citations.read_sources((each.number, each.passage_id) for each in outcome.sources)
    # With our own sentence for each request that would have been made.
    ours = dict.fromkeys(str(step.result["sentence"]) for step in calls.steps if step.kind == "asks")
    parts = [*filter(None, [outcome.text]), *(sentence for sentence in ours if sentence not in outcome.text)]
    # The organisation's own people and streets stay, as for a customer.
    hide = partial(mask_text, own=names_in_conversation(conversation_id)) if conversation_id else mask_numbers
    return Answered(
        text=hide(GAP.join(parts)),
        stopped=visible(mask_text(stopped)),
        steps=tuple(calls.steps),
        sources=tuple(citations.facts_of(sources)) if sources and not outcome.error else (),
        confidence=None if confidence is None else confidence.value / 100,
        error=outcome.error,
        rounds=outcome.rounds,
        milliseconds=int((time.monotonic() - began) * 1000),
    )


def check_can_try(version: AgentVersion) -> None:
    """Raise `Conflict` ("cannot_try") if the calls of a version's head do not all go through a trial."""
    if version.orchestrator != (FLOW if version.flow else BUILTIN):
        raise Conflict("This agent is led by another system, which can't be tried without effect.", code="cannot_try")


def _run(version: AgentVersion, context: RunContext, calls: TrialCalls, grounds: Grounds) -> RunOutcome:
    """Run the loop; every failure is an outcome, as it is for a customer."""

    def call_tools(requests: Sequence[ToolRequest], number: int) -> list[Line]:
        found = calls(requests, number)
        grounds.take(found)
        return found

    place = Place(purpose=ModelCall.Purpose.TRIAL, agent_id=version.agent_id, trial_id=context.run_id)
    try:
        if version.flow:
            return flow.ask(version, calls, context.lines)
        model = _TimedModel(open_model(version, place), calls.until)
        orchestrator = registry.get_orchestrator(version.orchestrator, model)
        return orchestrator.run(context, call_tools=call_tools, emit=lambda _: None)  # nobody listens
    except OutOfTime:
        return RunOutcome("", 0, error=TOO_SLOW)
    except ToolBroke as broken:
        return RunOutcome("", 0, error=str(broken)[:40])
    except WalkerError as error:
        return RunOutcome("", 0, error=error.code[:40])
    except Exception:
        # The boundary to models and tools: the person who tries an agent sees that it broke, not a page of errors.
        log.exception("trial_broke", trial=str(context.run_id))
        return RunOutcome("", 0, error="run_broke")


def _checked(
    version: AgentVersion,
    outcome: RunOutcome,
    steps: Sequence[Step],
    grounds: Grounds,
    *,
    place: Place,
    conversation_id: UUID | None,
) -> tuple[RunOutcome, str, Confidence | None]:
    """Return the outcome as the gate would let it out, the text that it stopped or mended, and the confidence."""
    records = records_of([step.result for step in steps])
    is_ours, acts = version.model == LOCAL, may_act(version)
    heard = grounds.heard()
    talk = language_of_talk(heard)
    verdict = screen(outcome.text, prompt=version.prompt, records=records, is_ours=is_ours, acts=acts, talk=talk)
    if has_judge(version):
        verdict = clear(verdict, records, heard, place=place, conversation_id=conversation_id)
    if verdict.problem:
        return replace(outcome, text="", error=verdict.problem, sources=()), verdict.text, None
    text, confidence = verdict.text.strip(), grounds.measure(outcome, is_mended=bool(verdict.mended))
    if grounds.is_low(confidence) and not any(step.kind == "asks" for step in steps):
        return replace(outcome, text="", error=LOW, sources=()), text, confidence
    written = outcome.text if verdict.mended else ""
    return replace(outcome, text=text, error="" if text else "empty_answer"), written, confidence


def _in_doubt(outcome: RunOutcome, lines: Sequence[Line]) -> RunOutcome:
    """Return what the customer would read: once our question for other words, then that a colleague answers."""
    before = next((line.text for line in reversed(lines) if line.role == "assistant"), "")
    if doubt.is_question(before):
        return replace(outcome, text=doubt.instead(LOW))
    return replace(outcome, text=doubt.question(), error="")
