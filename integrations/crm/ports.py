"""The port of customer relationship systems: what each can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from integrations.calls.answers import Answer, CleanFailure
from integrations.calls.operations import Line
from integrations.calls.runner import Client
from integrations.crm.types import CrmContact, CrmNote, CrmPage, CrmProperty


def refusal(code: str, *fields: str) -> CleanFailure:
    """Return the failure of a contact or note that isn't taken: no words of the system, only the names of fields."""
    return CleanFailure(code, "", facts={"fields": list(fields)})


class CrmClient(Client, ABC):
    """An account of a CRM. What has a `key` is there once, however often it is written.

    What isn't taken is a failure of `FOR_GOOD`, with `fields` in its facts: names of `FIELDS`.
    """

    @abstractmethod
    def missing_properties(self) -> Answer[list[str]]:
        """Return what has to be made there first for its fields, in words; [] if nothing is missing."""

    @abstractmethod
    def find_property(self, name: str) -> Answer[CrmProperty | None]:
        """Return what a property of contacts can hold, by its internal name; None if there is none."""

    @abstractmethod
    def write_contact(self, contact: CrmContact) -> Answer[str]:
        """Create the contact with our id, or change it, and return its number there."""

    @abstractmethod
    def erase_contact(self, key: str) -> Answer[bool]:
        """Erase the contact with our id and all that belongs to it for good; False where there is none.

        What the system only moves into a bin is overwritten first, by the properties of the client's fields.
        """

    @abstractmethod
    def add_note(self, number: str, note: CrmNote, key: str) -> Answer[bool]:
        """Add a note to the contact with a number, unless it was added under the key."""

    @abstractmethod
    def read_page(self, position: Mapping[str, Any]) -> Answer[CrmPage]:
        """Return contacts that have our id and changed at a position or after it; from the first one at {}.

        Each page leads on; "endless_pages" where the system's answers don't.
        """

    @abstractmethod
    def position_at(self, moment: datetime) -> Mapping[str, Any]:
        """Return where a reading begins that is to see all that changed after a moment, also what shows late."""

    @abstractmethod
    def read_changes(
        self, numbers: Sequence[str], names: Sequence[str]
    ) -> Answer[Mapping[str, Mapping[str, datetime]]]:
        """Return when some of `FIELDS` were last changed there: by number and name, as far as the system says."""


class CrmPlatform(ABC):
    """What a platform has beside its port if it is a CRM."""

    crm_fields: ClassVar[Mapping[str, str]]
    """What each of `FIELDS` is called there, our id too, unless an organisation says otherwise."""

    @abstractmethod
    def connect_crm(self, credentials: Any, line: Line, fields: Mapping[str, str]) -> CrmClient:
        """Return a client for checked `credentials`; `fields` are the properties of `FIELDS`, without our id."""
