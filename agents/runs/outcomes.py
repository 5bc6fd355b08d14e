"""Telling a requester what came of his approval: one run per approval and ending, exactly once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from agents.models import AgentRun, ToolCall
from agents.runs.approval_texts import edited_sentence, outcome_sentence, plain_sentence
from agents.runs.reply import answer_id
from conversations import services as conversations
from conversations.models import Conversation
from core.actors import system
from core.clock import now
from core.privacy.pii import mask_text
from hitl.domain.state_machine import FINAL
from hitl.models import Approval, Decision, Execution, Revision

State = AgentRun.State
Trigger = AgentRun.Trigger
UNKNOWN = "unknown"


def take_outcome(*, approval_id: UUID) -> AgentRun | None:
    """Open the run that tells the outcome of an approval; None where there is nothing to tell.

    For the system only. Only approvals that a tool call asked for have somebody to tell. The
    final state and an uncertain outcome are told once each, however often this is called.
    """
    approval = Approval.objects.filter(pk=approval_id).first()
    if approval is None or approval.tool_call_id is None:
        return None
    trigger = _trigger(approval)
    call = ToolCall.objects.filter(pk=approval.tool_call_id).select_related("run").first()
    if trigger is None or call is None or call.result.get("withdrawn"):
        # The answer of the run that took it back tells that.
        return None
    return _run_of(call, approval, trigger)


def _run_of(call: ToolCall, approval: Approval, trigger: AgentRun.Trigger) -> AgentRun | None:
    """The one run of an ending: whoever comes second gets the first one's, and that is no error."""
    run = AgentRun(
        conversation_id=call.run.conversation_id,
        agent_version_id=call.run.agent_version_id,
        trigger=trigger,
        trigger_ref=approval.id,
        lease_until=now(),
    )
    AgentRun.objects.bulk_create([run], ignore_conflicts=True)
    known: AgentRun | None = AgentRun.objects.filter(trigger=trigger, trigger_ref=approval.id).first()
    return known


def _trigger(approval: Approval) -> AgentRun.Trigger | None:
    if approval.state in FINAL:
        return Trigger.APPROVAL
    return Trigger.UNCERTAIN if approval.state == UNKNOWN else None


def tell(run: AgentRun, *, plainly: bool = False) -> None:
    """Say the outcome in the conversation and end the run, together; `plainly`: without its details."""
    approval = Approval.objects.get(pk=run.trigger_ref)
    stale = run.trigger == Trigger.UNCERTAIN and approval.state != UNKNOWN
    text = "" if stale else plain_sentence(approval) if plainly else _sentence(approval)
    with transaction.atomic():
        conversation = place_of(run)
        held = AgentRun.objects.select_for_update().filter(pk=run.pk, fence=run.fence, state=State.RUNNING)
        if not held.exists():
            return
        code = "" if conversation else "conversation_closed"
        held.update(state=State.FINISHED, lease_until=None, finished_at=now(), error_code=code)
        _release(approval)
        if conversation and text:
            _say(run, conversation, approval, text)


def place_of(run: AgentRun) -> Conversation | None:
    """Where the requester can be told: the conversation he asked in, or his open one after it."""
    rows = Conversation.objects.select_for_update()
    conversation: Conversation = rows.get(pk=run.conversation_id)
    if conversation.state != Conversation.State.CLOSED:
        return conversation
    later = rows.filter(channel_account_id=conversation.channel_account_id, contact_id=conversation.contact_id)
    open_one: Conversation | None = later.exclude(state=Conversation.State.CLOSED).first()
    return open_one


def _release(approval: Approval) -> None:
    """The runs that asked, or sent it in again, wait no more once none of their approvals is open."""
    if approval.is_open:
        return
    asking = ToolCall.objects.filter(Q(pk=approval.tool_call_id) | Q(approval_id=approval.pk))
    for run_id in set(asking.values_list("run_id", flat=True)):
        others = ToolCall.objects.filter(run_id=run_id).exclude(approval_id=None)
        waiting = Approval.objects.filter(id__in=others.values("approval_id"))
        if not any(each.is_open for each in waiting):
            AgentRun.objects.filter(pk=run_id, state=State.WAITING).update(state=State.FINISHED)


def _say(run: AgentRun, conversation: Conversation, approval: Approval, text: str) -> None:
    message = conversations.reply(
        actor=system("agents"),
        conversation_id=conversation.id,
        text=text,
        # The system may speak where a person has taken over, and a decision has to be told there.
        sender_type="system",
        sender_name="walker",
        metadata={
            "run": str(run.id),
            "approval_id": str(approval.id),
            "approval_state": approval.state,
            "reference": approval.reference,
        },
        client_id=answer_id(run),
    )
    AgentRun.objects.filter(pk=run.pk).update(reply_id=message.id)


def _sentence(approval: Approval) -> str:
    rejected = approval.state == "rejected"
    verdicts = Decision.objects.filter(approval=approval, verdict="reject").order_by("-id")
    reason = verdicts.values_list("reason", flat=True).first() if rejected else ""
    last = Execution.objects.filter(approval=approval).order_by("-id").first()
    error = last.error.split(":")[0][:60] if last and last.error else ""
    done = str((last.result or {}).get("in_words") or "") if last else ""
    told = outcome_sentence(approval, reason=mask_text(reason or ""), error=error, done=done)
    edited = edited_sentence(_edits(approval))
    return f"{told} {mask_text(edited)}" if edited else told


def _edits(approval: Approval) -> list[dict[str, Any]]:
    """What signers changed since it was asked: who asked has to know what was done in his name."""
    if approval.revision == 1:
        return []
    rows = Revision.objects.filter(approval=approval, event="edit").order_by("revision")
    return [each for row in rows for each in row.diff]
