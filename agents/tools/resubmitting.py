"""Sending a request that was sent back in again, when the requester asks for the same thing with other values."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from agents.models import ToolCall
from agents.tools.answering import own_words
from agents.tools.registry import PROPOSE, Caller, requester_through
from hitl import services
from hitl.models import Approval
from hitl.transitions import State


def send_in_again(
    kind: str, params: dict[str, Any], *, caller: Caller, call_id: UUID, hands: tuple[UUID, ...]
) -> Approval | None:
    """Send the returned request about the same thing in again with these values; None where there is none.

    Which one it is is written down before, so that a worker that takes over does not ask for it anew.
    """
    call = ToolCall.objects.get(pk=call_id)
    if call.approval_id is not None:
        begun: Approval = Approval.objects.get(pk=call.approval_id)
        if begun.state != State.RETURNED:
            return begun
        return _resubmit(begun, params, caller, hands)
    found = caller.user_id and services.find_returned(requester_id=caller.user_id, kind=kind, params=params)
    if not found:
        return None
    ToolCall.objects.filter(pk=call_id).update(approval_id=found.pk)
    return _resubmit(found, params, caller, hands)


def _resubmit(approval: Approval, params: dict[str, Any], caller: Caller, hands: tuple[UUID, ...]) -> Approval:
    return services.resubmit(
        actor=requester_through(caller, PROPOSE),
        approval_id=approval.pk,
        digest=approval.digest,
        params=params,
        reason=own_words(caller.run_id),
        also_excluded=hands,
    )
