"""Execute a run: rounds until there is an answer, then reply and finish in one transaction."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from agents.answering import selectors, tool_calls
from agents.answering.guardrails import LOW, Checked, Confidence, Grounds, Held, check_answer, doubt
from agents.answering.guardrails.answer import may_act
from agents.answering.guardrails.judged import has_judge
from agents.answering.guardrails.screen import CLAIM, screen
from agents.answering.routing.choice import PERSON, REASONS
from agents.answering.routing.turn import choose_for_run
from agents.answering.runs import events, lease, outcomes
from agents.answering.runs.batches import is_burst_under_way
from agents.answering.runs.redacted import Redaction
from agents.answering.runs.remembered import Memory
from agents.answering.runs.reply import GAP, Speaker, agent_actor, answer_id, cut, with_request_sentences
from agents.answering.runs.understood import keep_reading, look_at, note_said, noted_for, read_messages, recall_for
from agents.answering.runs.watch import Ended, Halted, TooSlow, Watch, WatchedModel
from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Caller
from agents.knowledge.search import citations
from agents.llm import registry
from agents.llm.ports import ANSWER_CUT, TOO_SLOW, Emit, Line, RunContext, RunOutcome, ToolRequest, Usage
from agents.llm.routes.availability import asks_network
from agents.llm.routes.calls import Place, open_model, step_up
from agents.llm.routes.candidates import LOCAL
from agents.models import AgentRun, AgentVersion, ToolCall
from agents.selectors import tools_of
from conversations import services as conversations
from conversations.models import Conversation
from conversations.services import Draft, Sender
from core.actors import system
from core.clock import now as clock_now
from core.errors import WalkerError
from core.events import streams
from core.observability.logging import get_logger
from core.reach.gate import NotReachable
from core.text.speech import gettext, speaking
from integrations.calls.selectors import wait_once_each

log = get_logger(__name__)
TURN_SECONDS = 60.0
"""For a whole turn: all rounds of model and tools, until its reply. The worker's own limits stand behind it."""
MAX_ROUNDS = 6
MAX_CALLS = 50  # per answer: a model that never stops calling would flood the approvers
MAX_TABLES = 2
MAX_REDOS = 40  # more messages than a guest may write while they still join a run
MAX_ATTEMPTS = 3
MAX_APOLOGIES = 3  # further attempts in which even the apology could not be sent
OBJECTION: Final = (
    "\n\nYour last answer was not sent: it said that something was done, decided or under way, and no record shows "
    "it. You change nothing yourself. Answer without saying so; Walker itself tells the person what was requested and "
    "what came of it."
)
"""What a model reads in addition when it is asked once more."""
SHOWS_SOURCES: Final = frozenset({"webchat", "app"})
"""Channels that show sources beside a message; elsewhere they stand below its text."""
COLUMNS_TOLD: Final = ("tenant_id", "approval_id", "result", "name", "state", "code", "milliseconds", "is_cached")
"""What the end of a run needs of its calls."""
State = AgentRun.State


@dataclass(frozen=True)
class Answer:
    """The result of a round.

    It is the answer or a failure, and the agent version that produced it.
    When `ended`, only requests that were already made are reported; the code says why. With `asks_person` a rule
    leaves it to a person, and nothing is said.
    `draft` is what the model wrote and the gate stopped. With `asked_back` our own question takes its place. With
    `is_silent` nothing is said: it was only thanks.
    """

    outcome: RunOutcome
    generation: int
    version: AgentVersion | None = None
    ended: str = ""
    draft: str = ""
    confidence: Confidence | None = None
    asked_back: bool = False
    mended: tuple[str, ...] = ()
    asks_person: bool = False
    alarm: str = ""
    """Why a person has to see what the customer wrote, who reads our own words instead of an answer."""
    is_silent: bool = False


class Overtaken(Exception):
    """An answer that may not be sent: another worker has the run, or a further message joined it."""


class NeedsModelWorker(Exception):
    """This run asks a model over a network, which this worker may not wait for: it is queued again."""


def run_turn(run_id: UUID, *, now: datetime | None = None, may_wait: bool = True) -> UUID | None:
    """Execute a due run and return the conversation's next queued run, if any.

    It is the same one while more messages of its burst are on their way: to be tried again soon.
    For workers only. Does nothing while another worker has this run or another run of the
    conversation. Every failure ends with a hand-off to a person and a message to the customer.
    Unless it `may_wait`, a run whose model is asked over a network is queued again, and `NeedsModelWorker` is raised.
    """
    run = lease.claim(run_id, now=now)
    if run is None:
        return None
    if run.trigger != AgentRun.Trigger.MESSAGE:
        outcomes.report_outcome(run)
    elif is_burst_under_way(run, now=now) and lease.put_back(run, now=now):
        return run_id
    elif run.fence > MAX_ATTEMPTS + MAX_APOLOGIES + run.generation:
        outcomes.give_up(run, outcomes.LOST)
    elif run.fence > MAX_ATTEMPTS + run.generation:
        _finish(run, Answer(RunOutcome("", 0, error="crashed"), run.generation))
    else:
        try:
            with wait_once_each():
                _answer_messages(run, may_wait=may_wait)
        except NeedsModelWorker:
            lease.put_back(run, now=now, wait=timedelta(0))
            raise
    return lease.next_queued(run.conversation_id)


def _answer_messages(run: AgentRun, *, may_wait: bool) -> None:
    """Repeat rounds until an answer covers every message that has joined.

    Once more if it was cut, and once more, with a strong model if there is one, if a light one's answer was stopped or
    it claimed what no record shows.
    """
    speaker, watch = Speaker(run.conversation_id, run.id), Watch(run, TURN_SECONDS)
    was_cut, objection = False, ""
    speaker.typing(True)
    try:
        for number in range(MAX_REDOS):
            if number:
                if not lease.renew(run):
                    return
                run.refresh_from_db(fields=["generation"])
            is_first = run.fence == 1 and not number
            answer = _round(run, speaker, watch, is_first=is_first, may_wait=may_wait, objection=objection)
            is_cut, claims = answer.outcome.error == ANSWER_CUT, answer.outcome.error == CLAIM and not objection
            asks_again = (is_cut and not was_cut) or (bool(answer.draft) and (step_up(run) or claims))
            objection = objection or (OBJECTION if claims else "")
            if not asks_again and _finish(run, _asking_back(run, answer), watch):
                return
            was_cut = was_cut or is_cut
            speaker.restart()
        _finish(run, Answer(RunOutcome("", 0, error="no_pause"), -1))
    finally:
        speaker.typing(False)


def _round(
    run: AgentRun, speaker: Speaker, watch: Watch, *, is_first: bool, may_wait: bool, objection: str = ""
) -> Answer:
    """Let the orchestrator answer all messages that have joined so far."""
    # Read before the messages, by the claim or the loop: if another one joins in between, the round is repeated.
    generation = run.generation
    standing = selectors.read_standing(run)
    transcript = selectors.read_transcript(run, standing.inputs)
    found = read_messages(standing, transcript)
    choice = choose_for_run(run, standing, transcript, found)
    run.chosen_by, version = choice.as_document(), choice.version
    if version is None:
        keep_reading(run, standing, found)  # triage may sort by it
        error = "" if choice.code == PERSON else REASONS[choice.code]
        return Answer(RunOutcome("", 0, error=error), generation, asks_person=not error)
    if not may_wait and asks_network(version):
        raise NeedsModelWorker
    look = look_at(standing, transcript)
    if look.alarm or look.is_courtesy:
        keep_reading(run, standing, found)
        return Answer(RunOutcome("", 0), generation, version, alarm=look.alarm, is_silent=not look.alarm)
    done, ended = () if is_first else tool_calls.list_recorded(run), ""
    try:
        keep_reading(run, standing, found)
        grounds = doubt.grounds_of(version)
        grounds.take([*transcript.lines, *done])
        is_judged = has_judge(version)
        is_ours, place = version.model == LOCAL, (speaker.emit, version.prompt, grounds.holds)
        held = Held(*place, is_judged=is_judged, is_ours=is_ours, acts=may_act(version), talk=found.language)
        memory = Memory()
        with speaking(found.language, standing.contact_language):
            outcome = _orchestrate(
                run, version, standing, transcript, done, watch, held, grounds, memory, objection, is_new=is_first
            )
            if is_judged:
                watch.glance()
            checked = check_answer(run, version, outcome, grounds, until=watch.until)
        memory.keep(run, checked.outcome)
    except Ended as end:
        speaker.restart()
        checked, ended = Checked(RunOutcome("", 0)), end.code
    except Halted as halt:
        speaker.restart()
        checked = Checked(RunOutcome("", 0, error=halt.code))
    except (TooSlow, SoftTimeLimitExceeded):
        log.warning("run_too_slow", run=str(run.pk))
        checked = Checked(RunOutcome("", 0, error=TOO_SLOW))
    except tool_calls.ToolBroke as broken:
        checked = Checked(RunOutcome("", 0, error=str(broken)))
    except WalkerError as error:
        checked = Checked(RunOutcome("", 0, error=error.code))
    except Exception:
        # The task's boundary: the customer always gets an answer.
        log.exception("run_broke", run=str(run.pk))
        checked = Checked(RunOutcome("", 0, error="run_broke"))
    speaker.flush()
    draft, confidence, mended = checked.draft, checked.confidence, checked.mended
    # Only what was read answers what somebody lost or wants to bargain for.
    is_answered = bool(checked.outcome.sources or checked.outcome.error or ended) or version.model not in doubt.OURS
    alarm = "" if is_answered else look.worry
    return Answer(checked.outcome, generation, version, ended, draft, confidence, mended=mended, alarm=alarm)


def _orchestrate(
    run: AgentRun,
    version: AgentVersion,
    standing: selectors.Standing,
    transcript: selectors.Transcript,
    done: Sequence[Line],
    watch: Watch,
    emit: Emit,
    grounds: Grounds,
    memory: Memory,
    objection: str,
    *,
    is_new: bool,
) -> RunOutcome:
    """Ask the model and call its tools; a new run has recorded no call yet."""
    watch.look(standing)
    note_said(version, standing, transcript)
    # The built-in model reads masks in this process; all others get placeholders, which go back into arguments.
    caller = selectors.caller_of(run, version, standing)
    watch.follow(caller)
    is_networked = version.model in registry.networked_models()
    hidden = None
    if is_networked:
        noted = noted_for(run, caller, standing)
        hidden = Redaction(run, transcript, recall_for(version, caller, standing), noted)
    offered = tools.offered([*tools_of(version), *tools.FOR_EVERY_AGENT], caller)
    names = {tool.key for tool in offered}
    context = RunContext(
        run_id=run.id,
        prompt=f"{version.prompt}{objection}",
        lines=(*hidden.lines, *map(hidden.redact, done)) if hidden else (*transcript.lines, *done),
        tools=tuple(tool.spec() for tool in offered),
        max_rounds=MAX_ROUNDS,
        version_id=version.pk,
        until=watch.until,
        look=watch.look,
        glance=watch.glance,
    )
    run.agent_version = version
    if hidden and is_new:
        known = memory.find(caller, version, transcript.lines, hidden.lines)
        if known.text:
            return known

    def look_again() -> Caller:
        """Look whether the turn may go on, and read the caller again: their membership may have ended by now."""
        fresh = selectors.read_standing(run)
        watch.look(fresh)
        return selectors.caller_of(run, version, fresh)

    def glance() -> Caller:
        """Return the caller at the beginning, for what everybody may read; a look of a moment ago counts."""
        watch.glance()
        return caller

    calls = tool_calls.Calls(
        run=run,
        offered=names,
        look=look_again,
        glance=glance,
        until=watch.until,
        most=MAX_CALLS,
        is_new=is_new,
        restore=hidden.restore if hidden else None,
    )

    def call_tools(requests: Sequence[ToolRequest], number: int) -> list[Line]:
        lines = tool_calls.perform(requests, calls, number)
        grounds.take(lines)
        return [hidden.redact(line) for line in lines] if hidden else lines

    place = Place(run_id=run.pk, agent_id=version.agent_id, channel=caller.channel)
    model = WatchedModel(open_model(version, place), watch)
    orchestrator = registry.get_orchestrator(version.orchestrator, model)
    if hidden is None:
        return orchestrator.run(context, call_tools=call_tools, emit=emit)
    return hidden.finish(orchestrator.run(context, call_tools=call_tools, emit=hidden.emit(emit)))


def _is_waiting(call: ToolCall) -> bool:
    return call.approval_id is not None and not call.result.get("withdrawn")


def _finish(run: AgentRun, answer: Answer, watch: Watch | None = None) -> bool:
    """Send the answer and finish the run together, or neither if the answer is overtaken.

    Returns False when a message joined in the meantime.
    Lock order: the conversation, the heads of streams, the run, the audit head inside a hand-off.
    """
    try:
        with transaction.atomic():
            _end(run, answer, watch)
    except (Overtaken, IntegrityError) as problem:
        if not lease.held(run).exists():
            # Another worker has it, and perhaps sent its answer, which refuses a second one with the same id.
            return True
        if isinstance(problem, IntegrityError):
            raise
        return False
    return True


def _end(run: AgentRun, answer: Answer, watch: Watch | None) -> None:
    """Send the answer and record the end, in the caller's transaction. Raises `Overtaken`."""
    conversation = conversations.lock_conversation(run.conversation_id, actor=None)
    ended_calls = ToolCall.objects.filter(run=run).exclude(state=ToolCall.State.RUNNING)
    if run.finished_at:  # since the run's last answer
        ended_calls = ended_calls.filter(created_at__gt=run.finished_at)
    calls = list(ended_calls.only(*COLUMNS_TOLD).order_by("id"))
    # Read under the lock: nobody takes over or closes it between this look and the reply.
    ended = selectors.ENDS.get(conversation.state, "") or ("stopped" if selectors.is_stopped(run) else answer.ended)
    if conversation.state != Conversation.State.AGENT:
        streams.append_all(_told(run, answer, calls, ended))
        _record_end(run, answer, calls, code=ended)
        return
    if ended:
        # The customer asked for silence, or somebody had it in between: a failure is no news then either.
        answer = replace(answer, outcome=replace(answer.outcome, text="", error=""), ended=ended)
    elif watch and not answer.outcome.error and (halt := watch.last_look()):
        outcome = replace(answer.outcome, text="", error=halt, sources=())
        answer = replace(answer, outcome=outcome, confidence=None, asked_back=False)
    with speaking(conversation.spoken_language):
        _reply(run, conversation, answer, calls)


def _reply(run: AgentRun, conversation: Conversation, answer: Answer, calls: list[ToolCall]) -> None:
    """Send the answer, or the apology, or after an end only what was requested, in the locked conversation.

    Then hand off if needed.
    """
    made = _done(calls)
    words = "" if answer.ended or answer.asks_person or answer.is_silent else _words(answer)
    text, version, reply_id = with_request_sentences(words, made), answer.version, None
    is_answer = bool(words) and not answer.outcome.error
    named = citations.read_sources((s.number, s.passage_id) for s in answer.outcome.sources)
    sources = named if is_answer and not answer.asked_back else []
    if sources and conversation.channel_account.kind not in SHOWS_SOURCES:
        listed = citations.as_lines(sources, lambda title: screen(title).text)
        text = f"{cut(text, settings.TEXT_LIMIT - len(listed) - len(GAP))}{GAP}{listed}"
    asked_for = next((c.result["hand_off"] for c in made if "hand_off" in c.result), "")
    reason = answer.outcome.error or (REASONS[PERSON] if answer.asks_person else answer.alarm or asked_for)
    if reason:
        conversations.hold_streams(conversation)
    if text:
        # Ids by which a page can show what was requested.
        facts: dict[str, Any] = {"run": str(run.id), "agent": version.agent.type if version else ""}
        # Tables are drawn from what our tools read, never from what a model wrote.
        tables = [call.result["figures"] for call in made if "figures" in call.result]
        if words and not answer.outcome.error and tables:
            facts["figures"] = tables[-MAX_TABLES:]
        if waiting := next((call for call in made if _is_waiting(call)), None):
            facts |= {"approval_id": str(waiting.approval_id), "reference": str(waiting.result.get("reference", ""))}
        if sources:
            facts["sources"] = citations.facts_of(sources)
        try:
            reply_id = conversations.reply(
                actor=agent_actor(version),
                conversation_id=run.conversation_id,
                draft=Draft(
                    text=text,
                    metadata=facts,
                    confidence=answer.confidence.value if answer.confidence else None,
                    client_id=answer_id(run),
                    sender=Sender(
                        type="agent",
                        id=version.agent_id if version else None,
                        name=version.agent.name if version else "",
                    ),
                ),
                locked=conversation,
                also=_told(run, answer, calls, answer.ended),
                # The first worker that has a run can't find an answer of an earlier one.
                may_be_repeat=run.fence > 1 or run.finished_at is not None,
            ).pk
            if sources:
                citations.record_citations(reply_id, sources)
        except NotReachable as refused:
            streams.append_all(_told(run, answer, calls, refused.code))
            _record_end(run, answer, calls, code=refused.code)
            return
    else:
        streams.append_all(_told(run, answer, calls, answer.ended))
    _record_end(run, answer, calls, code=answer.ended, reply_id=reply_id)
    if reason:
        code = re.sub(r"[^a-z0-9_]", "_", reason.lower())[:40]
        code = code if re.match(r"[a-z][a-z0-9_]", code) else "agent_failed"
        if answer.draft and answer.outcome.error:
            conversations.suggest_reply(
                actor=agent_actor(version),
                conversation_id=run.conversation_id,
                text=cut(answer.draft, settings.TEXT_LIMIT),
                reason=answer.outcome.error,
                confidence=answer.confidence.value if answer.confidence else None,
                sources=citations.facts_of(named),
                run_id=run.pk,
            )
        conversations.hand_off(actor=system("agents"), conversation_id=run.conversation_id, reason=code)


def _words(answer: Answer) -> str:
    """Return what the customer reads: the answer, our question, or our own words for why there is no answer."""
    if answer.asked_back:
        return doubt.question()
    if answer.alarm and not answer.outcome.error:
        return doubt.alarmed(answer.alarm)
    if answer.outcome.error in REASONS.values():
        return gettext(doubt.COLLEAGUE)
    said = "" if answer.outcome.error else answer.outcome.text
    return said or doubt.instead(answer.outcome.error)


def _asking_back(run: AgentRun, answer: Answer) -> Answer:
    """Return our question for other words in the place of an answer with too little confidence; once in a row."""
    if answer.outcome.error != LOW or doubt.has_asked_back(run):
        return answer
    outcome = replace(answer.outcome, text="", error="", sources=())
    return replace(answer, outcome=outcome, draft="", asked_back=True)


def _done(calls: list[ToolCall]) -> list[ToolCall]:
    return [call for call in calls if call.state == ToolCall.State.DONE]


def _state_of(answer: Answer, calls: list[ToolCall]) -> AgentRun.State:
    waits = any(_is_waiting(call) for call in _done(calls))
    return State.FAILED if answer.outcome.error else State.WAITING if waits else State.FINISHED


def _told(run: AgentRun, answer: Answer, calls: list[ToolCall], code: str) -> list[streams.NewEvent]:
    """Return the events of a run that ends; they are written with its reply where it has one."""
    outcome = answer.outcome
    return events.events_of(
        run,
        answer.version,
        calls,
        state=_state_of(answer, calls),
        code=code or outcome.error,
        used=(outcome.rounds, outcome.usage.input_tokens, outcome.usage.output_tokens),
        asked_back=answer.asked_back,
    )


def _record_end(
    run: AgentRun, answer: Answer, calls: list[ToolCall], *, code: str = "", reply_id: UUID | None = None
) -> None:
    """Record how the run ended, if it is still this worker's and no message joined. Raises `Overtaken`."""
    moment, outcome, ended = clock_now(), answer.outcome, _state_of(answer, calls)
    usage = Usage(run.input_tokens, run.output_tokens).plus(outcome.usage)
    # No message joins between this and the commit: taking one waits for the conversation.
    held = lease.held(run)
    if answer.generation >= 0:
        held = held.filter(generation=answer.generation)
    recorded = held.update(
        state=ended,
        answered=F("generation"),
        agent_version=answer.version,
        rounds=run.rounds + outcome.rounds,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        error_code=code or outcome.error[:40],
        confidence=answer.confidence.value if answer.confidence else None,
        confidence_factors=answer.confidence.as_document() if answer.confidence else {},
        asked_back=answer.asked_back,
        chosen_by=run.chosen_by,
        mended=list(answer.mended),
        redacted=dict(outcome.redacted),
        reply_id=reply_id or run.reply_id,
        lease_until=None,
        finished_at=moment,
    )
    if not recorded:
        raise Overtaken
    events.note_end(run, ended, code)
