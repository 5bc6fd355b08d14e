"""What is known of contacts, and where a text has it (pure)."""

from collections.abc import Iterator
from typing import NamedTuple

from agents.privacy.points import Mails, Numbers
from core.privacy.people.names import Names
from core.privacy.people.postal import Addresses
from core.text.words import placed_words


class Hit(NamedTuple):
    """A place in a text that holds a value of a contact. `of` is the known value that it is, or is a part of."""

    start: int
    end: int
    kind: str
    value: str
    of: str


class Known:
    """Values of contacts: names, postal addresses, telephone numbers and email addresses."""

    def __init__(self) -> None:
        self._names, self._addresses, self._numbers, self._mails = Names(), Addresses(), Numbers(), Mails()
        self._by_kind: dict[str, Names | Addresses | Numbers | Mails] = {
            "name": self._names,
            "address": self._addresses,
            "phone": self._numbers,
            "email": self._mails,
        }

    def add(self, kind: str, value: str) -> bool:
        """Know a value of a contact; False if it is too short to be looked for."""
        found = self._by_kind.get(kind)
        return bool(value.strip()) and found is not None and found.add(value)

    def add_whole_name(self, name: str) -> bool:
        """Know a name of which a part alone says nothing; False if it is too short to be looked for."""
        return self._names.add(name, with_parts=False)

    def find(self, text: str) -> Iterator[Hit]:
        """Yield where a text holds known values or parts of them, overlaps included. Linear in the text's length."""
        words = placed_words(text)
        for start, end, part, name in self._names.find(text, words):
            yield Hit(start, end, "name", part, name)
        for start, end, value, is_full in self._addresses.find(text, words):
            yield Hit(start, end, "address", value if is_full else text[start:end], value)
        for start, end, value in self._numbers.find(text):
            yield Hit(start, end, "phone", value, value)
        for start, end, value in self._mails.find(text, words):
            yield Hit(start, end, "email", value, value)

    def recognise(self, kind: str, written: str) -> str:
        """Return the known value that a number or email address is a writing of, else the writing."""
        found = self._by_kind.get(kind)
        return (found.recognise(written) if isinstance(found, Numbers | Mails) else "") or written
