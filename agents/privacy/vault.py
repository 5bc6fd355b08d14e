"""Placeholders for personal data that a model may see, and the way back into declared arguments (pure)."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, cast

from pydantic import BaseModel

from agents.privacy.known import Hit, Known
from agents.privacy.points import digits_of
from core.privacy.pii import find, mask_value
from core.privacy.pii.masking import ValueKind
from core.text.words import placed_words

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
        self._count: Counter[str] = Counter()
        self._own: set[str] = set()
        self._published: set[str] = set()
        self._known = Known()
        self._own_values: set[tuple[str, str]] = set()

    def know(self, kind: str, value: str, *, is_own: bool) -> None:
        """Add what is kept of a contact: it is found in running text as well, however it is written."""
        if self._known.add(kind, value) and is_own:
            self._own_values.add((kind, value))
            self._own.add(self._placeholder(kind, value))

    def know_other(self, name: str) -> None:
        """Add the name of another contact: it is found whole."""
        self._known.add_whole_name(name)

    def redact(self, text: str, *, is_own: bool = False, is_published: bool = False) -> str:
        """Return the text with placeholders.

        `is_own` says that the customer wrote it, `is_published` that the organisation did, for its customers to read:
        they are shown what it names, unless that is kept of a contact.
        """
        # What looks like one of ours but was written by somebody is no placeholder; its length stays.
        text = PLACEHOLDER.sub(lambda match: f"‹{match[0][1:-1]}›", text)
        pieces, position = [], 0
        for start, end, mark in self.find(text, is_own=is_own):
            kind, value = self._values[mark]
            if is_published and kind not in ("name", "address") and (kind, value) not in self._own_values:
                self._published.add(mark)
            pieces += [text[position:start], mark]
            position = end
        return "".join(pieces) + text[position:]

    def find(self, text: str, *, is_own: bool = False) -> list[tuple[int, int, str]]:
        """Return the places in a text that a model may not see, in order and apart, and their placeholders."""
        hits = [*self._known.find(text), *self._find_by_rules(text)]
        # Of two that overlap the longer one counts; what is left of the other is hidden as well.
        hits.sort(key=lambda hit: (hit.start - hit.end, hit.start))
        owner = [-1] * len(text)
        for number, hit in enumerate(hits):
            for place in range(hit.start, hit.end):
                if owner[place] < 0:
                    owner[place] = number
        found: list[tuple[int, int, str]] = []
        for number, run in groupby(range(len(text)), key=owner.__getitem__):
            if number >= 0:
                places = list(run)
                mark = self._mark(hits[number], is_own=is_own)
                if found and found[-1][1:] == (places[0], mark):
                    found[-1] = (found[-1][0], places[-1] + 1, mark)
                else:
                    found.append((places[0], places[-1] + 1, mark))
        return found

    def _find_by_rules(self, text: str) -> Iterator[Hit]:
        for finding in find(text):
            value = self._known.recognise(finding.kind, finding.value)
            yield Hit(finding.start, finding.end, finding.kind, value, value)

    def _mark(self, hit: Hit, *, is_own: bool) -> str:
        """Return the placeholder; a name or postal address is the customer's only if it is kept of them."""
        mark = self._placeholder(hit.kind, hit.value)
        if (hit.kind, hit.of) in self._own_values or (is_own and hit.kind not in ("name", "address")):
            self._own.add(mark)
        return mark

    def show(self, text: str) -> str:
        """Return a model's text as people may see it: a mask in the place of each placeholder of a person's value."""
        return PLACEHOLDER.sub(
            lambda match: self._values[match[0]][1] if match[0] in self._published else self._mask(match[0]), text
        )

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
            self._count[kind] += 1
            mark = self._by_value[key] = f"<{WORDS[kind]}_{self._count[kind]}>"
            self._values[mark] = (kind, value)
        return mark


def count_marks(marks: Iterable[str]) -> dict[str, int]:
    """Return how many different placeholders of each kind there are."""
    kinds = {word: kind for kind, word in WORDS.items()}
    return dict(Counter(kinds[mark[1:].rpartition("_")[0]] for mark in sorted(set(marks))))


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
        vault.know(kind, value, is_own=True)
        if kind not in ("name", "address"):
            vault.redact(value, is_own=True)
    return vault


def _same(kind: str, value: str) -> str:
    """Return what two writings of one value have in common."""
    if kind in ("phone", "card"):
        return re.sub("^00", "", digits_of(value))
    if kind == "email":
        return re.sub(r"[\s.()\[\]]", "", value).casefold()
    return " ".join(word.text for word in placed_words(value)) or " ".join(value.split()).casefold()
