"""Texts that are hard to cut into words: each reader of words gives exactly what is written down for it."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.gate import screening
from agents.knowledge.words import words_of
from agents.reading.words import Text
from agents.redaction.words import read_words
from conversations.services import triage
from core.privacy.visible_text import visible
from core.text import matching

HARD: list[dict[str, Any]] = json.loads(Path(__file__).with_name("hard_texts.json").read_text())
READERS = {
    "meaning": lambda text: list(Text.of(text).words),
    "gate": screening._words,
    "question": words_of,
    "places": lambda text: [list(word) for word in read_words(text)],
    "name": matching._words,
    "rule": lambda text: [word.lower() for word in triage._WORD.findall(text)],
    "visible": visible,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("row", HARD, ids=range(len(HARD)))
def test_hard_text_is_read_as_written_down(row: dict[str, Any], reader: str) -> None:
    assert READERS[reader](row["text"]) == row[reader]
