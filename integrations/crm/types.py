"""Values that customer relationship systems and the product exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from integrations.calls.runner import QUOTA_SPENT

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "key": "Walker's own id",
        "name": "Name",
        "email": "Email",
        "phone": "Phone",
        "language": "Language",
        "heat": "Lead (hot, warm or cold)",
        "score": "Lead score (0 to 100)",
    }
)
"""What can be exchanged of a contact, by the names of `CrmContact`, as people read it."""


CONTACTS: Final = "contacts"
"""The stream of contacts that are read back."""


@dataclass(frozen=True)
class CrmContact:
    """A person as a CRM hears of them: `key` is ours, and what isn't known is empty and left as it is there."""

    key: str
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    language: str = ""
    heat: str = ""
    score: str = ""

    def told(self) -> dict[str, str]:
        """Return what is known, without our id."""
        named = {name: str(getattr(self, name)) for name in FIELDS if name != "key"}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class CrmNote:
    """Something that happened with a person, in HTML without anything to run."""

    html: str = field(repr=False)
    at: datetime


@dataclass(frozen=True)
class CrmProperty:
    """A property of contacts: `type` is "text", "number", "choice" or the system's word; `options` are of a choice."""

    type: str
    options: frozenset[str] = frozenset()
    is_read_only: bool = False
    is_sensitive: bool = False


@dataclass(frozen=True)
class CrmRecord:
    """A contact as a CRM has it: what was asked for, by the names of `FIELDS`."""

    key: str
    number: str
    changed_at: datetime
    values: Mapping[str, str] = field(repr=False)
    merged: tuple[str, ...] = ()
    """The numbers of contacts that were merged into it there."""
    changes: Mapping[str, datetime] = field(default_factory=dict)
    """When single values were last changed, where that was asked for."""


@dataclass(frozen=True)
class CrmPage:
    """Contacts in the order in which they changed, and where the next page begins, which only the system reads.

    `left` is how many there were from here on, if it says so.
    """

    records: tuple[CrmRecord, ...]
    position: Mapping[str, Any]
    is_last: bool
    left: int | None = None


REFUSED: Final = "refused"
SEVERAL: Final = "several_matches"
NO_RIGHT: Final = "no_right"
FOR_GOOD: Final = frozenset({REFUSED, SEVERAL, NO_RIGHT})
"""What only a person can mend, here or there."""


@dataclass(frozen=True)
class NotDone:
    """Why something isn't there: for good, with the `FIELDS` that a CRM refuses, or until it is tried again.

    `seconds` is how long the system asks to be left alone. No words of the system are in it.
    """

    code: str
    fields: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def is_final(self) -> bool:
        """Return True if only a person can mend it."""
        return self.code in FOR_GOOD

    @property
    def is_wait(self) -> bool:
        """Return True if nothing failed: background work may make no more calls in this minute."""
        return self.code == QUOTA_SPENT
