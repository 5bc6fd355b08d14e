"""The built-in model without a phrase book: documents, people, and no word of any field of work."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from agents.llm.built_in import phrases
from agents.llm.built_in.decide import decide
from agents.llm.built_in.model import LocalModel, topic_of
from agents.llm.built_in.replies import say
from agents.llm.built_in.types import NOT_KNOWN, PERSON
from agents.llm.ports import SEARCH_TOOL, Line, ToolSpec, Turn
from demo.phrases.book import MarketingPhrases
from demo.phrases.replies import word

OF_THE_DEMO: Final = re.compile(r"campaign|budget|audience|ranking|article|advert|marketing", re.IGNORECASE)
COMMANDS: Final = (
    "Pause Summer Sale",
    "Set the daily budget of Summer Sale to 900 EUR",
    "How do we rank for boots?",
    'Publish "Boot care 101"',
    "list audiences",
    "draft a post about boots",
)


@pytest.fixture(autouse=True)
def _knows_nothing() -> Iterator[None]:
    before = phrases.book()
    phrases.register(phrases.PhraseBook())
    yield
    phrases.register(before)


def turn(*lines: Line, tools: tuple[str, ...]) -> Turn:
    offered = [ToolSpec(name, name, name, {}) for name in tools]
    return LocalModel().turn(lines, offered, prompt="", emit=lambda _: None)


def test_the_demo_teaches_the_model_in_this_installation() -> None:
    phrases.register(MarketingPhrases())
    assert topic_of([Line("user", "Pause Summer Sale")]) is not None


@pytest.mark.parametrize("text", COMMANDS)
def test_command_of_a_field_that_nobody_taught_is_looked_up_and_calls_nothing(text: str) -> None:
    asked = turn(Line("user", text), tools=("pause_campaign", "rankings", SEARCH_TOOL, PERSON)).tool_requests
    assert [(request.name, request.arguments) for request in asked] == [(SEARCH_TOOL, {"question": text})]


@pytest.mark.parametrize("text", COMMANDS)
def test_command_of_a_field_that_nobody_taught_has_no_topic(text: str) -> None:
    assert topic_of([Line("user", text)]) is None


def test_second_question_without_an_answer_brings_in_a_person() -> None:
    lines = (Line("user", "Pause it"), Line("assistant", f"{NOT_KNOWN} Could you put it another way?"))
    again = Line("user", "Pause Summer Sale")
    tools = (SEARCH_TOOL, PERSON)
    looked_up = turn(*lines, again, tools=tools).tool_requests[0]
    nothing = Line("tool", "", call_id=looked_up.call_id, tool_name=SEARCH_TOOL, result={"sure": False})
    asked = turn(*lines, again, Line("assistant", "", tool_requests=(looked_up,)), nothing, tools=tools).tool_requests
    assert [request.name for request in asked] == [PERSON]


def test_person_who_is_asked_for_is_brought_in() -> None:
    assert [call.tool for decision in decide([("user", "I want to talk to a person")]) for call in decision.calls] == [
        PERSON
    ]


@pytest.mark.parametrize("topic", ["greeting", "nothing", "decide", "thanks", "identity", "advice", "refuse", "resume"])
def test_sentences_name_no_field_of_work(topic: str) -> None:
    said = [say(topic, tools, refused=refused) for tools in ((), ("a_tool",)) for refused in (False, True)]
    assert [sentence for sentence in said if OF_THE_DEMO.search(sentence)] == []


def test_kept_comparison_of_before_is_still_worded() -> None:
    result = {"measure": "ROAS", "campaigns": [{"name": "Boots", "status": "active", "roas": "2.1"}], "total": {}}
    assert "Boots: 2.1" in word("compare_campaigns", result)
