"""Client of HubSpot's tickets: each carries our key in a property that HubSpot keeps unique."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar
from urllib.parse import quote

from core.clock import now
from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.operations import Line, Operation, Request, System
from integrations.ticketing.ports import TicketClient
from integrations.ticketing.types import Comment, NewTicket, Priority, Status, Ticket

T = TypeVar("T")
OBJECTS: Final = "/crm/v3/objects"
KEY: Final = "walker_request"
"""The property with our key, on tickets and notes."""
SHOWN: Final = "subject,hs_pipeline_stage,hs_ticket_priority,closed_date,createdate,hs_lastmodifieddate"
STAGES: Final[dict[str, Status]] = {"1": "new", "2": "waiting", "3": "open", "4": "solved"}
"""Of the pipeline that every portal has; a ticket in a stage of another one is open until it has a closing date.

None is closed for good: a closed ticket still takes notes.
"""
PRIORITIES: Final[dict[Priority, str]] = {"low": "LOW", "normal": "MEDIUM", "high": "HIGH", "urgent": "URGENT"}
MISSING: Final = frozenset({"OBJECT_NOT_FOUND", "http_404"})
TAKEN: Final = frozenset({"CONFLICT", "http_409"})
TICKET_TO_CONTACT: Final = 16
NOTE_TO_TICKET: Final = 228
MOST: Final = 25
FIVE_MINUTES: Final = 300


def read_error(body: Any) -> tuple[str, str]:
    """Return the category and the words of an error; a 409 may name the unique value that is taken."""
    found = body if isinstance(body, dict) else {}
    return str(found.get("category", "")), str(found.get("message", ""))


_reading = partial(Operation, seconds=10.0)
_change = partial(Operation, seconds=10.0, method="POST", executes=True)
READ_PROPERTY: Final = _reading("read_property", keeps_last=False)
FIND_CONTACT: Final = _reading("find_contact")
READ_CONTACT: Final = _reading("read_contact", kept_seconds=FIVE_MINUTES)
# Not kept: what it asks for stands in its body.
READ_MANY: Final = _reading("read_tickets", method="POST", keeps_last=False)
READ: Final = _reading("read_ticket", kept_seconds=FIVE_MINUTES)
FIND: Final = _reading("find_by_key", keeps_last=False)
# HubSpot refuses a second contact with the address.
CREATE_CONTACT: Final = _change("create_contact", repeats="always")
# HubSpot refuses a second ticket or note with the key.
CREATE: Final = _change("create_ticket", repeats="with_key")
ADD_NOTE: Final = _change("add_note", repeats="with_key")


class HubspotClient(TicketClient):
    """One portal of HubSpot; new tickets go to a stage of a pipeline, if its tickets are used at all."""

    def __init__(self, system: System, line: Line, *, pipeline: str, stage: str, has_tickets: bool = True) -> None:
        super().__init__(system, line)
        self._place, self.has_tickets = (pipeline, stage), has_tickets

    def has_key_property(self, kind: str) -> Answer[bool]:
        """Return True if objects of a kind have the property with our key, with unique values."""
        request = Request(f"/crm/v3/properties/{kind}/{KEY}")
        return _missing_as(self._call(READ_PROPERTY, request, lambda body: body["hasUniqueValue"] is True), False)

    def search(self, address: str) -> Answer[list[Ticket]]:
        # Not HubSpot's search: that lags behind and would not show the ticket of a minute ago.
        request = Request(f"{OBJECTS}/contacts/{_part(address)}", {"idProperty": "email", "associations": "tickets"})
        numbers = _missing_as(self._call(FIND_CONTACT, request, lambda body: _associated(body, "tickets")), [])
        if not isinstance(numbers, Ok) or not numbers.value:
            return numbers if not isinstance(numbers, Ok) else Ok([])
        newest = sorted(numbers.value, key=int, reverse=True)[:MOST]
        inputs = [{"id": number} for number in newest]
        wanted = {"inputs": inputs, "properties": SHOWN.split(","), "propertiesWithHistory": []}
        owner = frozenset({address.casefold()})
        return self._call(
            READ_MANY,
            Request(f"{OBJECTS}/tickets/batch/read", json=wanted),
            lambda body: sorted((_ticket(row, owner) for row in body["results"]), key=_changed, reverse=True),
        )

    def get(self, number: str) -> Answer[Ticket | None]:
        return self._read_ticket(READ, number, {})

    def find_created(self, key: str) -> Answer[Ticket | None]:
        return self._read_ticket(FIND, _part(key), {"idProperty": KEY})

    def create(self, new: NewTicket, key: str) -> Answer[Ticket]:
        found = self.find_created(key)
        if not isinstance(found, Ok):
            return found
        if found.value is not None:
            return Ok(found.value, replayed=True)
        person = self._find_or_create_contact(new)
        if isinstance(person, Unknown):  # of the contact, which is no harm; nothing was done for the ticket
            return CleanFailure(person.code, person.detail, retry=True)
        if not isinstance(person, Ok):
            return person
        pipeline, stage = self._place
        properties = {
            "subject": new.subject,
            "content": new.text,
            "hs_pipeline": pipeline,
            "hs_pipeline_stage": stage,
            "hs_ticket_priority": PRIORITIES[new.priority],
            KEY: key,
        }
        body = {"properties": properties, "associations": [_link(person.value, TICKET_TO_CONTACT)]}
        owner = frozenset({new.address.casefold()})
        request = Request(f"{OBJECTS}/tickets", json=body, key=key)
        answer = self._call(CREATE, request, lambda made: _ticket(made, owner))
        if isinstance(answer, CleanFailure) and not answer.retry:  # perhaps because the key is taken
            again = self.find_created(key)
            return Ok(again.value, replayed=True) if isinstance(again, Ok) and again.value is not None else answer
        return answer

    def has_comment(self, number: str, key: str) -> Answer[bool]:
        request = Request(f"{OBJECTS}/notes/{_part(key)}", {"idProperty": KEY})
        return _missing_as(self._call(FIND, request, lambda body: body["id"] is not None), False)

    def comment(self, number: str, comment: Comment, key: str) -> Answer[bool]:
        """Add a note to a ticket; notes never reach the customer."""
        if not comment.is_internal:
            return CleanFailure("internal_only", "Notes are internal.")
        there = self.has_comment(number, key)
        if not isinstance(there, Ok) or there.value:
            return there
        properties = {"hs_note_body": comment.text, "hs_timestamp": now().isoformat(), KEY: key}
        body = {"properties": properties, "associations": [_link(number, NOTE_TO_TICKET)]}
        request = Request(f"{OBJECTS}/notes", json=body, key=key)
        answer = self._call(ADD_NOTE, request, lambda made: made["id"] is not None)
        if isinstance(answer, CleanFailure) and not answer.retry:  # perhaps because the key is taken
            again = self.has_comment(number, key)
            return again if isinstance(again, Ok) and again.value else answer
        return answer

    def _read_ticket(self, operation: Operation, place: str, params: Mapping[str, str]) -> Answer[Ticket | None]:
        """Read a ticket and the addresses of the contacts that it belongs to."""
        read = self._call(operation, ticket_of(place, params), lambda body: (body, _associated(body, "contacts")))
        if not isinstance(read, Ok):
            return _missing_as(read, None)
        body, people = read.value
        addresses = set()
        for person in people[:MOST]:
            address = self._address_of(person)
            if not isinstance(address, Ok):
                return address
            addresses.add(address.value)
        try:
            return Ok(_ticket(body, frozenset(addresses - {""})), read_at=read.read_at)
        except (KeyError, TypeError, ValueError):
            return CleanFailure("bad_answer", "The answer could not be read.", retry=True)

    def _address_of(self, contact: str) -> Answer[str]:
        read = self._call(
            READ_CONTACT, contact_of(contact), lambda body: str(body["properties"].get("email") or "").casefold()
        )
        return _missing_as(read, "")

    def _find_or_create_contact(self, new: NewTicket) -> Answer[str]:
        """Return the id of the contact with an address; there is only ever one."""
        request = Request(f"{OBJECTS}/contacts/{_part(new.address)}", {"idProperty": "email"})
        found = self._call(FIND, request, lambda body: str(body["id"]))
        if not (isinstance(found, CleanFailure) and found.code in MISSING):
            return found
        body = {"properties": {"email": new.address, "firstname": new.name}, "associations": []}
        made = self._call(CREATE_CONTACT, Request(f"{OBJECTS}/contacts", json=body), lambda one: str(one["id"]))
        if isinstance(made, CleanFailure) and made.code in TAKEN:
            return self._call(FIND, request, lambda one: str(one["id"]))
        return made


def ticket_of(place: str, params: Mapping[str, str] = MappingProxyType({})) -> Request:
    """Return what reads a ticket, and the contacts that it belongs to; by its number unless `params` say otherwise."""
    return Request(f"{OBJECTS}/tickets/{place}", {**params, "properties": SHOWN, "associations": "contacts"})


def contact_of(number: str) -> Request:
    """Return what reads a contact's address."""
    return Request(f"{OBJECTS}/contacts/{_part(number)}", {"properties": "email"})


def _part(text: str) -> str:
    """Quote one path segment, so that an id from outside can't reach another endpoint."""
    return quote(text, safe="")


def _link(ident: str, kind: int) -> dict[str, Any]:
    return {"to": {"id": ident}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]}


def _associated(body: Any, kind: str) -> list[str]:
    """Return the ids that an object is associated with; a pair may have several labels."""
    rows = ((body.get("associations") or {}).get(kind) or {}).get("results") or ()
    return list(dict.fromkeys(str(int(row["id"])) for row in rows))


def _changed(ticket: Ticket) -> str:
    return ticket.updated_at


def _ticket(row: Any, addresses: frozenset[str]) -> Ticket:
    found = row["properties"]
    stage, is_closed = str(found.get("hs_pipeline_stage") or ""), bool(found.get("closed_date"))
    return Ticket(
        number=str(int(row["id"])),
        subject=str(found.get("subject") or "")[:300],
        status="solved" if is_closed else STAGES.get(stage, "open"),
        priority=str(found.get("hs_ticket_priority") or "MEDIUM").lower().replace("medium", "normal"),
        opened_at=str(row["createdAt"]),
        updated_at=str(row["updatedAt"]),
        addresses=addresses,
    )


def _missing_as(answer: Answer[T], value: T) -> Answer[T]:
    return Ok(value) if isinstance(answer, CleanFailure) and answer.code in MISSING else answer
