"""What is sent to a CRM and read there: outside calls, which never raise for what goes wrong there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from core.errors import Conflict, Unavailable
from integrations import platforms
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import Line
from integrations.crm.ports import CrmClient
from integrations.crm.selectors import find_platform
from integrations.crm.types import CrmContact, CrmNote, CrmPage, CrmProperty, NotDone
from integrations.models import ProviderAccount

T = TypeVar("T")


def open_crm(
    account: ProviderAccount, fields: Mapping[str, str] | None = None, *, line: Line | None = None
) -> CrmClient:
    """Return a client of a connection, for the system's usual properties unless `fields` says others.

    Raises `Conflict` ("no_crm"), and `Unavailable` if it isn't active.
    """
    platform = find_platform(account)
    if platform is None:
        raise Conflict("This system takes no contacts.", code="no_crm")
    if account.state != account.State.ACTIVE:
        raise Unavailable("This connection isn't active.", code="not_connected")
    usual = {name: theirs for name, theirs in platform.crm_fields.items() if name != "key"}
    credentials = platforms.connection_of(account).credentials
    return platform.connect_crm(credentials, line or Line(account), usual if fields is None else fields)


def find_missing(account: ProviderAccount, fields: Mapping[str, str]) -> list[str]:
    """Return the properties that have to be made there first. Raises as `open_crm`, and `Unavailable`."""
    return _answered(open_crm(account, fields).missing_properties())


def find_property(account: ProviderAccount, name: str) -> CrmProperty | None:
    """Return a property of contacts, None if there is none of this name. Raises as `find_missing`."""
    return _answered(open_crm(account).find_property(name))


def write_contact(account: ProviderAccount, contact: CrmContact, fields: Mapping[str, str]) -> str | NotDone:
    """Write a contact, and return its number there. Raises as `open_crm`."""
    return _value_of(open_crm(account, fields).write_contact(contact))


def add_note(account: ProviderAccount, number: str, note: CrmNote, key: str) -> bool | NotDone:
    """Add a note to the contact with a number, unless it was added under the key. Raises as `open_crm`."""
    return _value_of(open_crm(account).add_note(number, note, key))


def erase_contact(account: ProviderAccount, key: str, fields: Mapping[str, str]) -> bool | NotDone:
    """Erase the contact with our id for good, with these properties; False if there is none. Raises as `open_crm`."""
    return _value_of(open_crm(account, fields).erase_contact(key))


def read_page(
    account: ProviderAccount, position: Mapping[str, Any], fields: Mapping[str, str], *, seconds: float
) -> CrmPage | NotDone:
    """Read contacts back, in the background and within so many seconds. Raises as `open_crm`."""
    return _value_of(_in_background(account, fields, seconds).read_page(position))


def position_at(account: ProviderAccount, moment: datetime) -> Mapping[str, Any]:
    """Return where to read on to see all that changed after a moment. No outside call; raises as `open_crm`."""
    return open_crm(account).position_at(moment)


def read_changes(
    account: ProviderAccount, numbers: Sequence[str], fields: Mapping[str, str], *, seconds: float
) -> Mapping[str, Mapping[str, datetime]] | NotDone:
    """Read when these fields of contacts were last changed there, as `read_page` reads. Raises as `open_crm`."""
    return _value_of(_in_background(account, fields, seconds).read_changes(numbers, list(fields)))


def _in_background(account: ProviderAccount, fields: Mapping[str, str], seconds: float) -> CrmClient:
    return open_crm(account, fields, line=Line(account, seconds=seconds, attempts=1, in_background=True))


def _answered(answer: Answer[T]) -> T:
    if isinstance(answer, Ok):
        return answer.value
    raise Unavailable("The system didn't answer as expected. Test the connection, then try again.")


def _value_of(answer: Answer[T]) -> T | NotDone:
    if isinstance(answer, Ok):
        return answer.value
    if isinstance(answer, CleanFailure):
        return NotDone(answer.code, tuple(answer.facts.get("fields", ())), answer.retry_after or 0.0)
    return NotDone(answer.code)
