"""Placeholders for personal data that a model may see, and the way back into declared arguments (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import BaseModel

from core.privacy.pii import find, mask_value
from core.privacy.pii.masking import ValueKind

WORDS: Final[Mapping[str, str]] = {
    "phone": "PHONE",
    "email": "EMAIL",
    "card": "CARD",
    "iban": "IBAN",
    "ip": "IP",
    "url": "LINK",
    "national_id": "ID",
    "name": "NAME",
    "address": "ADDRESS",
}
PLACEHOLDER: Final = re.compile(rf"<(?:{'|'.join(WORDS.values())})_[0-9]{{1,4}}>")
LONGEST: Final = 16
_SHORTEST_NAME: Final = 3
_NOT_OURS: Final = "This placeholder isn't one of this customer's. Ask the customer for the value."
_NOT_HERE: Final = "This field can't hold personal data. Leave it out."


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks an argument of a tool that takes a personal value of the customer: `Annotated[str, Personal("phone")]`."""

    kind: str


class Vault:
    """The placeholders of one run: the same value gets the same one, and only the customer's own values go back."""

    def __init__(self) -> None:
        self._by_value: dict[tuple[str, str], str] = {}
        self._values: dict[str, tuple[str, str]] = {}
        self._own: set[str] = set()
        self._known: list[tuple[re.Pattern[str], str, str]] = []

    def know(self, kind: str, value: str, *, is_own: bool) -> None:
        """Add a name or postal address that is kept of a contact: it is found in running text as well."""
        words = value.split()
        if not words or len(value) < _SHORTEST_NAME:
            return
        joined = r"[\s,]+".join(re.escape(word.strip(",")) for word in words)
        whole = re.compile(rf"(?<!\w){joined}(?!\w)", re.IGNORECASE)
        self._known.append((whole, kind, value))
        if kind == "name" and len(words) > 1:
            # A part alone only as it is written: "Will" is a name, "will" is not.
            for word in words:
                if len(word) >= _SHORTEST_NAME:
                    self._known.append((re.compile(rf"(?<!\w){re.escape(word)}(?!\w)"), kind, word))
        if is_own:
            self._own.add(self._placeholder(kind, value))

    def redact(self, text: str, *, is_own: bool = False) -> str:
        """Return the text with placeholders; `is_own` says that the customer wrote it."""
        # What looks like one of ours but was written by somebody is no placeholder.
        text = PLACEHOLDER.sub(lambda match: f"‹{match[0][1:-1]}›", text)
        pieces, position = [], 0
        for finding in find(text):
            mark = self._placeholder(finding.kind, finding.value)
            if is_own:
                self._own.add(mark)
            pieces += [text[position : finding.start], mark]
            position = finding.end
        text = "".join(pieces) + text[position:]
        for pattern, kind, value in self._known:
            text = pattern.sub(self._placeholder(kind, value), text)
        return text

    def show(self, text: str) -> str:
        """Return a model's text as people may see it: a mask in the place of each placeholder."""
        return PLACEHOLDER.sub(lambda match: self._mask(match[0]), text)

    def restore(self, arguments: Mapping[str, Any], shape: type[BaseModel]) -> dict[str, Any]:
        """Return the arguments of a call with the customer's own values in the fields that are declared personal.

        Raises `ValueError`, with a sentence for the model, for any other placeholder.
        """
        kinds = {
            name: mark.kind
            for name, each in shape.model_fields.items()
            for mark in each.metadata
            if isinstance(mark, Personal)
        }
        return {name: self._restore(value, kinds.get(name, "")) for name, value in arguments.items()}

    def _restore(self, value: Any, kind: str) -> Any:
        if isinstance(value, str) and kind and PLACEHOLDER.fullmatch(value.strip()):
            found = self._values.get(value.strip())
            if found is None or found[0] != kind or value.strip() not in self._own:
                raise ValueError(_NOT_OURS)
            return found[1]
        if PLACEHOLDER.search(str(value)):
            raise ValueError(_NOT_HERE)
        return value

    def _mask(self, mark: str) -> str:
        kind, value = self._values.get(mark, ("text", ""))
        return mask_value(cast("ValueKind", "name" if kind == "name" else kind), value) or "•••"

    def _placeholder(self, kind: str, value: str) -> str:
        key = (kind, _same(kind, value))
        mark = self._by_value.get(key)
        if mark is None:
            number = sum(known == kind for known, _ in self._by_value) + 1
            mark = self._by_value[key] = f"<{WORDS[kind]}_{number}>"
            self._values[mark] = (kind, value)
        return mark


class ShownStream:
    """Passes on pieces of a model's text with masks in the place of placeholders, which may be split over pieces."""

    def __init__(self, vault: Vault, emit: Callable[[str], None]) -> None:
        self._vault, self._emit = vault, emit
        self._held = ""

    def hear(self, piece: str) -> None:
        """Take a piece; what may be the beginning of a placeholder waits for the next one."""
        text = self._held + piece
        begins = text.rfind("<")
        cut = begins if begins >= 0 and ">" not in text[begins:] and len(text) - begins <= LONGEST else len(text)
        self._held = text[cut:]
        if text[:cut]:
            self._emit(self._vault.show(text[:cut]))

    def end(self) -> None:
        """Pass on what was held back."""
        if self._held:
            self._emit(self._vault.show(self._held))
            self._held = ""


def build_vault(kept: Iterable[tuple[str, str]]) -> Vault:
    """Return a vault that knows what is kept of the customer: pairs of a kind and a value."""
    vault = Vault()
    for kind, value in kept:
        if kind in ("name", "address"):
            vault.know(kind, value, is_own=True)
        else:
            vault.redact(value, is_own=True)
    return vault


def _same(kind: str, value: str) -> str:
    """Return what two writings of one value have in common."""
    if kind in ("phone", "card"):
        return re.sub(r"\D", "", re.sub(r"^\s*00", "", value))
    return re.sub(r"[\s.()\[\]]", "", value).casefold() if kind == "email" else " ".join(value.split()).casefold()
