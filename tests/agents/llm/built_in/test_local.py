"""The local model reads commands as people write them, and never proposes on a doubt."""

import json
from pathlib import Path
from time import process_time

import pytest

from agents.llm.built_in.decide import decide
from agents.llm.built_in.model import LocalModel
from agents.llm.built_in.questions import ask
from agents.llm.built_in.replies import say
from agents.llm.built_in.types import PERSON_OFFER, Call
from agents.llm.ports import Line, ToolRequest, ToolSpec
from tests.rows import check_rows

HERE = Path(__file__).parent
Rows = list[tuple[str, dict[str, str]]]


def load(name: str) -> dict[str, Rows]:
    found: dict[str, Rows] = json.loads((HERE / f"{name}.json").read_text())
    return found


PARAPHRASES = load("paraphrases")
HELD_OUT = load("held_out")
SECOND = load("held_out_second")
NEVER: list[str] = json.loads((HERE / "never_proposes.json").read_text())
ALL_TOOLS = [ToolSpec(name, name, name, {}) for name in [*PARAPHRASES, "bring_person"]]


def calls_of(*lines: str) -> list[Call]:
    """The calls for a customer's lines, our own questions in between written as "< text"."""
    turns = [("assistant", t[2:]) if t.startswith("< ") else ("user", t) for t in lines]
    return [call for decision in decide(turns) for call in decision.calls]


def folded(arguments: dict[str, str]) -> dict[str, str]:
    return {name: value.casefold() for name, value in arguments.items()}


def is_right(tool: str, text: str, arguments: dict[str, str]) -> bool:
    calls = [(call.tool, folded(dict(call.arguments))) for call in calls_of(text)]
    return calls == [(tool, folded(arguments))]


def share_right(tool: str, rows: Rows) -> float:
    return sum(is_right(tool, text, arguments) for text, arguments in rows) / len(rows)


@pytest.mark.parametrize("tool", PARAPHRASES)
def test_paraphrases_of_a_tool_are_twenty_and_nine_in_ten_right(tool: str) -> None:
    assert len(PARAPHRASES[tool]) >= 20
    assert share_right(tool, PARAPHRASES[tool]) >= 0.9


@pytest.mark.parametrize("tool", HELD_OUT)
def test_held_out_sentences_never_call_the_wrong_acting_tool(tool: str) -> None:
    wrong = [text for text, _ in HELD_OUT[tool] if any(call.acting and call.tool != tool for call in calls_of(text))]
    assert wrong == []


def test_never_table_is_long_enough() -> None:
    assert len(NEVER) >= 40


def test_doubt_negation_question_or_attack_never_proposes() -> None:
    def check(text: str) -> None:
        assert [call for call in calls_of(text) if call.acting] == []

    check_rows(NEVER, check)


def question(*lines: str) -> str:
    """What the model asks back after these lines."""
    turns = [("assistant", t[2:]) if t.startswith("< ") else ("user", t) for t in lines]
    pending = decide(turns)[-1].pending
    assert pending is not None
    return f"< {ask(pending)}"


def test_missing_amount_is_asked_and_its_answer_completes_the_command() -> None:
    first = "Raise the daily budget of Summer Sale"
    asked = question(first)
    assert asked == "< What should the daily budget of Summer Sale be?"
    expected = Call("set_campaign_budget", {"campaign": "Summer Sale", "daily_budget": "900"}, True)
    assert calls_of(first, asked, "900") == [expected]


def test_missing_campaign_then_amount_are_asked_one_after_the_other() -> None:
    first = question("please raise the daily budget")
    second = question("please raise the daily budget", first, "Summer Sale")
    calls = calls_of("please raise the daily budget", first, "Summer Sale", second, "€900")
    assert calls[0].arguments["currency"] == "EUR"


def test_missing_wording_fills_the_field_that_was_named() -> None:
    first = "change the meta description of /pricing"
    calls = calls_of(first, question(first), "From 9 euros")
    assert dict(calls[0].arguments) == {"page": "/pricing", "description": "From 9 euros"}


def test_burst_without_answers_between_is_one_command() -> None:
    calls = calls_of("raise the daily budget", "of Summer Sale", "to 900")
    assert [dict(call.arguments) for call in calls] == [{"campaign": "Summer Sale", "daily_budget": "900"}]


def test_later_line_of_a_burst_takes_the_command_back() -> None:
    assert calls_of("Raise Summer Sale to 900", "no wait, never mind") == []


def test_yes_after_shall_i_proposes() -> None:
    first = "Should I raise Summer Sale to 900?"
    assert [c.tool for c in calls_of(first, question(first), "yes please")] == ["set_campaign_budget"]


@pytest.mark.parametrize("answer", ["no", "not yet", "hmm maybe", "what does it spend?"])
def test_anything_but_yes_after_shall_i_does_not_propose(answer: str) -> None:
    first = "Should I raise Summer Sale to 900?"
    assert [c for c in calls_of(first, question(first), answer) if c.acting] == []


def test_yes_to_a_colleagues_question_does_not_revive_an_old_one() -> None:
    first = "Should I raise Summer Sale to 900?"
    assert calls_of(first, question(first), "no", "< Shall I send you the report?", "yes") == []


def test_doubtful_answer_to_the_amount_asks_again() -> None:
    first = "Raise the daily budget of Summer Sale"
    assert [c for c in calls_of(first, question(first), "maybe 900") if c.acting] == []


def test_pronoun_means_the_campaign_spoken_of() -> None:
    calls = calls_of("How is Summer Sale doing?", "< Summer Sale: fine.", "raise it to 900")
    assert calls == [Call("set_campaign_budget", {"campaign": "Summer Sale", "daily_budget": "900"}, True)]


def test_two_commands_in_one_message_are_two_calls() -> None:
    calls = calls_of("Pause Winter Boots and raise Summer Sale to 900")
    assert [call.tool for call in calls] == ["pause_campaign", "set_campaign_budget"]


def test_unknown_name_is_answered_with_another_name() -> None:
    said = "< I can't find the campaign “Sumer”. I know: Summer Sale. Which one do you mean?"
    calls = calls_of("Raise Sumer to 900", said, "Summer Sale")
    assert dict(calls[0].arguments) == {"campaign": "Summer Sale", "daily_budget": "900"}


def test_quoted_orders_are_content() -> None:
    calls = calls_of('Send "Pause your day, don\'t miss it" to VIP customers')
    assert [call.tool for call in calls] == ["send_audience_message"]


def turn_text(text: str, tools: list[ToolSpec] = ALL_TOOLS) -> str:
    return LocalModel().turn([Line("user", text)], tools, prompt="", emit=lambda _: None).text


def test_model_says_what_it_is() -> None:
    assert "a small set of rules and am not a language model" in turn_text("are you a language model?")


def test_visitor_without_tools_is_refused_politely() -> None:
    public = [ToolSpec("bring_person", "", "", {})]
    assert turn_text("Raise the daily budget of Summer Sale to 900", public).startswith("Sorry")


def test_visitor_question_back_is_refused_too() -> None:
    assert "only signed-in colleagues" in turn_text("Raise the daily budget", [])


def test_person_offered_twice_and_passed_over_twice_is_no_failure() -> None:
    offered = ("assistant", f"I am sorry. {PERSON_OFFER}")
    asked = ("user", "Which keywords do we rank for?")
    assert decide([asked, offered, asked, offered, asked]) == decide([asked])


def test_pieces_emitted_make_up_the_answer() -> None:
    pieces: list[str] = []
    turn = LocalModel().turn([Line("user", "hello")], ALL_TOOLS, prompt="", emit=pieces.append)
    assert "".join(pieces).strip() == turn.text


def test_results_are_worded_after_the_call() -> None:
    model = LocalModel()
    ask_line = Line("user", "list audiences")
    request = model.turn([ask_line], ALL_TOOLS, prompt="", emit=lambda _: None).tool_requests[0]
    result = {"audiences": [{"name": "VIP", "people": "40 reachable"}]}
    lines = [
        ask_line,
        Line("assistant", "", (request,)),
        Line("tool", "", call_id=request.call_id, tool_name=request.name, result=result),
    ]
    assert model.turn(lines, ALL_TOOLS, prompt="", emit=lambda _: None).text == "Audiences:\n- VIP: 40 reachable"


def test_same_text_gives_the_same_call_id() -> None:
    lines = [Line("user", "Pause Summer Sale")]
    first, second = (LocalModel().turn(lines, ALL_TOOLS, prompt="", emit=lambda _: None) for _ in range(2))
    assert first.tool_requests == second.tool_requests
    assert isinstance(first.tool_requests[0], ToolRequest)


def test_bring_in_a_person_offer_is_taken_by_yes() -> None:
    offer = say("", [], refused=True)
    calls = calls_of("Raise Summer Sale to 900", f"< {offer}", "yes please")
    assert [call.tool for call in calls] == ["bring_person"]


def test_wish_for_a_person_calls_one() -> None:
    assert [c.tool for c in calls_of("I want to talk to a human")] == ["bring_person"]


@pytest.mark.timed
def test_long_text_without_end_is_read_at_once() -> None:
    begun = process_time()
    decide([("user", "é" * 1400 + "-" * 1400 + "1 " * 600)])
    assert process_time() - begun < 2


@pytest.mark.timed
@pytest.mark.slow
def test_burst_of_countless_sentences_is_read_at_once() -> None:
    begun = process_time()
    decide([("user", "a. " * 1300)] * 10)
    assert process_time() - begun < 5
