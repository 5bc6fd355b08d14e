"""Perform the calls of one round: check each, read beside each other, change one after another."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction

from agents.answering.tool_calls import call as running
from agents.answering.tool_calls import records, refusals
from agents.answering.tool_calls.arguments import problem_of, readable
from agents.answering.tool_calls.refusals import Refusal, ToolBroke
from agents.answering.tool_calls.results import as_line, tidy
from agents.answering.tools import registry
from agents.answering.tools.registry import Caller, Tool
from agents.llm.ports import Line, ToolRequest
from agents.models import AgentRun, ToolCall
from core.audit import chain
from core.audit.refusals import note_refusal
from core.errors import NotFound, Refused, Unavailable, WalkerError
from core.observability.logging import get_logger
from hitl.actions.base import Params
from hitl.services import note_refused_move
from integrations.calls.selectors import TIMED_OUT, Noted, note_calls

log = get_logger(__name__)
MAX_WISHES: Final = 12
"""For an answer, of calls that change something."""
SAME_FAILURES: Final = 3
State = ToolCall.State


@dataclass
class Calls:
    """The calls of one attempt at an answer: their caller, what was offered, and how many there were.

    `look` ends a turn that may not go on and returns the caller as they are now, `until` is the end of its time,
    `most` how many calls it may make, and `is_new` says that the run has recorded none yet. `glance` does as `look`,
    by what was read a moment ago: for what everybody may read. `restore` returns a call with the personal values that
    stand behind placeholders; they are never recorded.
    """

    run: AgentRun
    offered: Collection[str]
    look: Callable[[], Caller]
    until: float
    most: int
    is_new: bool = False
    glance: Callable[[], Caller] | None = None
    restore: Callable[[ToolRequest], ToolRequest] | None = None
    made: int = 0
    wishes: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass
class _Admitted:
    """A call that passed every check and now runs."""

    call: ToolCall
    tool: Tool
    arguments: Params
    caller: Caller
    noted: Noted = field(default_factory=Noted)
    wait: Callable[[float], dict[str, Any]] | None = None
    reading: running.Reading | None = None


def perform(requests: Sequence[ToolRequest], calls: Calls, number: int) -> list[Line]:
    """Perform the calls of one round, and return their lines in the order in which they were asked for.

    A model may ask for anything: each call is checked here, at the moment at which it is made, in this order:
    known, for the conversation's team, offered, audience and role of the caller now, the taint of the run, arguments,
    rate. What is refused is a row with a code, except for calls beyond the most of an answer. Readings from other
    systems run beside each other; then the other calls run in their order, each after another look at the turn.
    Raises `ToolBroke`, also in the third round with an equal failure, and what `look` raises.
    """
    wanted = [readable(request) for request in requests]
    lines: dict[int, Line] = {}
    for place, request in enumerate(wanted):
        if not request.name or calls.made >= calls.most:
            result = Refusal(refusals.TOO_MANY if request.name else refusals.UNKNOWN).result
            lines[place] = Line("tool", as_line(result), call_id=request.call_id, tool_name=request.name, result=result)
        calls.made += 1
    known = {request.name for request in wanted if registry.is_known(request.name)}
    outside = {name for name in known if registry.get(name).outside}
    from_outside = [place for place, request in enumerate(wanted) if place not in lines and request.name in outside]
    if from_outside:
        lines |= _read(wanted, from_outside, calls, number)
    for place, request in enumerate(wanted):
        if place not in lines:
            look = calls.glance if calls.glance and registry.is_public_reading(request.name) else calls.look
            lines[place] = _perform_one(request, look(), calls, number)
    found = [lines[place] for place in range(len(wanted))]
    failed = [line for line in found if "error" in line.result]
    for failure in {(line.tool_name, str(sorted(line.result.items()))) for line in failed}:
        calls.failures[failure] += 1
        if calls.failures[failure] >= SAME_FAILURES:
            raise ToolBroke(refusals.STUCK)
    return found


def _read(wanted: Sequence[ToolRequest], places: Sequence[int], calls: Calls, number: int) -> dict[int, Line]:
    """Start the readings of a round together, and wait for each."""
    caller = calls.look()
    lines: dict[int, Line] = {}
    started: dict[int, _Admitted] = {}
    # Beside others its row is stored at once: the rate counts rows, and two calls may come under one id.
    is_alone = len(places) == 1
    for place in places:
        request = wanted[place]
        call, repeated = _open(request, calls, number, is_alone=is_alone)
        if any(call.fingerprint == other.call.fingerprint for other in started.values()):
            continue
        if repeated and records.has_ended(call):
            lines[place] = records.line_again(call, request)
            continue
        admitted = _admit(call, request, caller, calls)
        if admitted is None:
            lines[place] = records.line_of(call, request)
            continue
        admitted.reading = running.Reading(admitted.tool, admitted.arguments, caller, call.pk, admitted.noted)
        admitted.wait = running.start(admitted.reading)
        started[place] = admitted
    broken: ToolBroke | None = None
    for place, admitted in started.items():
        try:
            _run(admitted, calls)
        except ToolBroke as problem:  # the others have run: their rows are closed first
            broken = broken or problem
            continue
        lines[place] = records.line_of(admitted.call, wanted[place])
    if broken:
        raise broken
    for place in places:  # the same wish twice in one round
        if place not in lines:
            call, _ = _open(wanted[place], calls, number)
            lines[place] = records.line_of(call, wanted[place])
    return lines


def _open(request: ToolRequest, calls: Calls, number: int, *, is_alone: bool = True) -> tuple[ToolCall, bool]:
    """Return the row of a call and whether it existed; one that only reads, alone, is stored when it has ended."""
    is_late = is_alone and registry.is_known(request.name) and registry.get(request.name).only_reads
    is_first, calls.is_new = calls.is_new, False
    return records.open_call(calls.run, request, number, is_first=is_first, is_late=is_late)


def _perform_one(request: ToolRequest, caller: Caller, calls: Calls, number: int) -> Line:
    call, repeated = _open(request, calls, number)
    if repeated and records.has_ended(call):
        return records.line_again(call, request)
    admitted = _admit(call, request, caller, calls)
    if admitted:
        _run(admitted, calls)
    return records.line_of(call, request)


def _admit(call: ToolCall, request: ToolRequest, caller: Caller, calls: Calls) -> _Admitted | None:
    """Return the call with its tool and arguments, or close its row with the reason why it is not made."""
    try:
        tool = _tool_for(request, caller, calls)
        return _Admitted(call, tool, _arguments_for(tool, call, request, caller, calls), caller)
    except Refusal as refusal:
        failed = refusal.code == refusals.BAD_ARGUMENTS
        note_refusal(
            refusals.WATCHED,
            Refused(refusal.result["detail"], code=refusal.code),
            actor=registry.requester_through(caller),
            object_id=call.pk,
            move=call.name,
            channel=caller.channel,
        )
        records.close_call(call, State.FAILED if failed else State.REFUSED, refusal.result)
        return None


def _tool_for(request: ToolRequest, caller: Caller, calls: Calls) -> Tool:
    """Return the tool if this caller may use it now. Raises `Refusal`."""
    if not registry.is_known(request.name):
        raise Refusal(refusals.UNKNOWN)
    tool = registry.get(request.name)
    if request.name in caller.other_teams:
        raise Refusal(refusals.OTHER_TEAM)
    if request.name not in calls.offered or not tool.allows(caller):
        raise Refusal(refusals.NOT_OFFERED)
    if tool.acting or tool.changes:
        calls.wishes += 1
        if calls.wishes > MAX_WISHES:
            raise Refusal(refusals.TOO_MANY_WISHES)
        if records.has_read_foreign_text(calls.run):
            raise Refusal(refusals.TAINTED)
    return tool


def _arguments_for(tool: Tool, call: ToolCall, request: ToolRequest, caller: Caller, calls: Calls) -> Params:
    """Return the arguments as the tool reads them, if it may run once more. Raises `Refusal`."""
    restored = calls.restore(request) if calls.restore else request
    problem = restored.error or problem_of(restored.arguments, largest=tool.largest)
    if problem:
        raise Refusal(refusals.BAD_ARGUMENTS, problem)
    try:
        arguments = tool.read(restored.arguments)
    except ValueError as wrong:
        raise Refusal(refusals.BAD_ARGUMENTS, f"Check these fields: {wrong}.") from None
    if tool.per_hour and records.count_within_hour(call, calls.run, registry.keys_counted_with(tool)) >= tool.per_hour:
        raise Refusal(refusals.TOO_OFTEN)
    if code := records.count_beyond_conversations(tool, caller):
        raise Refusal(code)
    return arguments


def _run(admitted: _Admitted, calls: Calls) -> None:
    """Run a call and close its row. A failure that the model can react to is a result. Raises `ToolBroke`."""
    call, tool = admitted.call, admitted.tool
    began = time.monotonic()
    try:
        if admitted.wait:
            result = tidy(admitted.wait(calls.until - time.monotonic()))
        else:
            with note_calls(admitted.noted):
                result = tool.call(admitted.arguments, caller=admitted.caller, call_id=call.pk)
        state = State.DONE
    except Refusal as late:
        state, result = State.FAILED, late.result
    except Unavailable as error:
        if error.code.endswith(TIMED_OUT):  # the answer goes on without it, and no call waits for that system again
            _close(admitted, State.FAILED, Refusal(refusals.TIMEOUT).result, began)
            return
        _close(admitted, State.FAILED, {"error": error.code, records.BROKE: True}, began)
        raise ToolBroke(error.code) from error
    except WalkerError as error:
        if not isinstance(error, NotFound):  # a reference that a person mistyped is no attempt
            actor = registry.requester_through(admitted.caller)
            note_refused_move(
                error, actor=actor, approval_id=admitted.call.approval_id, move=admitted.tool.key, channel="chat"
            )
        state = State.REFUSED if error.code in refusals.MAY_PASS else State.FAILED
        result = refusals.problem_of_tool(error, admitted.arguments)
    except Exception as error:
        # The boundary to outside services: any failure still gets the person an answer.
        log.exception("tool_broke", tool=tool.key, call=str(call.pk))
        _close(admitted, State.FAILED, {"error": "tool_failed", records.BROKE: True}, began)
        raise ToolBroke("tool_failed") from error
    _close(admitted, state, result, began)


def _close(admitted: _Admitted, state: ToolCall.State, result: dict[str, Any], began: float) -> None:
    took, reading = int((time.monotonic() - began) * 1000), admitted.reading
    facts: dict[str, Any] = {
        "milliseconds": took,
        "attempts": reading.attempts if reading else 1,
        "is_cached": bool(reading and reading.is_cached),
        "is_foreign": bool(result.get("foreign")),
    }
    if not admitted.tool.counted_as:
        records.close_call(admitted.call, state, result, **facts)
        return
    with transaction.atomic():  # no call of the hub is closed without its entry
        records.close_call(admitted.call, state, result, **facts)
        chain.record_all([records.entry_of(admitted.call, admitted.caller, admitted.noted)])
