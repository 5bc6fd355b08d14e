"""Every sentence that customers read has words in each language, with the same gaps, and its catalog is compiled."""

from __future__ import annotations

import polib
import pytest

from core.text.speech import SPOKEN
from tests.structure.translations.catalogs import GAP, LANGUAGES, catalog_of, compiled, marked


@pytest.mark.parametrize("language", LANGUAGES)
def test_marked_sentences_have_words_with_the_same_gaps(language: str) -> None:
    wanted, entries = marked(), {entry.msgid: entry for entry in polib.pofile(str(catalog_of(language)))}
    wrong = [f"no words: {text}" for text in wanted if text not in entries]
    wrong += [f"nobody says it: {text}" for text in entries if text not in wanted]
    for text, entry in entries.items():
        said = [*entry.msgstr_plural.values()] if entry.msgid_plural else [entry.msgstr]
        wrong += [f"no words: {text}" for each in said if not each.strip() or entry.fuzzy]
        gaps = set(GAP.findall(text + entry.msgid_plural))
        # The singular of a count may say "one" in words.
        needed = gaps - {"count"} if entry.msgid_plural else gaps
        wrong += [f"other gaps: {text}" for each in said if not needed <= set(GAP.findall(each)) <= gaps]
        wrong += [f"other ends: {text}" for each in said if text.endswith((".", "?")) != each.endswith((".", "?"))]
    assert not wrong, "\n".join([*wrong, "Run python -m tests.structure.translations.catalogs, then write the words."])


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalog_is_compiled(language: str) -> None:
    path = catalog_of(language)
    assert path.with_suffix(".mo").read_bytes() == compiled(polib.pofile(str(path))), "run the catalogs' module again"


def test_languages_of_catalogs_are_those_that_we_speak() -> None:
    assert {*LANGUAGES, "en"} == {*SPOKEN}
