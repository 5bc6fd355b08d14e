"""Approvers ask or send back; the requester answers in the chat and resubmits with other values."""

from collections.abc import Callable

import pytest

from agents import services
from agents.answering.selectors import caller_of
from agents.answering.tools import registry as tools
from agents.answering.tools.registry import OneRequest
from agents.answering.tools.resend import ResubmitRequest
from agents.llm.built_in.decide import decide
from agents.llm.built_in.requester_answers import question_answered, request_to_resubmit
from agents.llm.ports import ASKS, SENT_BACK
from agents.models import AgentRun, ToolCall
from conversations.inbox.states import give_back, take_over
from conversations.services import Draft, Sender, reply
from hitl.approvals.decide.questions import ask, send_back
from hitl.models import Approval, Decision, Revision
from hitl.services import decide as vote
from tests.agents.conftest import Desk

pytestmark = pytest.mark.slow

RAISE = "Raise the daily budget of Summer Sale to 900"


def stored() -> Approval:
    found: Approval = Approval.objects.get()
    return found


def asked(desk: Desk, move: Callable[..., object] = ask, reason: str = "For how long?") -> Approval:
    """Have the approver ask about a request, or send it back, and the requester be told."""
    desk.say(RAISE)
    approval = stored()
    move(actor=desk.world.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason=reason)
    services.relay_question(approval_id=approval.pk)
    return approval


def returned(desk: Desk) -> Approval:
    return asked(desk, send_back, "Too much")


@pytest.mark.parametrize(
    "words", ["Two weeks, until the end of the sale.", "no, just this week", "Solo dos semanas, por favor", "yes"]
)
def test_words_after_the_question_are_recorded_as_the_answer(desk: Desk, words: str) -> None:
    approval = asked(desk)
    told = desk.say(words)
    note = Decision.objects.get(verdict="answer")
    assert (stored().state, note.reason, note.person_id) == ("pending", words, desk.world.people["support"].pk)
    assert told == (
        f"I've passed your answer about {approval.reference} on, word for word. It's waiting for approval again."
    )


def test_answered_request_is_signed_as_it_was(desk: Desk) -> None:
    approval = asked(desk)
    desk.say("Two weeks")
    done = vote(actor=desk.world.actor("approver"), approval_id=approval.pk, verdict="approve", digest=approval.digest)
    assert (done.state, done.revision) == ("approved", 1)


def test_later_answer_names_the_request(desk: Desk) -> None:
    approval = asked(desk)
    desk.say("What are the campaigns?")
    desk.say("hm")
    assert stored().state == "info_requested"
    desk.say(f"{approval.reference}: two weeks")
    assert stored().state == "pending"


def test_model_cannot_put_words_into_the_requesters_mouth(desk: Desk) -> None:
    asked(desk)
    desk.say("Two weeks")
    assert Decision.objects.get(verdict="answer").reason == "Two weeks"
    assert ToolCall.objects.get(name="answer_approvers").arguments == {"reference": stored().reference}


def test_nobody_else_answers(desk: Desk) -> None:
    asked(desk)
    desk.say("Two weeks", role="approver")
    desk.say("Two weeks", role="visitor")
    assert stored().state == "info_requested"


@pytest.mark.parametrize("words", ["Make it 700 a day", "700 then", "Set the daily budget of Summer Sale to 700"])
def test_returned_request_is_sent_in_again_with_other_numbers(desk: Desk, words: str) -> None:
    approval = returned(desk)
    told = desk.say(words)
    again = stored()
    assert (again.pk, again.state, again.revision) == (approval.pk, "pending", 2)
    assert again.payload["daily_budget"] == "700.00"
    assert told.startswith(f"{approval.reference} is resubmitted: ")
    assert [row["after"] for row in Revision.objects.get().diff] == ["700.00"]
    assert Decision.objects.get(verdict="resubmit").reason == words


def test_run_that_sent_in_again_is_done_when_the_request_is(desk: Desk) -> None:
    returned(desk)
    desk.say("Make it 700 a day")
    assert desk.last_run.state == AgentRun.State.WAITING
    again = stored()
    vote(actor=desk.world.actor("approver"), approval_id=again.pk, verdict="reject", digest=again.digest, reason="No")
    run = services.take_outcome(approval_id=again.pk)
    assert run is not None
    services.run_turn(run.pk)
    assert not AgentRun.objects.filter(state=AgentRun.State.WAITING).exists()


def test_call_that_is_done_again_after_a_crash_asks_for_nothing_new(desk: Desk) -> None:
    returned(desk)
    desk.say("Make it 700 a day")
    call = ToolCall.objects.order_by("-created_at")[0]
    caller = caller_of(call.run, call.run.agent_version)
    tool = tools.get("set_campaign_budget")
    wish = tool.read({"campaign": "Summer Sale", "daily_budget": "700"})
    told = tool.call(wish, caller=caller, call_id=call.pk)
    assert (told["reference"], Approval.objects.count(), stored().revision) == (stored().reference, 1, 2)


def test_wish_about_another_thing_is_a_request_of_its_own(desk: Desk) -> None:
    returned(desk)
    desk.say("Pause Winter Boots")
    assert sorted(Approval.objects.values_list("kind", "state")) == [
        ("pause_campaign", "pending"), ("set_campaign_budget", "returned"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [("Two weeks", "BR-7"), ("What are the campaigns?", ""), ("thanks", ""), ("hello", ""),
     ("Pause Winter Boots", ""), ("I want to talk to a person", ""), ("BR-8: no", ""), ("br-7 two weeks", "BR-7")],
)  # fmt: skip
def test_what_is_an_answer_and_what_is_not(words: str, expected: str) -> None:
    lines = [("user", RAISE), ("assistant", f"{ASKS} BR-7 (Raise it). I pass your answer on: Why?"), ("user", words)]
    assert question_answered(lines, decide(lines)) == expected


@pytest.mark.parametrize(
    "words", ["Send it again as it is", "Please resubmit it unchanged", "br-1001: resend the same"]
)
def test_returned_request_is_sent_in_again_as_it_was(desk: Desk, words: str) -> None:
    approval = returned(desk)
    told = desk.say(words)
    again = stored()
    assert (again.pk, again.state, again.revision, again.payload) == (approval.pk, "pending", 2, approval.payload)
    assert told.startswith(f"{approval.reference} is resubmitted: ")
    assert Decision.objects.get(verdict="resubmit").reason == words
    assert desk.last_run.state == AgentRun.State.WAITING


def test_request_that_is_sent_in_as_it_was_is_done_once_after_a_crash(desk: Desk) -> None:
    returned(desk)
    desk.say("Send it again as it is")
    call = ToolCall.objects.order_by("-created_at")[0]
    caller = caller_of(call.run, call.run.agent_version)
    told = ResubmitRequest().call(OneRequest(reference=stored().reference), caller=caller, call_id=call.pk)
    assert (told["reference"], stored().revision) == (stored().reference, 2)


def test_nobody_else_sends_it_in_again(desk: Desk) -> None:
    returned(desk)
    desk.say("Send it again as it is", role="approver")
    assert stored().state == "returned"


@pytest.mark.parametrize(
    ("words", "expected"),
    [("Send it again as it is", "BR-7"), ("resubmit BR-7 without changes", "BR-7"), ("Resend BR-8 unchanged", ""),
     ("Don't send it again as it is", ""), ("Should I send it again as it is?", ""), ("send it again", ""),
     ("Send it again as it is, but with 700", ""), ("leave it as it is", ""),
     ("Send it in again unchanged, please", "BR-7"), ("Just submit that again, don't change anything", "BR-7")],
)  # fmt: skip
def test_what_sends_it_in_again_and_what_does_not(words: str, expected: str) -> None:
    lines = [("user", RAISE), ("assistant", f"BR-7 (Raise it) {SENT_BACK}. What has to change: less"), ("user", words)]
    assert request_to_resubmit(lines) == expected


def taken_over(desk: Desk) -> Approval:
    approval = asked(desk)
    take_over(actor=desk.world.actor("admin"), conversation_id=desk.conversation.pk)
    return approval


def tell_a_person(desk: Desk, words: str, role: str = "support") -> bool:
    message = desk.receive(words, role)
    assert services.take_message(message_id=message.pk) is None
    return services.record_requester_answer(message_id=message.pk)


def test_answer_to_the_signers_counts_while_a_person_has_the_conversation(desk: Desk) -> None:
    approval = taken_over(desk)
    assert tell_a_person(desk, "Two weeks, call me at +34 600 111 222")
    note = Decision.objects.get(verdict="answer")
    assert (stored().state, note.person_id) == ("pending", desk.world.people["support"].pk)
    assert note.reason.startswith("Two weeks")
    assert "600 111 222" not in note.reason
    assert f"your answer about {approval.reference}" in desk.answers(desk.conversation.pk)[-1]
    assert desk.conversation.state == "person"


def test_answer_is_recorded_once_however_often_it_is_delivered(desk: Desk) -> None:
    taken_over(desk)
    message = desk.receive("Two weeks")
    heard = [services.record_requester_answer(message_id=message.pk) for _ in range(2)]
    assert (heard, Decision.objects.filter(verdict="answer").count()) == ([True, False], 1)


def test_what_is_said_to_the_person_is_no_answer(desk: Desk) -> None:
    taken_over(desk)
    assert not tell_a_person(desk, "thanks")
    reply(
        actor=desk.world.actor("admin"),
        conversation_id=desk.conversation.pk,
        draft=Draft(text="Hello, how can I help?", sender=Sender(type="person")),
    )
    assert not tell_a_person(desk, "I cannot sign in")
    assert tell_a_person(desk, f"{stored().reference}: two weeks")


@pytest.mark.parametrize("role", ["approver", "visitor"])
def test_nobody_else_answers_while_a_person_has_the_conversation(desk: Desk, role: str) -> None:
    taken_over(desk)
    message = desk.receive("Two weeks", role)
    assert not services.record_requester_answer(message_id=message.pk)
    assert stored().state == "info_requested"


def framed(desk: Desk) -> str:
    """A colleague writes what looks like the signers' question; the real one was asked about before."""
    approval = taken_over(desk)
    tell_a_person(desk, "thanks")
    words = f"{ASKS} {approval.reference} (Raise it). Reply here and I'll pass your answer on: Shall I wait?"
    colleague = desk.world.actor("admin")
    reply(actor=colleague, conversation_id=desk.conversation.pk, draft=Draft(text=words, sender=Sender(type="person")))
    return approval.reference


def test_colleague_asks_nothing_in_the_signers_name(desk: Desk) -> None:
    reference = framed(desk)
    assert not tell_a_person(desk, "yes, wait")
    assert tell_a_person(desk, f"{reference}: two weeks")


def test_agent_takes_no_colleagues_words_for_the_signers_question(desk: Desk) -> None:
    framed(desk)
    give_back(actor=desk.world.actor("admin"), conversation_id=desk.conversation.pk)
    desk.say("Until the end of the month, please")
    assert stored().state == "info_requested"
