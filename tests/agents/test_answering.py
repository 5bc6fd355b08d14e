"""Signers ask back or send back: the requester answers in his chat, in words, and sends in again with other values."""

from collections.abc import Callable

import pytest

from agents import services
from agents.local.answering import question_answered
from agents.local.decide import decide
from agents.local.types import ASKS
from agents.models import AgentRun, ToolCall
from agents.selectors import caller_of
from agents.tools.acting import BudgetArguments, SetCampaignBudget
from hitl.models import Approval, Decision, Revision
from hitl.services import ask, send_back
from hitl.services import decide as vote
from tests.agents.conftest import Desk

RAISE = "Raise the daily budget of Summer Sale to 900"


def stored() -> Approval:
    found: Approval = Approval.objects.get()
    return found


def asked(desk: Desk, move: Callable[..., object] = ask, reason: str = "For how long?") -> Approval:
    """Have the approver ask about a request, or send it back, and the requester be told."""
    desk.say(RAISE)
    approval = stored()
    move(actor=desk.world.actor("approver"), approval_id=approval.pk, digest=approval.digest, reason=reason)
    services.relay_asking(approval_id=approval.pk)
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
        f"I have passed your answer about {approval.reference} on, word for word. It waits for a signature again."
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
    assert ToolCall.objects.get(name="answer_signers").arguments == {"reference": stored().reference}


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
    assert told.startswith(f"{approval.reference} is sent in again: ")
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
    wish = BudgetArguments(campaign="Summer Sale", daily_budget="700")
    told = SetCampaignBudget().call(wish, caller=caller, call_id=call.pk)
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
