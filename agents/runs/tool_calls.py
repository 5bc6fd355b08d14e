"""One tool call of a run: check it again, run it once, keep the result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from contextlib import nullcontext
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from agents.models import AgentRun, ToolCall
from agents.ports import Line, ToolRequest
from agents.tools import registry
from agents.tools.registry import Caller
from core.clock import now
from core.errors import NotFound, Unavailable, WalkerError
from core.observability.logging import get_logger
from core.privacy.pii import mask_text
from hitl.services import note_refused_move

log = get_logger(__name__)
Outcome = tuple[ToolCall.State, dict[str, Any]]


class ToolBroke(Exception):
    """A tool failed for a reason that other arguments would not fix."""


def perform(
    *,
    run: AgentRun,
    caller: Caller,
    offered: Collection[str],
    request: ToolRequest,
    number: int,
    restored: ToolRequest | None = None,
) -> Line:
    """Run one call and return its line; `restored` is the call with personal values, which are never recorded.

    A model may ask for anything: a tool that it was not offered, or that the caller may not use now,
    is refused here. Raises `ToolBroke`.
    """
    call, repeated = _open_call(run, request, number)
    if not repeated or call.state == ToolCall.State.RUNNING:
        state, result = _run_tool(call, caller, offered, restored or request)
        call.state, call.result, call.finished_at = state, result, now()
        call.approval_id = result.get("approval_id")
        call.save(update_fields=["state", "result", "finished_at", "approval_id"])
    text = json.dumps(call.result, ensure_ascii=False)
    return Line("tool", text, call_id=request.call_id, tool_name=request.name, result=call.result)


def refuse(request: ToolRequest, code: str, detail: str) -> Line:
    """Return the line of a call that was refused and is not recorded."""
    result = {"error": code, "detail": detail}
    return Line("tool", json.dumps(result), call_id=request.call_id, tool_name=request.name, result=result)


def list_recorded(run: AgentRun) -> list[Line]:
    """Return the finished calls since the run's last answer as lines, for a repeated round."""
    lines: list[Line] = []
    done = ToolCall.objects.filter(run=run).exclude(state=ToolCall.State.RUNNING)
    if run.finished_at:
        done = done.filter(created_at__gt=run.finished_at)
    for call in done.order_by("id"):
        request = ToolRequest(call.call_id, call.name, call.arguments)
        text = json.dumps(call.result, ensure_ascii=False)
        lines.append(Line("assistant", "", (request,)))
        lines.append(Line("tool", text, call_id=call.call_id, tool_name=call.name, result=call.result))
    return lines


def _open_call(run: AgentRun, request: ToolRequest, number: int) -> tuple[ToolCall, bool]:
    """Return the row of this call and whether it existed.

    Within a run the same wish is the same row.
    """
    content = [request.name, dict(request.arguments), request.error]
    canonical = json.dumps(content, sort_keys=True, default=str)
    wish = hashlib.sha256(canonical.encode()).hexdigest()
    call_id = request.call_id[:64] or f"round-{number}"
    made = list(ToolCall.objects.filter(Q(fingerprint=wish) | Q(call_id=call_id), run=run))
    same = next((call for call in made if call.fingerprint == wish), None)
    if same:
        return same, True
    call = ToolCall(
        run=run,
        fingerprint=wish,
        call_id=f"{call_id}~{wish[:12]}" if made else call_id,
        name=request.name[:60],
        # Masked and cut to size: the real ones live, encrypted or signed, where they are used.
        arguments={
            str(name)[:60]: mask_text(value[:2000] if isinstance(value, str) else str(value))
            for name, value in list(request.arguments.items())[:20]
        },
        round=number,
    )
    try:
        # Within another transaction a savepoint keeps a refusal from breaking it.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            call.save(force_insert=True)
    except IntegrityError:
        # The worker that has taken over the run recorded the same wish first.
        return ToolCall.objects.get(run=run, fingerprint=wish), True
    return call, False


def _run_tool(call: ToolCall, caller: Caller, offered: Collection[str], request: ToolRequest) -> Outcome:
    """Check the call again and run it.

    A failure that the model can react to is a result.
    """
    if not registry.is_known(request.name):
        return ToolCall.State.REFUSED, {"error": "unknown_tool", "detail": "There is no such tool."}
    tool = registry.get(request.name)
    if not tool.allows(caller) or request.name not in offered:
        return ToolCall.State.REFUSED, {"error": "not_offered", "detail": "This tool isn't available here."}
    if request.error:
        return ToolCall.State.FAILED, {"error": "bad_arguments", "detail": request.error}
    try:
        arguments = tool.read(request.arguments)
    except ValueError as problem:
        return ToolCall.State.FAILED, {"error": "bad_arguments", "detail": f"Check these fields: {problem}."}
    try:
        return ToolCall.State.DONE, tool.call(arguments, caller=caller, call_id=call.id)
    except Unavailable as error:
        raise ToolBroke(error.code) from error
    except WalkerError as error:
        if not isinstance(error, NotFound):  # a reference that a person mistyped is no attempt
            actor = registry.requester_through(caller)
            note_refused_move(error, actor=actor, approval_id=call.approval_id, move=tool.key, channel="chat")
        return ToolCall.State.FAILED, _describe_error(arguments, error)
    except Exception as error:
        # The boundary to outside services: any failure still gets the person an answer.
        log.exception("tool_broke", tool=tool.key, call=str(call.id))
        raise ToolBroke("tool_failed") from error


def _describe_error(arguments: registry.Arguments, error: WalkerError) -> dict[str, Any]:
    """Return an error for the model.

    A name that fits nothing comes with the names that would.
    """
    problem: dict[str, Any] = {"error": error.code, "detail": error.detail}
    choices = error.facts.get("choices")
    fields = list(error.facts.get("fields") or {})
    if isinstance(choices, list) and fields:
        given = str(getattr(arguments, fields[0], ""))
        error_code = "ambiguous" if error.code == "ambiguous" else "unknown_name"
        problem |= {"error": error_code, "what": fields[0], "name": mask_text(given)[:80]}
        problem |= {"known": [str(choice) for choice in choices], "near": bool(error.facts.get("near", True))}
    return problem
