"""Frames of the chat socket: what is understood, what is refused, and with which code."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.web_chat import frames
from core.errors import Invalid

ID = "11111111-1111-4111-8111-111111111111"


def sent(**fields: Any) -> str:
    return json.dumps({"type": "send_message", "id": ID, "message": "hello", **fields})


def test_message_well_formed_is_parsed() -> None:
    parsed = frames.parse(sent(agent="paid-ads"))
    assert isinstance(parsed, frames.SendMessage)
    assert (str(parsed.id), parsed.message, parsed.agent) == (ID, "hello", "paid-ads")


def test_message_at_the_limit_is_taken() -> None:
    frames.parse(sent(message="ü" * frames.MESSAGE_LIMIT))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"message": "x" * 4097}, "too_long"),
        ({"message": "  \n"}, "empty"),
        ({"message": "\x00"}, "empty"),
        ({"message": 7}, "bad_frame"),
        ({"message": None}, "bad_frame"),
        ({"id": "7"}, "bad_frame"),
        ({"id": None}, "bad_frame"),
        ({"id": "{11111111-1111-4111-8111-111111111111}"}, "bad_frame"),
        ({"agent": {"a": 1}}, "bad_frame"),
        ({"type": "drop_table"}, "unknown_type"),
        ({"type": ["send_message"]}, "unknown_type"),
        ({"type": None}, "unknown_type"),
    ],
)
def test_message_wrong_is_refused_with_a_code(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        frames.parse(sent(**fields))
    assert refused.value.code == code


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '"auth"', "null", "[" * 5000, '{"a":NaN'])
def test_text_that_is_no_object_is_a_bad_frame(text: str) -> None:
    with pytest.raises(frames.BadFrame):
        frames.parse(text)


@pytest.mark.parametrize("after", [-1, 1.5, True, "1", None, 2**53, 10**40])
def test_number_that_is_none_is_refused(after: Any) -> None:
    with pytest.raises(frames.BadFrame):
        frames.parse(json.dumps({"type": "resume", "after": after}))


def test_refused_message_names_the_clients_id() -> None:
    with pytest.raises(Invalid) as refused:
        frames.parse(sent(message="x" * 5000))
    assert refused.value.facts["id"] == ID


def test_lone_surrogates_and_nul_are_dropped() -> None:
    parsed = frames.parse(sent(message="a\ud800b\x00c"))
    assert isinstance(parsed, frames.SendMessage)
    assert parsed.message == "abc"


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_any_json_is_parsed_or_refused(value: Any) -> None:
    with contextlib.suppress(Invalid):
        frames.parse(json.dumps(value))


@pytest.mark.slow
@given(st.text(max_size=200))
def test_any_text_is_stored_as_it_can_be(text: str) -> None:
    assert b"\x00" not in frames.printable(text).encode()
