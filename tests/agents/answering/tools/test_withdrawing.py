"""A wish taken back in its own burst is withdrawn, and the answer says so; what is decided stays decided."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from agents import services
from agents.answering.runs.batches import QUIET
from agents.answering.selectors import caller_of
from agents.answering.tools.registry import OneRequest
from agents.answering.tools.withdraw import WithdrawRequest
from agents.llm.ports import Line, ToolRequest, ToolSpec, Turn
from agents.models import AgentRun, ToolCall
from agents.selectors import any_version
from core.clock import now
from core.errors import NotFound
from core.ids import uuid7
from core.models import AuditEntry
from hitl.approvals.decide.questions import ask
from hitl.models import Approval, Assignment, Decision
from hitl.services import decide, execute
from tests.agents.conftest import Desk

pytestmark = pytest.mark.slow

RAISE = "Raise the daily budget of Summer Sale to 900"


def burst(desk: Desk, *texts: str, arrived_at: datetime | None = None) -> list[str]:
    """Each message joins the run of the first after that was answered; returns all answers."""
    arrived_at = arrived_at or now()
    for text in texts:
        message = desk.receive(text)
        run = services.take_message(message_id=message.pk, arrived_at=arrived_at)
        assert run is not None
        services.run_turn(run.pk, now=now() + QUIET)
    assert AgentRun.objects.filter(trigger="message").count() == 1
    return desk.answers(desk.conversation.pk)


@pytest.mark.parametrize("text", ["no, don't", "never mind", "Please don't do that!", "Cancel that"])
def test_wish_taken_back_after_the_answer_is_withdrawn(desk: Desk, text: str) -> None:
    answer = burst(desk, RAISE, text)[-1]
    approval = Approval.objects.get()
    assert approval.state == "cancelled"
    assert answer.startswith(f"{approval.reference} was withdrawn: ")
    assert "signature" not in answer


def test_tool_that_meets_a_request_changed_outside_is_noted_for_the_agent_and_its_member(desk: Desk) -> None:
    desk.say(RAISE)
    approval = Approval.objects.get()
    asked = {"actor": desk.world.actor("approver"), "approval_id": approval.pk, "digest": approval.digest}
    ask(**asked, reason="Why?")
    Assignment.objects.filter(approval=approval)[0].delete()

    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        if lines[-1].role == "tool":
            return Turn("I couldn't pass it on.")
        return Turn("", tuple(ToolRequest(name, "answer_approvers", {"reference": name}) for name in known))

    known = (approval.reference, "BR-9999")
    desk.script(script)
    desk.say("Because of the sale")
    entry = AuditEntry.objects.get(object_type="core.refusal")  # none for the reference that does not exist
    assert (entry.actor_kind, entry.actor_user_id) == ("agent", desk.world.people["support"].pk)
    assert (entry.facts["code"], entry.facts["move"], entry.facts["channel"]) == (
        "tampered",
        "answer_approvers",
        "chat",
    )


def test_withdrawal_is_the_requesters_own(desk: Desk) -> None:
    burst(desk, RAISE, "no, don't")
    note = Decision.objects.get()
    assert (note.verdict, note.person_id) == ("cancel", desk.world.people["support"].pk)


def test_wish_taken_back_during_the_round_is_withdrawn_in_one_answer(desk: Desk) -> None:
    late: list[str] = []

    def script(lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        known = [line for line in lines if line.role == "tool"]
        if not known:
            wish = {"campaign": "Summer Sale", "daily_budget": "900"}
            return Turn("", (ToolRequest("one", "set_campaign_budget", wish),))
        if not late:
            late.append("no, don't")
            services.take_message(message_id=desk.receive(late[0]).pk)
            return Turn("Asked.")
        if len(known) == 1:
            wish = {"reference": known[0].result["reference"]}
            return Turn("", (ToolRequest("two", "withdraw_request", wish),))
        return Turn("All right.")

    desk.script(script)
    answer = desk.say(RAISE, agent="paid_ads")
    assert answer.startswith(f"All right.\n\n{Approval.objects.get().reference} was withdrawn")
    assert len(desk.answers(desk.conversation.pk)) == 1
    assert desk.last_run.state == AgentRun.State.FINISHED


def test_withdrawal_is_not_told_a_second_time(desk: Desk) -> None:
    burst(desk, RAISE, "no, don't")
    assert services.take_outcome(approval_id=Approval.objects.get().pk) is None


def test_wish_refused_before_it_was_asked_for_opens_nothing(desk: Desk) -> None:
    for text in (RAISE, "no, don't"):
        run = services.take_message(message_id=desk.receive(text).pk)
    assert run is not None
    services.run_turn(run.pk, now=now() + QUIET)
    assert not Approval.objects.exists()


def test_wish_already_done_is_said_to_be_done(desk: Desk) -> None:
    arrived_at = now()
    burst(desk, RAISE, arrived_at=arrived_at)
    approval = Approval.objects.get()
    decide(actor=desk.world.actor("approver"), approval_id=approval.pk, verdict="approve", digest=approval.digest)
    execute(approval.pk)
    answer = burst(desk, "no, don't", arrived_at=arrived_at)[-1]
    assert answer == f"{approval.reference} can no longer be withdrawn: it was approved and executed."
    assert Approval.objects.get().state == "executed"


def test_wish_said_again_after_its_withdrawal_is_asked_for_again(desk: Desk) -> None:
    answer = burst(desk, RAISE, "no, don't", RAISE)[-1]
    assert list(Approval.objects.order_by("id").values_list("state", flat=True)) == ["cancelled", "pending"]
    assert Approval.objects.get(state="pending").reference in answer


def test_other_wish_in_the_burst_stays(desk: Desk) -> None:
    answer = burst(desk, RAISE, "no, don't", "Pause Winter Boots")[-1]
    assert Approval.objects.get(state="pending").kind == "pause_campaign"
    assert Approval.objects.get(state="pending").reference in answer


def test_nothing_to_withdraw_is_offered_before_anything_was_asked(desk: Desk) -> None:
    model = desk.script(lambda _lines, _tools: Turn("Hello."))
    desk.say("hello", agent="paid_ads")
    assert "withdraw_request" not in model.seen[0][1]


@pytest.mark.parametrize("stranger", ["run", "requester"])
def test_request_of_another_run_or_person_is_not_found(desk: Desk, stranger: str) -> None:
    burst(desk, RAISE)
    version = any_version()
    assert version is not None
    own = caller_of(AgentRun.objects.get(), version)
    other = {"run": replace(own, run_id=uuid7()), "requester": replace(own, user_id=uuid7())}[stranger]
    arguments = OneRequest(reference=Approval.objects.get().reference)
    with pytest.raises(NotFound):
        WithdrawRequest().call(arguments, caller=other, call_id=uuid7())
    assert not ToolCall.objects.filter(result__withdrawn=True).exists()
