"""Find what a template needs beside the gaps of its text (pure): files, and values in headings and buttons."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from conversations.texts import gaps_of

WHOLE: Final = frozenset({"CAROUSEL", "LIMITED_TIME_OFFER"})
"""Meta's parts that always need values of their own."""
BUTTONS: Final = frozenset({"COPY_CODE", "OTP", "MPM", "SPM", "ORDER_DETAILS"})
"""Meta's buttons that always need a value."""
OF_CODE: Final = ("OTP", "URL")
"""The first button of a template for codes, which takes the code."""


def needs_more(components: Sequence[Any], variables: Collection[str], *, takes_code: bool = False) -> bool:
    """Return True if sending a template needs values that nothing fills.

    `variables` are the gaps of its text. `takes_code`: the first button is filled with the code. Each part of
    Meta's has gaps of its own; at Twilio a gap of the same name has the same value in every part.
    """
    parts = [part for part in components if isinstance(part, Mapping)]
    buttons = next((_buttons(part) for part in parts if part.get("type") == "BUTTONS"), [])
    skipped = buttons[0] if takes_code and buttons and buttons[0].get("type") in OF_CODE else None
    for part in parts:
        kind = str(part.get("type") or "")
        if "/" in kind:
            if not set(_gaps(part)) <= set(variables):
                return True
        elif kind.upper() == "BUTTONS":
            shown = (button for button in _buttons(part) if button is not skipped)
            if any(str(button.get("type") or "").upper() in BUTTONS or any(_gaps(button)) for button in shown):
                return True
        elif kind.upper() != "BODY":
            has_file = kind.upper() == "HEADER" and str(part.get("format") or "TEXT").upper() != "TEXT"
            if kind.upper() in WHOLE or has_file or any(_gaps(part)):
                return True
    return False


def _buttons(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = part.get("buttons")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _gaps(node: Any) -> Iterator[str]:
    """Return the names of the gaps in all texts of a part."""
    if isinstance(node, str):
        yield from gaps_of(node)
    elif isinstance(node, Mapping):
        for child in node.values():
            yield from _gaps(child)
    elif isinstance(node, list):
        for child in node:
            yield from _gaps(child)
