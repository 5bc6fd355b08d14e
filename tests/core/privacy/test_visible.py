"""What is shown to who signs."""

import pytest

from core.privacy.visible_text import visible, visible_document


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay 900\u202e00,1 EUR", "pay 900[U+202E]00,1 EUR"),
        ("\u2066Sale\u2069", "[U+2066]Sale[U+2069]"),
        ("ad\u200bmin", "ad[U+200B]min"),
        ("a\u200db", "a[U+200D]b"),
        ("x\u2800y", "x[U+2800]y"),
        ("a\x1b[31mb\rc", "a[U+001B][31mb[U+000D]c"),
        ("ok\U000e0041", "ok[U+E0041]"),
        ("\u0412rand sale", "\u0412[U+0412]rand sale"),
        ("p\u0430ypal", "p\u0430[U+0430]ypal"),
    ],
)
def test_what_nobody_would_see_is_marked(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Spring sale – 20 % off, €1.200,50",
        "Привет мир",
        "Καλημέρα",
        "שלום 12",
        "नमस्\u200dते",
        "می\u200cخواهم",
        "👨\u200d👩\u200d👧 ❤\ufe0f",
        "line\nnext\ttab",
        "5 µm, naïve, ﬁne, straße",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_line_ends_of_other_systems_are_line_ends() -> None:
    assert visible("one\r\ntwo") == "one\ntwo"


def test_document_is_shown_with_all_its_texts() -> None:
    assert visible_document({"rows": [{"after": "a\u202eb"}], "n": 1}) == {"rows": [{"after": "a[U+202E]b"}], "n": 1}
