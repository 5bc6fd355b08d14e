"""The rows of calls: one for each wish of a run, written before it runs and when it has ended."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q
from redis import RedisError

from agents.answering.tool_calls.refusals import (
    BAD_ARGUMENTS,
    NOT_COUNTED,
    TIMEOUT,
    TOO_OFTEN_FOR_AGENT,
    TOO_OFTEN_FOR_CONTACT,
)
from agents.answering.tool_calls.results import as_line
from agents.answering.tools.registry import Caller, Tool, requester_through
from agents.llm.ports import Line, ToolRequest
from agents.models import AgentRun, ToolCall
from conversations.selectors import names_in_conversation
from core.audit.chain import Fact
from core.clock import now
from core.privacy.pii import mask_text
from core.reliability.rate_limit import count_up
from core.tenancy.scope import current_tenant_id
from integrations.calls.selectors import Noted

State = ToolCall.State
BROKE: Final = "broke"
CALLED: Final = "OUTSIDE_CALL_MADE"
DURATIONS: Final = ((1, "under_1s"), (5, "under_5s"), (15, "under_15s"))
HOUR: Final = timedelta(hours=1)


def open_call(
    run: AgentRun, request: ToolRequest, number: int, *, is_first: bool, is_late: bool
) -> tuple[ToolCall, bool]:
    """Return the row of this call and whether it existed.

    Within a run the same wish is the same row. `is_first` says that the run has recorded no call yet; a call that
    `is_late` is stored when it has ended: after a crash it may simply be made again.
    """
    content = [request.name, dict(request.arguments), request.error]
    canonical = json.dumps(content, sort_keys=True, default=str)
    wish = hashlib.sha256(canonical.encode()).hexdigest()
    call_id = request.call_id[:64] or f"round-{number}"
    stored = ToolCall.objects.filter(Q(fingerprint=wish) | Q(call_id=call_id), run=run)
    made = [] if is_first else list(stored)
    same = next((call for call in made if call.fingerprint == wish), None)
    if same:
        return same, True
    names = names_in_conversation(run.conversation_id) if request.arguments else ()
    call = ToolCall(
        run=run,
        fingerprint=wish,
        call_id=f"{call_id}~{wish[:12]}" if made else call_id,
        name=request.name[:60],
        # Masked and cut to size: the real ones live, encrypted or signed, where they are used.
        arguments={
            str(name)[:60]: mask_text(value[:2000] if isinstance(value, str) else str(value)[:2000], names)
            for name, value in list(request.arguments.items())[:20]
        },
        round=number,
    )
    return (call, False) if is_late or _insert(call) else (ToolCall.objects.get(run=run, fingerprint=wish), True)


def _insert(call: ToolCall) -> bool:
    """Insert a call; return False if the worker that has taken over the run recorded the same wish first."""
    try:
        # Within another transaction a savepoint keeps a refusal from breaking it.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            call.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def close_call(call: ToolCall, state: ToolCall.State, result: Mapping[str, Any], **facts: Any) -> None:
    """Record how a call ended."""
    call.state, call.result, call.finished_at = state, dict(result), now()
    call.code = str(result.get("error", ""))[:40]
    call.approval_id = result.get("approval_id")
    for name, value in facts.items():
        setattr(call, name, value)
    if call._state.adding:
        _insert(call)
        return
    call.save(update_fields=["state", "result", "finished_at", "code", "approval_id", *facts])


def entry_of(call: ToolCall, caller: Caller, noted: Noted) -> Fact:
    """Return the audit entry of a call that has ended: what was called and how that ended, without contents."""
    took = (call.milliseconds or 0) / 1000
    facts = {
        "tool": call.name,
        "operations": list(noted.operations),  # a reading that was too late may still add some
        "connection": str(noted.connection_id) if noted.connection_id else None,
        "outcome": str(call.state),
        "code": call.code,
        "took": next((words for seconds, words in DURATIONS if took < seconds), "over_15s"),
    }
    return Fact(requester_through(caller), CALLED, ToolCall._meta.label_lower, call.pk, facts=facts)


def has_ended(call: ToolCall) -> bool:
    """Return True if the result of a call is kept for the same wish.

    What was refused or broke may be right, or work, by the time somebody has written again.
    """
    return call.state not in {State.RUNNING, State.REFUSED} and call.code != TIMEOUT and not call.result.get(BROKE)


def line_of(call: ToolCall, request: ToolRequest) -> Line:
    """Return what the model reads of a call that has ended."""
    return Line("tool", as_line(call.result), call_id=request.call_id, tool_name=request.name, result=call.result)


def line_again(call: ToolCall, request: ToolRequest) -> Line:
    """Return the kept line of a wish that was repeated."""
    if call.is_foreign:  # it is read now
        call.finished_at = now()
        call.save(update_fields=["finished_at"])
    return line_of(call, request)


def list_recorded(run: AgentRun) -> list[Line]:
    """Return the finished calls since the run's last answer as lines, for a repeated round."""
    lines: list[Line] = []
    done = ToolCall.objects.filter(run=run).exclude(state=State.RUNNING)
    if run.finished_at:
        done = done.filter(created_at__gt=run.finished_at)
    for call in filter(has_ended, done.order_by("id")):
        request = ToolRequest(call.call_id, call.name, call.arguments)
        lines.append(Line("assistant", "", (request,)))
        lines.append(line_of(call, request))
    return lines


def count_within_hour(call: ToolCall, run: AgentRun, names: Sequence[str]) -> int:
    """Return how often the tools of these names ran before a call in the conversation within an hour.

    Exact without a lock: a conversation has one running run, which opens its calls one after another.
    """
    others = ToolCall.objects.filter(run__conversation_id=run.conversation_id, name__in=names)
    ran = others.exclude(Q(state=State.REFUSED) | Q(code=BAD_ARGUMENTS) | Q(pk=call.pk))
    return ran.filter(created_at__gt=now() - HOUR).count()


def count_beyond_conversations(tool: Tool, caller: Caller) -> str:
    """Count a call of a tool that counts with others, for its contact and its agent in all their conversations.

    Returns the code of the limit that it is beyond, "" for none. Without Redis no call can be counted, so none is made.
    """
    limits = (
        (TOO_OFTEN_FOR_CONTACT, caller.contact_id, settings.HUB_CALLS["contact"]),
        (TOO_OFTEN_FOR_AGENT, caller.agent_id, settings.HUB_CALLS["agent"]),
    )
    for code, subject, limit in limits if tool.counted_as else ():
        name = f"{current_tenant_id()}:{tool.counted_as}-calls:{subject}"
        try:
            if limit and count_up(name, seconds=HOUR.total_seconds()) > limit:
                return code
        except RedisError:
            return NOT_COUNTED
    return ""


def has_read_foreign_text(run: AgentRun) -> bool:
    """Return True if the run has read a third party's text since somebody last wrote."""
    newest = run.inputs.aggregate(at=Max("message__created_at"))["at"]
    read = ToolCall.objects.filter(run=run, is_foreign=True)
    return (read.filter(finished_at__gt=newest) if newest else read).exists()
