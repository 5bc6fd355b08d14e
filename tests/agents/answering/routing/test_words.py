"""Conditions of answer rules in words."""

import pytest

from agents.answering.routing.words import condition_in_words


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", ""),
        ('colleague == "no"', "the sender isn't a colleague"),
        ('verified != "no" and intent == "returns"', "the sender has proven who they are and the intent is “returns”"),
        ('language in ("de", "fr") or hour >= 18', "the language is one of “de” or “fr” or the hour is at least 18"),
        ('"private" in words', "the words of the message contain “private”"),
        ('(hour > 3 or hour < 2) and colleague == "no"', ""),
        ("nonsense >", ""),
    ],
)
def test_condition_is_said_in_words_or_left_to_its_text(condition: str, words: str) -> None:
    assert condition_in_words(condition) == words
