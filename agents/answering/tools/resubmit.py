"""Resubmits a returned request, with new values or unchanged."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from agents.answering.tools.answer import own_words
from agents.answering.tools.registry import PROPOSE, Caller, requester_through
from agents.models import ToolCall
from core.errors import NotFound
from hitl import services
from hitl.domain.state_machine import State
from hitl.models import Approval


def resubmit_with_values(
    kind: str, params: dict[str, Any], *, caller: Caller, call_id: UUID, hands: tuple[UUID, ...]
) -> Approval | None:
    """Resubmit the returned request about the same thing with these values.

    Returns None if there is none.
    The call records which one before it resubmits, so that a worker that takes over does not request it again.
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


def resubmit_unchanged(reference: str, *, caller: Caller, call_id: UUID, hands: tuple[UUID, ...]) -> Approval:
    """Resubmit a returned request of the member unchanged. Raises `NotFound`. Safe to repeat per call."""
    call = ToolCall.objects.get(pk=call_id)
    if call.approval_id is not None:
        begun: Approval = Approval.objects.get(pk=call.approval_id)
        return begun if begun.state != State.RETURNED else _resubmit(begun, None, caller, hands)
    found = returned_to(caller).filter(reference=reference).first()
    if found is None:
        raise NotFound("You have no request with this reference that was sent back.")
    ToolCall.objects.filter(pk=call_id).update(approval_id=found.pk)
    return _resubmit(found, None, caller, hands)


def returned_to(caller: Caller) -> QuerySet[Approval]:
    """Return the member's requests, made through agents, that were sent back."""
    rows: QuerySet[Approval] = Approval.objects.filter(requester_id=caller.user_id, tool_call_id__isnull=False)
    return rows.filter(state=State.RETURNED)


def _resubmit(approval: Approval, params: dict[str, Any] | None, caller: Caller, hands: tuple[UUID, ...]) -> Approval:
    return services.resubmit(
        actor=requester_through(caller, PROPOSE),
        approval_id=approval.pk,
        digest=approval.digest,
        params=params,
        reason=own_words(caller.run_id),
        also_excluded=hands,
    )
