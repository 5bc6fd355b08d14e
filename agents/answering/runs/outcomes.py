"""Report the outcome of an approval to its requester, once per outcome.

A failed report is retried; in the end a person is asked.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from agents.answering.runs import lease
from agents.answering.runs.approval_texts import edited_sentence, outcome_sentence, plain_sentence
from agents.answering.runs.events import events_of, note_end
from agents.answering.runs.reply import answer_id
from agents.models import AgentRun, ToolCall
from conversations import services as conversations
from conversations.models import Conversation
from conversations.services import Draft, Sender
from core.actors import system
from core.clock import now
from core.errors import NotFound, WalkerError
from core.events import streams
from core.jobs import dead_letters
from core.models import Consent
from core.observability.logging import get_logger
from core.privacy.pii import mask_text
from core.reach.gate import NotReachable
from core.text.speech import speaking
from hitl.domain.state_machine import FINAL
from hitl.models import Approval, Decision, Execution, Revision

log = get_logger(__name__)
KIND: Final = "agents.agentrun"
NOT_REPORTED: Final = "not_told"
LOST: Final = "worker_lost"
PAUSES: Final = (5, 30, 120, 600)  # seconds between attempts
TRIES: Final = len(PAUSES) + 1
PLAIN_FROM: Final = 3  # from this attempt on without details, which may be what cannot be put into words
State = AgentRun.State
Trigger = AgentRun.Trigger
UNKNOWN = "unknown"


def take_outcome(*, approval_id: UUID) -> AgentRun | None:
    """Open the run that reports the outcome of an approval.

    Returns None where there is nothing to report.
    For the system only. Only approvals that a tool call requested have a requester to inform. The
    final state and an uncertain outcome are reported once each. Safe to repeat.
    """
    approval = Approval.objects.filter(pk=approval_id).first()
    if approval is None or approval.tool_call_id is None:
        return None
    call = ToolCall.objects.filter(pk=approval.tool_call_id).select_related("run").first()
    if call is None or call.result.get("withdrawn"):
        return None  # the answer of the run that withdrew it says so
    if approval.state in FINAL:
        trigger = Trigger.APPROVAL
    elif approval.state == UNKNOWN:
        trigger = Trigger.UNCERTAIN
    else:
        return None
    run = AgentRun(
        conversation_id=call.run.conversation_id,
        agent_version_id=call.run.agent_version_id,
        trigger=trigger,
        trigger_ref=approval.id,
        lease_until=now(),
    )
    # Two workers may open it at once: the second gets the run of the first.
    AgentRun.objects.bulk_create([run], ignore_conflicts=True)
    opened: AgentRun | None = AgentRun.objects.filter(trigger=trigger, trigger_ref=approval.id).first()
    return opened


def report_outcome(run: AgentRun) -> None:
    """Report the outcome of a claimed run. On failure retry later, and at last park it for a person."""
    if run.fence > TRIES:
        give_up(run, LOST)
        return
    try:
        send_outcome(run, plainly=run.fence >= PLAIN_FROM)
    except Exception as problem:
        # The task's boundary: the run is retried, then parked; it never holds up its conversation.
        log.exception("outcome_not_told", run=str(run.pk), tries=run.fence)
        if run.fence < TRIES:
            lease.held(run).update(state=State.QUEUED, lease_until=now() + timedelta(seconds=PAUSES[run.fence - 1]))
        else:
            give_up(run, type(problem).__name__)


def send_outcome(run: AgentRun, *, plainly: bool = False) -> None:
    """Send the outcome to the conversation and finish the run together. `plainly` leaves out details."""
    approval = Approval.objects.get(pk=run.trigger_ref)
    stale = run.trigger == Trigger.UNCERTAIN and approval.state != UNKNOWN
    with speaking(run.conversation.spoken_language):
        text = "" if stale else plain_sentence(approval) if plainly else _outcome_with_details(approval)
    with transaction.atomic():
        conversation = find_requester_conversation(run)
        held = lease.held(run).select_for_update()
        if not held.exists():
            return
        code = "" if conversation else "conversation_closed"
        held.update(state=State.FINISHED, lease_until=None, finished_at=now(), error_code=code)
        told = events_of(run, None, (), state=State.FINISHED, code=code)
        _finish_waiting_runs(approval)
        if not (conversation and text):
            streams.append_all(told)
            note_end(run, State.FINISHED, code)
            return
        try:
            message = conversations.reply(
                actor=system("agents"),
                conversation_id=conversation.id,
                draft=Draft(
                    text=text,
                    purpose=Consent.Purpose.SERVICE,
                    metadata={
                        "run": str(run.id),
                        "approval_id": str(approval.id),
                        "approval_state": approval.state,
                        "reference": approval.reference,
                    },
                    client_id=answer_id(run),
                    # The system may write where a person has taken over, and a decision has to be reported there.
                    sender=Sender(type="system", name="walker"),
                ),
                also=told,
            )
        except NotReachable as refused:
            streams.append_all(events_of(run, None, (), state=State.FINISHED, code=refused.code))
            AgentRun.objects.filter(pk=run.pk).update(error_code=refused.code)
            note_end(run, State.FINISHED, refused.code)
            return
        AgentRun.objects.filter(pk=run.pk).update(reply_id=message.id)
        note_end(run, State.FINISHED, code)


def find_requester_conversation(run: AgentRun) -> Conversation | None:
    """Lock and return the conversation of the run, or the requester's open one after it; None if closed."""
    rows = Conversation.objects.select_for_update()
    conversation: Conversation = rows.get(pk=run.conversation_id)
    if conversation.state != Conversation.State.CLOSED:
        return conversation
    later = rows.filter(
        channel_account_id=conversation.channel_account_id,
        contact_id=conversation.contact_id,
        origin_id=conversation.origin_id,
        thread=conversation.thread,
    )
    open_one: Conversation | None = later.exclude(state=Conversation.State.CLOSED).first()
    return open_one


def give_up(run: AgentRun, error: str) -> None:
    """Park a claimed run that cannot reply, and hand its conversation to a person."""
    ended = {"state": State.FAILED, "error_code": NOT_REPORTED, "lease_until": None, "finished_at": now()}
    with transaction.atomic():
        # First, in the order in which an answer locks: else each could wait for what the other has.
        conversations.lock_conversation(run.conversation_id, actor=None)
        if not lease.held(run).update(**ended):
            return
        streams.append_all(events_of(run, None, (), state=State.FAILED, code=NOT_REPORTED))
        note_end(run, State.FAILED, NOT_REPORTED)
        dead_letters.park(kind=KIND, ref=run.pk, error=error)
    try:
        conversations.hand_off(actor=system("agents"), conversation_id=run.conversation_id, reason=NOT_REPORTED)
    except WalkerError as problem:
        # Closed in the meantime: the parked run is what remains to look at.
        log.warning("outcome_not_handed_over", run=str(run.pk), code=problem.code)


def replay(run_id: UUID) -> None:
    """Queue a parked run again with all its attempts; the sweep picks it up. Raises `NotFound`."""
    parked = AgentRun.objects.filter(pk=run_id, state=State.FAILED, error_code=NOT_REPORTED)
    # The fence may restart: the reply and the end of its run are one transaction, so no old worker repeats it.
    fresh = {"state": State.QUEUED, "error_code": "", "fence": 0, "lease_until": now(), "finished_at": None}
    if not parked.update(**fresh):
        raise NotFound("This run is not among those that failed.")


def _finish_waiting_runs(approval: Approval) -> None:
    """Finish the runs that requested or resubmitted it once none of their approvals is open."""
    if approval.is_open:
        return
    asking = ToolCall.objects.filter(Q(pk=approval.tool_call_id) | Q(approval_id=approval.pk))
    for run_id in set(asking.values_list("run_id", flat=True)):
        others = ToolCall.objects.filter(run_id=run_id).exclude(approval_id=None)
        waiting = Approval.objects.filter(id__in=others.values("approval_id"))
        if not any(each.is_open for each in waiting):
            AgentRun.objects.filter(pk=run_id, state=State.WAITING).update(state=State.FINISHED)


def _outcome_with_details(approval: Approval) -> str:
    """Return the outcome with reason, error and edits. Requesters have to know what was done in their name."""
    rejections = Decision.objects.filter(approval=approval, verdict="reject").order_by("-id")
    reason = rejections.values_list("reason", flat=True).first() if approval.state == "rejected" else ""
    last = Execution.objects.filter(approval=approval).order_by("-id").first()
    error = last.error.split(":")[0][:60] if last and last.error else ""
    done = str((last.result or {}).get("in_words") or "") if last else ""
    outcome = outcome_sentence(approval, reason=mask_text(reason or ""), error=error, done=done)
    if approval.revision == 1:
        return outcome
    revisions = Revision.objects.filter(approval=approval, event="edit").order_by("revision")
    edited = edited_sentence([change for revision in revisions for change in revision.diff])
    return f"{outcome} {mask_text(edited)}" if edited else outcome
