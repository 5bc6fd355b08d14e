"""Texts that are hard to cut into words: each reader of words gives exactly what is written down for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.answering.guardrails import screen
from agents.answering.interpretation.words import Text
from agents.knowledge.search.words import words_of
from conversations.inbox.triage import checks
from core.privacy.visible_text import visible
from core.text.words import Cut, placed_words, words

HARD: list[dict[str, Any]] = json.loads(Path(__file__).with_name("hard_texts.json").read_text())
READERS = {
    "meaning": lambda text: list(Text.of(text).words),
    "gate": screen.words_of,
    "question": words_of,
    "places": lambda text: [list(word) for word in placed_words(text)],
    "name": lambda text: words(text.casefold(), cut=Cut.LETTERS),
    "rule": lambda text: [word.lower() for word in checks.WORD.findall(text)],
    "visible": visible,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("row", HARD, ids=range(len(HARD)))
def test_hard_text_is_read_as_written_down(row: dict[str, Any], reader: str) -> None:
    assert READERS[reader](row["text"]) == row[reader]
