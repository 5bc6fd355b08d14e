"""The words above the figures, in every language, by rule and by a model."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest

from agents.llm import registry
from agents.llm.built_in.briefs import _WORDED
from agents.llm.ports import Emit, Line, Model, ModelFailed, ToolRequest, ToolSpec, Turn
from agents.models import AgentVersion
from analytics.brief.formats import Words
from analytics.brief.summary import write_summary
from analytics.brief.texts import TEXTS, Language
from demo.phrases.briefs import WORDED
from integrations import platforms
from integrations.ports import counted, finding
from tests.analytics.conftest import Morning

FOUND = [
    finding("spend", 0, spend="100\u00a0EUR", conversions="4", per="25\u00a0EUR"),
    counted("waiting", 2, 70, span="3 h", reference="BR-1"),
    counted("overdue", 1, 90, span="1 h", reference="BR-1"),
]


def test_every_language_has_every_text_of_every_section() -> None:
    for _, section in platforms.sections():
        assert set(section.texts) == {code.value for code in Language}
        assert all(section.texts["en"].keys() == texts.keys() for texts in section.texts.values())
        assert {section.key, f"{section.key}_none", f"{section.key}_open", "not_connected"} <= section.texts[
            "en"
        ].keys()


def test_every_language_has_every_text() -> None:
    assert {code: sorted(TEXTS["en"].keys() ^ texts.keys()) for code, texts in TEXTS.items()} == {
        code.value: [] for code in Language
    }
    assert all(worded.keys() == _WORDED["en"].keys() for worded in _WORDED.values())
    assert all(worded.keys() == WORDED["en"].keys() for worded in WORDED.values())


@pytest.mark.parametrize("language", [code.value for code in Language])
def test_texts_of_all_languages_take_the_same_facts(language: str) -> None:
    from string import Formatter

    def facts(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    every = [TEXTS, *(section.texts for _, section in platforms.sections())]
    odd = {key for texts in every for key, text in texts[language].items() if facts(text) != facts(texts["en"][key])}
    assert odd == set()


@pytest.mark.parametrize(
    ("language", "money", "day"),
    [
        ("en", "1,234.50\u00a0EUR", "Sunday, 1 March"),
        ("de", "1.234,50\u00a0EUR", "Sonntag, 1. März"),
        ("fr", "1\u202f234,50\u00a0EUR", "dimanche 1 mars"),
    ],
)
def test_numbers_and_dates_are_written_as_the_language_does(language: str, money: str, day: str) -> None:
    words = Words(language)
    assert (words.money(Decimal("1234.5"), "EUR", 2), words.day(date(2026, 3, 1))) == (money, day)


@pytest.mark.parametrize(("minutes", "text"), [(0, "1 min"), (89, "89 min"), (90, "2 h"), (3000, "2 days")])
def test_span_is_told_in_its_largest_unit(minutes: int, text: str) -> None:
    assert Words("en").span(timedelta(minutes=minutes)) == text


@pytest.mark.django_db
def test_rules_put_the_weightiest_advice_first_and_name_a_request_once(acme: object) -> None:
    written = write_summary(findings=FOUND, language="en", role="approver")
    assert written.advice == ("Decide on BR-1; it's past its deadline.",)
    assert (written.model, "2 requests need your approval" in written.text) == ("local", True)


@pytest.mark.django_db
def test_rules_say_so_when_nothing_stands_out(acme: object) -> None:
    assert write_summary(findings=[], language="de", role="viewer").text.startswith("Nichts wartet")


class Writer(Model):
    """A model at the edge: reads the findings when told to, and answers or fails."""

    key = "writer"

    def __init__(self, text: str, *, reads: bool = True) -> None:
        self.text, self.reads = text, reads

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        if self.reads and not any(line.role == "tool" for line in lines):
            return Turn("", (ToolRequest("1", "daily_brief"),), stop="tool_calls")
        if not self.text:
            raise ModelFailed("model_unreachable")
        return Turn(self.text)


def told_by(monkeypatch: pytest.MonkeyPatch, model: Model) -> tuple[str, tuple[str, ...], str]:
    monkeypatch.setitem(registry._models, "writer", lambda _name: model)
    AgentVersion.objects.update(model="writer")
    written = write_summary(findings=FOUND, language="en", role="approver")
    return written.text, written.advice, written.model


@pytest.mark.slow
@pytest.mark.django_db
def test_model_writes_summary_and_advice(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    told = told_by(monkeypatch, Writer("Two things wait.\n- Sign BR-1.\n- Call bob@acme.example"))
    assert told == ("Two things wait.", ("Sign BR-1.", "Call b•••@a•••.example"), "writer")


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Writer(""), Writer("All is well.", reads=False)])
def test_model_that_fails_or_reads_nothing_is_replaced_by_the_rules(
    morning: Morning, monkeypatch: pytest.MonkeyPatch, model: Model
) -> None:
    assert told_by(monkeypatch, model)[2] == "local"
