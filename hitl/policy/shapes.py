"""Whether the fields of a workflow's definition are of the right sort and fit, before anybody reads them (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

MOST_ITEMS: Final = 100
MOST_AMOUNT: Final = Decimal(10) ** 14
Test = Callable[[Any], bool]


def _text(most: int) -> Test:
    return lambda value: isinstance(value, str) and len(value) <= most and "\0" not in value


def _is_yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def _is_document(value: Any) -> bool:
    return isinstance(value, Mapping)


def _list(is_item: Test) -> Test:
    def is_list(value: Any) -> bool:
        is_plain = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        return is_plain and len(value) <= MOST_ITEMS and all(is_item(item) for item in value)

    return is_list


def _is_id(value: Any) -> bool:
    return isinstance(value, str | UUID)


TEXTS: Final = "A list of short texts."
ROWS: Final = "A list of objects."
YES_OR_NO: Final = "Yes or no."
CONDITIONS: Final[dict[str, tuple[Test, str]]] = {
    "description": (_text(300), "At most 300 characters."),
    "is_default": (_is_yes_or_no, YES_OR_NO),
    "kinds": (_list(_text(60)), TEXTS),
    "risk_levels": (_list(_text(10)), TEXTS),
    "currency": (_text(3), "Three letters, such as EUR."),
    "agents": (_list(_is_id), "A list of ids."),
    "channels": (_list(_text(20)), TEXTS),
    "contact_tags": (_list(_text(60)), TEXTS),
    "time_window": (_is_document, "A time window has days, from and until."),
    "condition": (_text(500), "A condition is a text of at most 500 characters."),
    "auto_rules": (_list(_is_document), ROWS),
    "edit_policy": (_is_document, "fall_allows_fewer and editor_may_vote, yes or no."),
    "escalation": (_list(_is_document), ROWS),
    "allow_override": (_is_yes_or_no, YES_OR_NO),
    "signs_once": (_is_yes_or_no, YES_OR_NO),
    "notify_by": (_list(_text(20)), TEXTS),
}
LEVEL: Final[dict[str, tuple[Test, str]]] = {
    "name": (_text(80), "name: at most 80 characters"),
    "mode": (_text(10), "unknown mode"),
    "approvers": (_list(_is_document), "approvers: a list of type and value"),
    "require_reason": (_is_yes_or_no, "require_reason: yes or no"),
    "parallel": (_is_yes_or_no, "parallel: yes or no"),
    "min_auth": (_text(10), "unknown strength of sign-in"),
    "editable_fields": (_list(_text(60)), "editable_fields: a list of names"),
}


def misshapen(values: Mapping[str, Any], sorts: Mapping[str, tuple[Test, str]]) -> dict[str, str]:
    """Return what is of the wrong sort or too long, by field, in words."""
    return {name: words for name, (fits, words) in sorts.items() if name in values and not fits(values[name])}
