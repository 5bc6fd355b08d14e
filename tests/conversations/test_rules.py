"""The pure rules: statuses, states, points and texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations import texts
from conversations.contacts import points
from conversations.transitions import STATUS_RANK, may_move, statuses_before
from core.errors import Invalid

STATUSES = st.sampled_from([*STATUS_RANK, "failed"])


@given(st.lists(STATUSES, max_size=12))
def test_status_never_moves_back_whatever_is_reported(reports: list[str]) -> None:
    status = "queued"
    for report in reports:
        before, status = status, report if status in statuses_before(report) else status
        assert status == "failed" or STATUS_RANK[status] >= STATUS_RANK[before]


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_failure_after_delivery_does_not_count(status: str) -> None:
    assert status not in statuses_before("failed")


@pytest.mark.parametrize("status", [*STATUS_RANK, "failed", "nonsense"])
def test_failed_is_an_end(status: str) -> None:
    assert "failed" not in statuses_before(status)


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("agent", "person", True),
        ("person", "agent", True),
        ("closed", "person", True),
        ("closed", "agent", True),
        ("nonsense", "agent", False),
    ],
)
def test_states_move_as_written(old: str, new: str, allowed: bool) -> None:
    assert may_move(old, new) is allowed


@pytest.mark.slow
@given(st.text(max_size=60))
def test_any_text_becomes_storable(text: str) -> None:
    texts.clean(text).encode("utf-8")
    assert "\0" not in texts.clean(text)


@pytest.mark.slow
@given(
    st.recursive(
        st.text(max_size=8) | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=8,
    )
)
def test_any_document_is_stored_or_refused(tree: object) -> None:
    try:
        kept = texts.checked_document({"tree": tree})
    except Invalid:
        return
    assert "\0" not in str(kept)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("phone", " +34 600 12 34 56 ", "+34600123456"),
        ("phone", "whatsapp:+34600123456", "+34600123456"),
        ("email", "Ana@Example.COM", "ana@example.com"),
        ("bsuid", "ES.AbC", "ES.AbC"),
    ],
)
def test_points_have_one_spelling(kind: str, value: str, expected: str) -> None:
    assert points.normalise(kind, value) == expected


@pytest.mark.parametrize(("kind", "value"), [("phone", "abc"), ("email", " "), ("fax", "1")])
def test_no_address_is_invalid(kind: str, value: str) -> None:
    with pytest.raises(Invalid):
        points.normalise(kind, value)
