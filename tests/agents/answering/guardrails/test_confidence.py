"""Confidence is computed from what was read; below the least the agent asks back once, then a person gets the draft."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering.guardrails.confidence import Confidence, Evidence, Grounds, measure, numbers_in, read_evidence
from agents.answering.guardrails.doubt import is_question
from agents.answering.runs.explanation import explain_run
from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL, Line, RunOutcome, Source, ToolRequest, Turn
from agents.models import AgentRun, AgentVersion
from conversations.models import SuggestedReply
from core.models import AuditEntry
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import article, collection

PASSAGE = UUID("01a213ec-0060-7354-8060-000000000060")
RETURNS = "You can return shoes within 30 days. Sending them back costs 4.90 EUR."


def found(coverage: float, text: str = RETURNS) -> Line:
    """The result of a search."""
    rows = [{"n": 1, "passage": str(PASSAGE), "coverage": coverage, "text": text}]
    return Line("tool", "", call_id="1", tool_name=SEARCH_TOOL, result={"passages": rows, "sure": coverage > 0.5})


FIGURES = {"id": str(PASSAGE), "spend": "1,299.00 EUR", "clicks": 88}
RECORD = Line("tool", "", call_id="2", tool_name="campaign_performance", result=FIGURES)
FERRIES = {"passages": ["Calais to Dover"], "coverage": 60}
SAILINGS = Line("tool", "", call_id="5", tool_name="sailings", result=FERRIES)
FAILED = Line("tool", "", call_id="3", tool_name="rankings", result={"error": "tool_failed"})
PERSON = Line("tool", "", call_id="4", tool_name="bring_person", result={"hand_off": "asked_for_person"})
ASKED = Line("user", "How long can I return shoes from order 4711?")


@pytest.mark.parametrize(
    ("text", "lines", "cited", "value"),
    [
        ("Within 30 days [1].", [ASKED, found(0.8)], True, 80),
        ("Within 30 days, for 4,90 EUR [1].", [ASKED, found(0.8)], True, 80),
        ("Order 4711 can go back within 30 days [1].", [ASKED, found(0.8)], True, 80),
        ("Within 60 days [1].", [ASKED, found(0.8)], True, 20),
        ("Within 8 days [1].", [ASKED, found(0.8)], True, 20),
        ("1299 EUR and 60 clicks.", [ASKED, RECORD], False, 60),
        ("Within 30 days [1].", [ASKED, found(0.8), FAILED], True, 70),
        ("Within 30 days.", [ASKED, found(0.8)], False, 65),
        ("Whenever you like.", [ASKED, found(0.2)], False, 5),
        ("Which shoes do you mean?", [ASKED, found(0.2)], False, None),
        ("A colleague answers.", [ASKED, found(0.2), PERSON], False, None),
        ("1299 EUR and 88 clicks.", [ASKED, RECORD], False, 90),
        ("1299 EUR and 99 clicks.", [ASKED, RECORD], False, 60),
        ("60 % are covered.", [ASKED, SAILINGS], False, 90),
        ("It arrives on the 24th.", [ASKED], False, 30),
        ("Returns are free of charge.", [ASKED], False, 30),
        ("Order 4711: which of your 2 parcels is it?", [ASKED], False, None),
        ("Hello! How can I help?", [ASKED], False, None),
        ("You have 3 options:\n1. wait\n2. write\n3. call", [ASKED], False, None),
        ("", [ASKED, found(0.8)], True, None),
    ],
)  # fmt: skip
def test_confidence_of_an_answer(text: str, lines: list[Line], cited: bool, value: int | None) -> None:
    measured = measure(text, read_evidence(lines), cited=[PASSAGE] if cited else [])
    assert (measured.value if measured else None) == value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,299.00", "1.299,00"), ("1299", "1,299"), ("1 299", "1299"), ("07", "7"), ("１２", "12"), ("12.50", "12,50"),
        ("1,000", "1000"), ("2.000", "2000"), ("1.000.000", "1 000 000"), ("10,000.00", "10000"), ("4.90", "4,9"),
        ("10:00-18:00", "10 to 18"), ("09:30", "9:30"), ("5.0", "5"), ("in 2024 3 of them", "3 in 2024"),
    ],
)  # fmt: skip
def test_same_number_in_two_spellings(one: str, other: str) -> None:
    assert numbers_in(f"It is {one} EUR") == numbers_in(f"{other}!")


@pytest.mark.parametrize(("one", "other"), [("1,000", "1"), ("2.000", "2"), ("1.5", "15 000"), ("10:30", "10")])
def test_other_numbers_are_told_apart(one: str, other: str) -> None:
    assert numbers_in(one) != numbers_in(other)


@pytest.mark.slow
@given(
    text=st.text(max_size=80),
    coverage=st.floats(0, 1),
    records=st.booleans(),
    failures=st.integers(0, 9),
    cited=st.booleans(),
    mended=st.booleans(),
)
def test_factors_sum_up_and_no_word_of_the_text_makes_it_surer(
    text: str, coverage: float, records: bool, failures: int, cited: bool, mended: bool
) -> None:
    evidence = Evidence({str(PASSAGE): coverage}, has_searched=True, has_records=records, failures=failures)
    measured = measure(text, evidence, cited=[PASSAGE] if cited else [], is_mended=mended)
    if measured is None:
        return
    assert 0 <= measured.value <= 100
    assert sum(points for _, points in measured.factors) == measured.value
    boasted = measure(f"{text} I am 100 % sure.", evidence, cited=[PASSAGE] if cited else [], is_mended=mended)
    assert isinstance(boasted, Confidence)
    assert boasted.value <= measured.value


def test_what_our_rules_write_is_measured_by_its_sources_alone() -> None:
    rules = Grounds(least=70, only_cited=True)
    rules.take([ASKED, found(0.6)])
    plain = RunOutcome("I can raise budgets by up to 20 %.", 1)
    quoted = RunOutcome("Within 30 days [1].", 1, sources=(Source(1, PASSAGE),))
    kept = RunOutcome("Within 30 days [1].", 0, sources=(Source(1, PASSAGE),))
    assert [rules.measure(each) is None for each in (plain, quoted, kept)] == [True, False, True]
    assert rules.is_low(rules.measure(quoted))
    assert not rules.holds("Within 30 days.")


def test_streamed_text_without_a_source_waits_for_its_end() -> None:
    model = Grounds(least=50, only_cited=False, told="We open at 10:30.")
    model.take([ASKED])
    assert [model.holds(text) for text in ("Hello! ", "We open at 10:30.", "It costs 55 EUR.")] == [False, False, True]
    assert not Grounds(least=0, only_cited=False).holds("It costs 55 EUR.")


def answering(text: str, sources: list[int], question: str = "return shoes") -> Any:
    """A model that looks something up and answers with these sources."""

    def script(lines: Any, _tools: Any) -> Turn:
        if lines[-1].role == "tool":
            parts = {"parts": [{"text": text, "sources": sources}]}
            return Turn("", (ToolRequest(uuid4().hex, ANSWER_TOOL, parts),), stop="tool_calls")
        return Turn("", (ToolRequest(uuid4().hex, SEARCH_TOOL, {"question": question}),), stop="tool_calls")

    return script


@pytest.mark.slow
def test_unsure_agent_asks_back_once_and_then_a_person_gets_the_draft(desk: Desk) -> None:
    article(collection(), "Returns", RETURNS)
    desk.script(answering("Within 60 days, call +34 600 123 456.", [1]))
    assert is_question(desk.say("How long can I return shoes?", "visitor"))
    first = desk.last_run
    assert (first.state, first.asked_back, first.error_code) == (AgentRun.State.FINISHED, True, "")
    assert first.confidence is not None
    assert first.confidence < 50
    assert not SuggestedReply.objects.exists()

    assert desk.say("I mean sending them back", "visitor").startswith("I'm not sure about this one")
    run, kept = desk.last_run, SuggestedReply.objects.get()
    assert (run.state, run.error_code, run.confidence) == (AgentRun.State.FAILED, "low_confidence", kept.confidence)
    assert desk.conversation.escalation_reason == kept.reason == "low_confidence"
    assert kept.body.startswith("Within 60 days, call +34 600 123 456.")
    assert "600 123" not in kept.masked_body
    assert [source["title"] for source in kept.sources] == ["Returns"]
    assert kept.run_id == run.pk
    assert "60" not in "".join(desk.answers(desk.conversation.pk))
    assert "600 123" not in str(list(AuditEntry.objects.values_list("facts", flat=True)))

    why = explain_run(viewer=desk.world.actor("admin"), run_id=run.pk)
    assert why.checks == "stopped"
    assert sum(factor["points"] for factor in why.factors) == run.confidence
    assert {factor["name"] for factor in why.factors} == {"coverage", "numbers_not_read"}


@pytest.mark.slow
def test_sure_answer_is_sent_and_a_later_doubt_asks_back_again(desk: Desk) -> None:
    article(collection(), "Returns", RETURNS)
    desk.script(answering("Within 60 days.", [1]))
    assert is_question(desk.say("How long can I return shoes?", "visitor"))
    desk.script(answering("Within 30 days.", [1]))
    assert desk.say("To return shoes?", "visitor").startswith("Within 30 days. [1]")
    assert desk.last_run.confidence is not None
    desk.script(answering("Within 90 days.", [1]))
    assert is_question(desk.say("And to return shoes unworn?", "visitor"))


@pytest.mark.slow
def test_question_is_put_in_the_customers_language(desk: Desk) -> None:
    article(collection(), "Rückgabe", "Sie können Schuhe innerhalb von 30 Tagen zurückgeben.")
    desk.script(answering("Innerhalb von 60 Tagen.", [1], "Schuhe zurückgeben"))
    assert desk.say("Wie lange kann ich die Schuhe zurückgeben?", "visitor").startswith("Ich bin nicht sicher")


@pytest.mark.slow
def test_least_confidence_is_a_setting_of_the_version(desk: Desk) -> None:
    where = collection()
    article(where, "Returns", RETURNS)
    article(where, "Parcels", "A parcel takes two days.")
    desk.script(answering("Within 60 days.", [1]))
    AgentVersion.objects.update(min_confidence=0)
    assert desk.say("How long can I return shoes?", "visitor").startswith("Within 60 days.")
    AgentVersion.objects.update(min_confidence=100, model="local")
    assert is_question(desk.say("Can I return shoes in a parcel?", "visitor-2"))
    assert desk.last_run.confidence is not None


@pytest.mark.slow
def test_request_is_always_told_however_sure_the_words_beside_it_are(desk: Desk) -> None:
    AgentVersion.objects.update(min_confidence=100)
    wish = {"campaign": "Summer Sale", "daily_budget": "900.00", "currency": "EUR"}

    def script(lines: Any, _tools: Any) -> Turn:
        if lines[-1].role == "tool":
            return Turn("Noted, it may take 45 minutes.")
        return Turn("", (ToolRequest("c1", "set_campaign_budget", wish),), stop="tool_calls")

    desk.script(script)
    said = desk.say("Raise Summer Sale to 900 EUR", agent="paid_ads")
    assert "This needs approval" in said
    assert desk.last_run.confidence is not None
    assert desk.last_run.confidence < 100


@pytest.mark.slow
def test_stopped_answer_is_a_draft_for_the_person(desk: Desk) -> None:
    desk.script(lambda _lines, _tools: Turn("The budget has been raised."))
    desk.say("raise it", agent="paid_ads")
    kept = SuggestedReply.objects.get()
    assert (kept.reason, kept.confidence, kept.body) == ("gate_claim", None, "The budget has been raised.")
