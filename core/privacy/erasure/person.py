"""The person of an erasure: the ids of their rows, and the words to find them elsewhere."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_plus
from uuid import UUID

from core.models import Erasure

ERASED: Final = "[erased]"
"""The replacement of erased text."""
GONE: Final = {"erased": True}
"""The replacement of an erased document."""
NOBODY: Final = "Erased person"
"""The replacement of an erased name."""
SHORTEST: Final = 5
DIGITS: Final = 8
"""Shorter numbers would match amounts."""
MOST_LISTED: Final = 50
MEANT: Final = ("contacts", "conversations", "approvals")
BETWEEN: Final = frozenset(" _.,'’-")


@dataclass(frozen=True, slots=True)
class Words:
    """The names of a person, which anyone may have, and addresses that were verified to be theirs."""

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """The person of an erasure, with `targets` that apps add; names aren't unique, so elsewhere only listed."""

    erasure: Erasure
    targets: dict[str, list[str]]
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    still_named: list[str] = field(default_factory=list)

    def ids(self, kind: str) -> list[UUID]:
        """Return the ids of one kind: contacts, users, conversations, approvals, rows."""
        return [UUID(text) for text in self.targets.get(kind, ())]

    def add(self, kind: str, found: Iterable[UUID]) -> None:
        """Add ids of rows of the person."""
        self.note(kind, (str(key) for key in found))

    def note(self, kind: str, found: Iterable[str]) -> None:
        """Add keys of the person that are not ids of rows."""
        known = dict.fromkeys(self.targets.get(kind, ()))
        self.targets[kind] = list(known | dict.fromkeys(found))

    def claim(self, kind: str, found: Iterable[UUID]) -> None:
        """Save ids on the erasure at once: the database allows emptying only these rows."""
        self.add(kind, found)
        Erasure.objects.filter(pk=self.erasure.pk).update(targets=self.targets)

    def list_naming(self, found: Iterable[UUID]) -> None:
        """List requests that still contain the name, for a person to check. At most one page."""
        known = {*self.still_named, *self.targets.get("approvals", ())}
        self.still_named.extend(str(key) for key in found if str(key) not in known)
        del self.still_named[MOST_LISTED:]

    @property
    def is_list_full(self) -> bool:
        return len(self.still_named) >= MOST_LISTED

    def is_addressed_in(self, value: Any) -> bool:
        """Return True if a text or document contains a whole address of the person."""
        return holds(value, addresses=self.addresses)

    def is_named_in(self, value: Any) -> bool:
        """Return True if a text or document contains a whole address or name of the person."""
        return holds(value, names=self.names, addresses=self.addresses)

    def is_meant_in(self, value: Any, kinds: Iterable[str] = MEANT) -> bool:
        """Return True if it contains an address of the person, or an id of their rows of these kinds."""
        if self.is_addressed_in(value):
            return True
        said = "\n".join(_texts(value)).lower() if value else ""
        return any(key in said for kind in kinds for key in self.targets.get(kind, ()))

    def without_name(self, text: str) -> str:
        """Return a text with the person's names and addresses replaced."""
        pattern = _pattern(self.names, self.addresses)
        return pattern.sub(ERASED, text) if pattern else text

    def but_for_own(self, mask: Callable[[str], str], text: str) -> str:
        """Return a text with everything masked but the person's names and addresses."""
        pattern = _pattern(self.names, self.addresses)
        pieces, end = [], 0
        for own in pattern.finditer(text) if pattern else ():
            pieces += [mask(text[end : own.start()]), own[0]]
            end = own.end()
        return "".join([*pieces, mask(text[end:])])


def person_of(erasure: Erasure) -> Person:
    """Return the person of an unfinished erasure, in the tenant's scope."""
    targets = {kind: list(keys) for kind, keys in erasure.targets.items()}
    traces = erasure.traces or {}
    names, addresses = (tuple(traces.get(kind, ())) for kind in ("names", "addresses"))
    return Person(erasure, targets, names, addresses, list(erasure.still_named))


def traces_of(words: Iterable[Words]) -> dict[str, list[str]]:
    """Return the lower-case words to search for: names, and numbers with and without their plus."""
    names: dict[str, None] = {}
    addresses: dict[str, None] = {}
    for known in words:
        # Names have only letters, marks, digits and separators, in any script.
        names |= {
            name: None
            for name in map(_plain, known.names)
            if all(sign.isalnum() or sign in BETWEEN or unicodedata.category(sign)[0] == "M" for sign in name)
        }
        for address in map(_plain, known.addresses):
            bare = address.removeprefix("+")
            addresses |= dict.fromkeys((address, bare) if bare.isdigit() else (address,))
    kept = [word for word in addresses if len(word) >= (DIGITS if word.isdigit() else SHORTEST)]
    return {"names": [word for word in names if len(word) >= SHORTEST], "addresses": kept}


def _plain(value: str) -> str:
    return " ".join(value.lower().split())


def holds(value: Any, *, names: Iterable[str] = (), addresses: Iterable[str] = ()) -> bool:
    """Return True if a text or a value of a document (never a key) contains a whole word of these."""
    pattern = _pattern(names, addresses) if value else None
    if pattern is None:
        return False
    for text in _texts(value):
        # As it is and URL-decoded, both in lower case, too: `İ` has two such forms.
        read = (text, unquote_plus(text)) if "%" in text else (text,)
        if any(map(pattern.search, (*read, *(form.lower() for form in read if not form.isascii())))):
            return True
    return False


def _texts(value: Any) -> Iterator[str]:
    """Yield the values of a document at any depth, without keys."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, Mapping):
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)
        elif item is not None and not isinstance(item, bool):
            yield str(item)


def _pattern(names: Iterable[str], addresses: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern of the words, but not inside longer words, numbers or addresses."""
    words = [r"(?<!\w)" + r"\s+".join(map(re.escape, name.split())) + r"(?!\w)" for name in names]
    for address in addresses:
        before = _BEFORE_NUMBER if address.removeprefix("+").isdigit() else _BEFORE
        words.append(f"{before}{re.escape(address)}{_AFTER}")
    return re.compile("|".join(words), re.IGNORECASE) if words else None


_BEFORE: Final = r"(?<![\w.+%@-])"
_BEFORE_NUMBER: Final = r"(?<!\w)(?<!\d[.,-])"
_AFTER: Final = r"(?![\w@%-]|[.,+]\w)"
