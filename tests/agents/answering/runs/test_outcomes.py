"""The outcome of an approval is reported to its requester once, honestly, in the conversation."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents import services, tasks
from agents.answering.runs import lease, outcomes
from agents.answering.runs import run as turns
from agents.answering.runs.approval_texts import edited_sentence, outcome_sentence, plain_sentence
from agents.answering.runs.lease import LEASE
from agents.llm.ports import Line, ToolSpec, Turn
from agents.models import AgentRun, ToolCall
from conversations.contacts.blocks import block_contact
from conversations.inbox.states import take_over
from conversations.services import close
from core.clock import now
from core.events import relay, signals
from core.ids import uuid7
from core.jobs import dead_letters
from core.models import DeadLetter
from core.observability import metrics
from hitl.approvals.change.edit import edit
from hitl.approvals.decide.questions import ask
from hitl.domain.state_machine import FINAL
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.execution.reconcile import resolve
from hitl.models import Approval, ApprovalWorkflow, Revision
from hitl.policy.workflows.workflows import revise_workflow
from hitl.services import cancel, decide, execute
from tests.agents.conftest import Desk
from tests.database.sealing import rewrite
from tests.hitl.kit.scene import roles
from tests.relay_process import kill_the_relay_at
from tests.world import OPERATOR

pytestmark = pytest.mark.slow

RAISE = "Raise the daily budget of Summer Sale to 900"


def asked(desk: Desk, text: str = RAISE) -> Approval:
    desk.say(text)
    approval: Approval = Approval.objects.get()
    return approval


def decided(desk: Desk, approval: Approval, verdict: Any, reason: str = "") -> None:
    decide(
        actor=desk.world.actor("approver"),
        approval_id=approval.pk,
        verdict=verdict,
        digest=approval.digest,
        reason=reason,
    )


def told(desk: Desk, approval: Approval) -> str:
    """Work the outcome as the receiver's task does; returns what was said last."""
    run = services.take_outcome(approval_id=approval.pk)
    if run is not None:
        services.run_turn(run.pk)
    answers = desk.answers(desk.conversation.pk)
    return answers[-1]


def test_chat_is_not_told_who_stopped_the_agents_nor_why(desk: Desk) -> None:
    activate_kill_switch(actor=desk.world.actor("compliance"), scope="tenant", reason="Zebra leak")
    desk.say(RAISE)
    kept = " ".join([*desk.answers(desk.conversation.pk), str(ToolCall.objects.get().result)])
    assert "paused by an emergency stop" in kept
    assert not [word for word in ("Zebra", "Compliance", "leak") if word in kept]


def test_execution_is_told_with_before_and_after(desk: Desk) -> None:
    approval = asked(desk)
    decided(desk, approval, "approve")
    execute(approval.pk)
    answer = told(desk, approval)
    assert answer.startswith(f"{approval.reference} was approved by a colleague and done: Summer Sale's")
    assert "is now 900.00 EUR (was 500.00 EUR)" in answer


def test_question_of_a_signer_is_passed_on_once(desk: Desk) -> None:
    approval = asked(desk)
    ask(actor=desk.world.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason="For how long?")
    assert services.relay_question(approval_id=approval.pk)
    services.relay_question(approval_id=approval.pk)
    answers = desk.answers(desk.conversation.pk)
    assert answers[-1].endswith("For how long?")
    assert [text for text in answers if "For how long?" in text] == answers[-1:]


def test_changed_facts_are_told_in_the_conversation_once(desk: Desk) -> None:
    approval = asked(desk)
    decided(desk, approval, "approve")
    desk.sandbox.call("POST", "/v1/campaigns/cam_1001/budget", key="other", json={"daily_budget": "650"})
    execute(approval.pk)
    assert services.relay_drift(approval_id=approval.pk)
    services.relay_drift(approval_id=approval.pk)
    told_of = [text for text in desk.answers(desk.conversation.pk) if "conditions changed" in text]
    assert len(told_of) == 1
    assert "conditions changed: The daily budget changed from 500.00 EUR to 650.00 EUR." in told_of[0]
    assert told_of[0].endswith("Nothing was changed. It's waiting for approval again.")


@pytest.mark.parametrize("place", ["before", "after"])
def test_question_is_passed_on_once_though_the_process_that_passes_it_on_dies(live_desk: Desk, place: str) -> None:
    approval = asked(live_desk)
    relay.relay()
    ask(actor=live_desk.world.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason="How long?")
    kill_the_relay_at("agents.services:relay_question", place)
    relay.relay()
    relay.relay()
    assert [text.endswith("How long?") for text in live_desk.answers(live_desk.conversation.pk)].count(True) == 1


def test_changed_facts_are_told_though_the_process_that_tells_them_dies(live_desk: Desk) -> None:
    approval = asked(live_desk)
    decided(live_desk, approval, "approve")
    live_desk.sandbox.call("POST", "/v1/campaigns/cam_1001/budget", key="other", json={"daily_budget": "650"})
    execute(approval.pk)
    kill_the_relay_at("agents.services:relay_drift", "before")
    relay.relay()
    relay.relay()
    told_of = [text for text in live_desk.answers(live_desk.conversation.pk) if "conditions changed" in text]
    assert len(told_of) == 1


def test_edit_of_a_signer_is_told_at_the_end(desk: Desk) -> None:
    approval = asked(desk)
    Revision.objects.create(
        approval=approval,
        revision=2,
        event="edit",
        actor_kind="user",
        digest_before=approval.digest,
        diff=[{"field": "daily_budget", "before": "900.00", "after": "700.00"}],
        risk_before=1,
        risk_after=1,
    )
    assert "daily budget 900.00 → 700.00" in edited_sentence(Revision.objects.get().diff)


def test_edited_request_is_told_as_it_was_done_and_once(desk: Desk) -> None:
    revise_workflow(
        actor=desk.world.actor("owner"),
        workflow_id=ApprovalWorkflow.objects.get().pk,
        levels=[{"approvers": roles("approver", "admin"), "editable_fields": ["daily_budget"]}],
    )
    approval = asked(desk)
    changes = {"daily_budget": "700.00"}
    edited = edit(actor=desk.world.actor("admin"), approval_id=approval.pk, changes=changes, digest=approval.digest)
    decided(desk, edited, "approve")
    execute(approval.pk)
    first, again = told(desk, approval), told(desk, approval)
    assert first == again
    assert "is now 700.00 EUR (was 500.00 EUR)" in first
    assert first.endswith("A colleague edited it first: daily budget 900.00 → 700.00.")
    assert AgentRun.objects.filter(trigger="approval", trigger_ref=approval.pk).count() == 1
    assert [text for text in desk.answers(desk.conversation.pk) if "700.00" in text] == [first]


def test_rejection_is_told_with_its_reason(desk: Desk) -> None:
    approval = asked(desk)
    decided(desk, approval, "reject", "too expensive this month")
    assert "was rejected by a colleague. Reason: too expensive this month." in told(desk, approval)


def test_cancelling_is_told(desk: Desk) -> None:
    approval = asked(desk)
    cancel(actor=desk.world.actor("admin"), approval_id=approval.pk, reason="not needed")
    assert f"{approval.reference} was cancelled" in told(desk, approval)


def test_lost_answer_is_said_to_be_uncertain(desk: Desk) -> None:
    approval = asked(desk, "Pause Summer Sale")
    decided(desk, approval, "approve")
    desk.sandbox.script("POST /v1/campaigns", "drop_after")
    execute(approval.pk)
    assert "may or may not have been made" in told(desk, approval)


def test_uncertain_outcome_is_followed_by_the_final_one(desk: Desk) -> None:
    approval = asked(desk, "Pause Summer Sale")
    decided(desk, approval, "approve")
    desk.sandbox.script("POST /v1/campaigns", "drop_after")
    execute(approval.pk)
    told(desk, approval)
    admin = desk.world.actor("admin")
    resolve(actor=admin, approval_id=approval.pk, outcome="executed", reason="seen", evidence="journal")
    assert "done: Summer Sale is now paused" in told(desk, approval)


@pytest.mark.parametrize("state", [state.value for state in FINAL])
def test_every_final_state_has_its_words(state: str) -> None:
    approval = Approval(tenant_id=uuid7(), reference="BR-1", state=state, summary="Do it", preview={}, facts={})
    sentence = outcome_sentence(approval, reason="", error="not_found")
    assert sentence.startswith(("BR-1 was", "BR-1 expired"))
    assert "may or may not" not in sentence


def test_open_approval_is_not_told(desk: Desk) -> None:
    assert services.take_outcome(approval_id=asked(desk).pk) is None


def test_outcome_announced_many_times_is_told_once(desk: Desk) -> None:
    approval = asked(desk)
    decided(desk, approval, "reject", "no")
    before = len(desk.answers(desk.conversation.pk))
    for _ in range(5):
        told(desk, approval)
    assert len(desk.answers(desk.conversation.pk)) == before + 1


def test_run_that_asked_is_finished_by_the_outcome(desk: Desk) -> None:
    approval = asked(desk)
    decided(desk, approval, "reject", "no")
    told(desk, approval)
    assert AgentRun.objects.get(trigger="message").state == AgentRun.State.FINISHED


def test_outcome_that_comes_during_a_turn_is_told_after_it(desk: Desk) -> None:
    approval = asked(desk)
    decided(desk, approval, "reject", "no")

    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        services.take_outcome(approval_id=approval.pk)
        assert services.run_turn(AgentRun.objects.get(trigger="approval").pk) is None  # refused: this run has the turn
        return Turn("Hello.")

    desk.script(script)
    AgentRun.objects.update(joinable_until=None)
    run = services.take_message(message_id=desk.receive("hello").pk)
    assert run is not None
    following = services.run_turn(run.pk)
    assert following == AgentRun.objects.get(trigger="approval").pk
    services.run_turn(following)
    assert "rejected" in desk.answers(desk.conversation.pk)[-1]


def test_outcome_is_told_while_a_person_answers(desk: Desk) -> None:
    approval = asked(desk)
    take_over(actor=desk.world.actor("support"), conversation_id=desk.conversation.pk)
    decided(desk, approval, "reject", "no")
    assert "was rejected" in told(desk, approval)


def test_outcome_of_a_closed_conversation_is_not_said_into_it(desk: Desk) -> None:
    approval = asked(desk)
    close(actor=desk.world.actor("support"), conversation_id=desk.conversation.pk, resolved=True)
    decided(desk, approval, "reject", "no")
    assert "was rejected" not in told(desk, approval)
    assert desk.last_run.error_code == "conversation_closed"


def test_outcome_that_may_not_be_sent_is_not_counted_as_answered(desk: Desk) -> None:
    approval = asked(desk)
    block_contact(actor=desk.world.actor("support"), contact_id=desk.conversation.contact_id)
    decided(desk, approval, "reject", "no")
    counts = [metrics.RUNS.labels("approval", result)._value for result in ("answered", "ended")]
    before = [one.get() for one in counts]
    assert "was rejected" not in told(desk, approval)
    assert desk.last_run.error_code == "blocked"
    assert [one.get() - earlier for one, earlier in zip(counts, before, strict=True)] == [0, 1]


def test_approval_without_a_tool_call_has_nobody_to_tell(desk: Desk) -> None:
    approval = asked(desk)
    rewrite(Approval.objects.filter(pk=approval.pk), tool_call_id=None)
    decided(desk, approval, "reject", "no")
    assert services.take_outcome(approval_id=approval.pk) is None


@pytest.mark.parametrize("announcement", ["message_received", "approval_closed", "action_finished"])
def test_run_of_an_announcement_is_stored_before_any_task_is_queued(
    desk: Desk, announcement: str, monkeypatch: Any
) -> None:
    ref = desk.receive("Hello").pk if announcement == "message_received" else asked(desk).pk
    if announcement != "message_received":
        decided(desk, Approval.objects.get(), "reject", "no")
    queued: list[tuple[str, ...]] = []
    # The broker loses every task: the sweep finds the run.
    monkeypatch.setattr(tasks.work_run, "apply_async", lambda args, *_, **__: queued.append(args))
    for _ in range(2):
        signals.BY_NAME[announcement].send(sender=None, tenant_id=desk.world.acme.pk, ref=ref, payload={})
    run = AgentRun.objects.get(trigger_ref=ref)
    assert queued == [(str(desk.world.acme.pk), str(run.pk))] * 2
    assert [row for _, row in lease.list_due(now=now() + LEASE)] == [run.pk]


def broken(desk: Desk) -> AgentRun:
    """The run of an outcome whose details nobody can word."""
    approval = asked(desk)
    decided(desk, approval, "approve")
    execute(approval.pk)
    Approval.objects.filter(pk=approval.pk).update(preview={"rows": 7})
    run = services.take_outcome(approval_id=approval.pk)
    assert run
    return run


def work(run: AgentRun, times: int) -> None:
    """Work it each time it is due, and look after it."""
    for _ in range(times):
        run.refresh_from_db()
        services.run_turn(run.pk, now=max(run.lease_until or now(), now()) + LEASE)
    run.refresh_from_db()


def test_outcome_that_cannot_be_worded_is_told_in_plain_words_once(desk: Desk) -> None:
    run = broken(desk)
    work(run, 2)
    assert (run.state, run.lease_until > now()) == ("queued", True)
    work(run, 3)
    plain = f"{Approval.objects.get().reference} was approved and done. A colleague can tell you more."
    assert (run.state, desk.answers(run.conversation_id)[1:]) == ("finished", [plain])


def test_outcome_that_waits_for_its_next_try_holds_up_no_message(desk: Desk) -> None:
    work(broken(desk), 1)
    assert "Summer Sale" in desk.say("Which campaigns are running?")


def test_outcome_whose_workers_die_is_parked_and_can_be_replayed(desk: Desk) -> None:
    run = broken(desk)
    for lost in range(outcomes.TRIES):
        assert lease.claim(run.pk, now=now() + LEASE * 2 * (lost + 1))
    services.run_turn(run.pk, now=now() + LEASE * 20)
    letter = DeadLetter.objects.get(kind=outcomes.KIND, ref=run.pk)
    assert (letter.error, desk.conversation.state, desk.conversation.escalation_reason) == (
        "worker_lost",
        "person",
        "not_told",
    )
    dead_letters.replay(actor=OPERATOR, dead_letter_id=letter.pk)
    work(run, outcomes.TRIES)
    assert "was approved and done." in desk.answers(run.conversation_id)[-1]
    assert (run.state, len(desk.answers(run.conversation_id))) == ("finished", 2)


def test_message_whose_run_cannot_even_apologise_is_parked(desk: Desk) -> None:
    run = services.take_message(message_id=desk.receive("Hello").pk)
    assert run
    for lost in range(turns.MAX_ATTEMPTS + turns.MAX_APOLOGIES + run.generation):
        assert lease.claim(run.pk, now=now() + LEASE * 2 * (lost + 1))
    services.run_turn(run.pk, now=now() + LEASE * 20)
    letter = DeadLetter.objects.get(kind=outcomes.KIND, ref=run.pk)
    assert (desk.last_run.state, desk.conversation.state) == ("failed", "person")
    dead_letters.replay(actor=OPERATOR, dead_letter_id=letter.pk)
    assert AgentRun.objects.get(pk=run.pk).state == "queued"


@pytest.mark.parametrize("state", [*(state.value for state in FINAL), "unknown"])
def test_every_outcome_has_plain_words(state: str) -> None:
    assert plain_sentence(Approval(tenant_id=uuid7(), reference="BR-1", state=state)).startswith(
        ("BR-1 was ", "BR-1 expired ")
    )


def test_second_announcement_of_an_outcome_is_no_error_of_the_database(desk: Desk) -> None:
    approval = asked(desk)
    decided(desk, approval, "reject", "no")
    with CaptureQueriesContext(connection) as seen:
        first, second = (services.take_outcome(approval_id=approval.pk) for _ in range(2))
    assert first == second
    assert sum("ON CONFLICT DO NOTHING" in query["sql"] for query in seen.captured_queries) == 2
