"""Client of HubSpot's contacts: each that Walker writes carries our id in a property that HubSpot keeps unique."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

from core.clock import now
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import ENDED, Line, Operation, Request, System
from integrations.crm.ports import CrmClient, refusal
from integrations.crm.types import NO_RIGHT, REFUSED, SEVERAL, CrmContact, CrmNote, CrmPage, CrmProperty, CrmRecord
from integrations.hubspot.client import KEY, MISSING, OBJECTS, READ_PROPERTY

T = TypeVar("T")
CONTACT: Final = "walker_contact"
FIELD_MAP: Final[Mapping[str, str]] = {
    "key": CONTACT,
    "name": "firstname",
    "email": "email",
    "phone": "phone",
    "heat": "walker_lead",
    "score": "walker_lead_score",
}
TYPES: Final = {"string": "text", "phone_number": "text", "number": "number", "enumeration": "choice"}
"""HubSpot's types in the port's words; others stay."""
NOTE_TO_CONTACT: Final = 202
FORBIDDEN: Final = frozenset({"MISSING_SCOPES", "http_403"})

_change = partial(Operation, seconds=10.0, method="POST", executes=True, in_background=True)
# The same contact with the same values, however often.
WRITE: Final = _change("write_contact", repeats="always")
ERASE: Final = _change("erase_contact", repeats="always", despite_stops=True)
# HubSpot refuses a second note with the key.
ADD_NOTE: Final = _change("add_contact_note", repeats="with_key")
FIND: Final = Operation("find_by_key", seconds=10.0, keeps_last=False, in_background=True)
SEARCH: Final = Operation("search_contacts", method="POST", keeps_last=False, in_background=True)
READ_HISTORY: Final = Operation("read_contact_history", method="POST", keeps_last=False, in_background=True)
PAGE: Final = 25
"""Few: a page is committed as a whole, and a name that changes is masked in all that the contact wrote."""
CHANGED: Final = "lastmodifieddate"
NUMBER: Final = "hs_object_id"
MERGED: Final = "hs_merged_object_ids"
OVERLAP_MS: Final = 120_000
"""So far before now a reading begins again: the search shows changes late."""


class HubspotContacts(CrmClient):
    """The contacts of one portal, with the properties that each field has there."""

    def __init__(self, system: System, line: Line, fields: Mapping[str, str]) -> None:
        super().__init__(replace(system, error=self._read_error), line)
        self._fields = {**fields, "key": CONTACT}
        self._ours = {theirs: ours for ours, theirs in self._fields.items()}

    def _read_error(self, body: Any) -> tuple[str, str]:
        """Return the category and which of our properties it names: its words may quote a person's values."""
        found = body if isinstance(body, dict) else {}
        return str(found.get("category", "")), ",".join(sorted(self._named_in(found)))

    def missing_properties(self) -> Answer[list[str]]:
        missing: list[str] = []
        wanted = [("contacts", name, name == CONTACT) for name in (CONTACT, *self._fields.values())]
        for kind, name, is_unique in dict.fromkeys([*wanted, ("notes", KEY, True)]):
            answer = self._call(READ_PROPERTY, _property(kind, name), lambda body: bool(body.get("hasUniqueValue")))
            if not isinstance(answer, Ok) and not _is_missing(answer):
                return answer
            if not isinstance(answer, Ok) or (is_unique and not answer.value):
                missing.append(f"{name} of {kind}, with unique values" if is_unique else f"{name} of {kind}")
        return Ok(missing)

    def find_property(self, name: str) -> Answer[CrmProperty | None]:
        if name != name.lower():  # HubSpot's names have no capitals, and it may find one in spite of them
            return Ok(None)
        answer: Answer[CrmProperty | None] = self._call(READ_PROPERTY, _property("contacts", name), read_property)
        return Ok(None) if _is_missing(answer) else answer

    def write_contact(self, contact: CrmContact) -> Answer[str]:
        properties = {self._fields[name]: value for name, value in contact.told().items()}
        body = {"inputs": [{"idProperty": CONTACT, "id": contact.key, "properties": properties}]}
        answer = self._call(WRITE, Request(f"{OBJECTS}/contacts/batch/upsert", json=body), self._written)
        if isinstance(answer, Ok):
            return answer.value if isinstance(answer.value, CleanFailure) else Ok(answer.value)
        return self._refused(answer)

    def erase_contact(self, key: str) -> Answer[bool]:
        # Looked for by our id: a number may be another person's where the connection has got another account.
        place = Request(f"{OBJECTS}/contacts/{quote(key, safe='')}", {"idProperty": CONTACT})
        found = self._call(FIND, place, lambda body: str(int(body["id"])))
        if not isinstance(found, Ok):
            return Ok(False) if _is_missing(found) else self._refused(found)
        request = Request(f"{OBJECTS}/contacts/gdpr-delete", json={"objectId": found.value})
        answer = self._call(ERASE, request, lambda _: True)
        return Ok(True) if _is_missing(answer) else self._refused(answer)

    def add_note(self, number: str, note: CrmNote, key: str) -> Answer[bool]:
        there = self._has_note(key)
        if not isinstance(there, Ok) or there.value:
            return there
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT}]
        body = {
            "properties": {"hs_note_body": note.html, "hs_timestamp": note.at.isoformat(), KEY: key},
            "associations": [{"to": {"id": number}, "types": types}],
        }
        answer = self._call(ADD_NOTE, Request(f"{OBJECTS}/notes", json=body, key=key), lambda made: bool(made["id"]))
        if isinstance(answer, CleanFailure) and not answer.retry:  # perhaps because the key is taken
            again = self._has_note(key)
            return again if isinstance(again, Ok) and again.value else self._refused(answer)
        return answer

    def read_page(self, position: Mapping[str, Any]) -> Answer[CrmPage]:
        """Read by the moment of change; where one moment fills a page, its contacts are read by their numbers.

        So no page needs HubSpot's own tokens, which end, nor more than the 10,000 results that a search has.
        """
        since, behind = int(position.get("since", 0)), position.get("behind")
        moment = {"propertyName": CHANGED, "operator": "GTE" if behind is None else "EQ", "value": str(since)}
        filters = [{"propertyName": CONTACT, "operator": "HAS_PROPERTY"}, moment]
        if behind is not None:
            filters.append({"propertyName": NUMBER, "operator": "GT", "value": str(behind)})
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [CHANGED if behind is None else NUMBER],
            "properties": [CHANGED, MERGED, *self._ours],
            "limit": PAGE,
            "after": "0",
        }
        answer = self._call(SEARCH, Request(f"{OBJECTS}/contacts/search", json=body), self._page)
        if not isinstance(answer, Ok):
            return self._refused(answer)
        records, left = answer.value
        following, is_last = position_after(records, since, behind)
        if not records or is_last or _order(following) > _order(position):
            return Ok(CrmPage(records, following, is_last, left))
        return CleanFailure("endless_pages", "The same page comes again and again.")

    def position_at(self, moment: datetime) -> Mapping[str, Any]:
        return {"since": round(moment.timestamp() * 1000) - OVERLAP_MS}

    def read_changes(
        self, numbers: Sequence[str], names: Sequence[str]
    ) -> Answer[Mapping[str, Mapping[str, datetime]]]:
        body = {
            "inputs": [{"id": number} for number in numbers],
            "properties": [],
            "propertiesWithHistory": [self._fields[name] for name in names if name in self._fields],
        }
        request = Request(f"{OBJECTS}/contacts/batch/read", json=body)
        return self._refused(self._call(READ_HISTORY, request, self._changes))

    def _changes(self, body: Any) -> dict[str, dict[str, datetime]]:
        return {
            str(int(row["id"])): {
                self._ours[theirs]: max(datetime.fromisoformat(each["timestamp"]) for each in history)
                for theirs, history in row.get("propertiesWithHistory", {}).items()
                if history and theirs in self._ours
            }
            for row in body["results"]
        }

    def _page(self, body: Any) -> tuple[tuple[CrmRecord, ...], int]:
        records = []
        for row in body["results"]:
            found = row["properties"]
            records.append(
                CrmRecord(
                    key=str(found[CONTACT]),
                    number=str(int(row["id"])),
                    changed_at=datetime.fromisoformat(found[CHANGED]),
                    values={
                        name: str(found.get(theirs) or "") for name, theirs in self._fields.items() if name != "key"
                    },
                    merged=tuple(re.findall(r"\d+", str(found.get(MERGED) or ""))),
                )
            )
        return tuple(records), int(body["total"])

    def _written(self, body: Any) -> str | CleanFailure:
        """Return the number of the one contact that was written, or why none was."""
        if body.get("errors"):
            named = {self._ours[name] for error in body["errors"] for name in self._named_in(error)}
            return refusal(REFUSED, *sorted(named))
        if len(body["results"]) > 1:
            return refusal(SEVERAL, "key")
        return str(int(body["results"][0]["id"]))

    def _refused(self, answer: Answer[T]) -> Answer[T]:
        """Return a refusal for good with the fields that it names; other failures as they are."""
        if not isinstance(answer, CleanFailure) or answer.retry or answer.code == ENDED or not answer.was_called:
            return answer
        if answer.code in FORBIDDEN:
            return refusal(NO_RIGHT)
        named = [self._ours[name] for name in answer.detail.split(",") if name in self._ours]
        return refusal(REFUSED, *named)

    def _named_in(self, error: Any) -> set[str]:
        """Return the properties that an error is about: those it lists, those its words quote, and a taken email."""
        found = error if isinstance(error, dict) else {}
        named = set()
        for part in (found, *(found.get("errors") or ())):
            context = part.get("context") if isinstance(part, dict) else None
            for values in (context or {}).values():
                named |= set(values if isinstance(values, list) else [values]) & self._ours.keys()
            words = str(part.get("message", "")) if isinstance(part, dict) else ""
            named |= {name for name in self._ours if f'"{name}"' in words}
        if not named and found.get("category") == "CONFLICT":
            named = {name for name in ("email",) if name in self._ours}
        return named

    def _has_note(self, key: str) -> Answer[bool]:
        request = Request(f"{OBJECTS}/notes/{quote(key, safe='')}", {"idProperty": KEY})
        answer = self._call(FIND, request, lambda body: body["id"] is not None)
        return Ok(False) if _is_missing(answer) else answer


def position_after(records: Sequence[CrmRecord], since: int, behind: str | None) -> tuple[dict[str, Any], bool]:
    """Return where the page after some records begins, and whether they are all that changed."""
    if behind is not None:
        is_full = len(records) >= PAGE
        return {"since": since, "behind": records[-1].number} if is_full else {"since": since + 1}, False
    last = round(records[-1].changed_at.timestamp() * 1000) if records else since
    if len(records) < PAGE:
        # The page before this one may have led past the edge: changes before that may still show.
        edge = round(now().timestamp() * 1000) - OVERLAP_MS
        return {"since": min(last + 1 if records else since, edge)}, True
    return {"since": last} if last > since else {"since": since, "behind": "0"}, False


def _order(position: Mapping[str, Any]) -> tuple[int, int]:
    """Return what grows from page to page."""
    return int(position.get("since", 0)), int(position.get("behind", -1))


def _property(kind: str, name: str) -> Request:
    return Request(f"/crm/v3/properties/{kind}/{quote(name, safe='')}")


def read_property(body: Any) -> CrmProperty:
    """Return a property of its definition; one without a word about sensitivity isn't sensitive."""
    return CrmProperty(
        type=TYPES.get(str(body["type"]), str(body["type"])),
        options=frozenset(str(option["value"]) for option in body.get("options") or ()),
        is_read_only=bool((body.get("modificationMetadata") or {}).get("readOnlyValue")),
        is_sensitive=str(body.get("dataSensitivity") or "non_sensitive") != "non_sensitive",
    )


def _is_missing(answer: Answer[Any]) -> bool:
    return isinstance(answer, CleanFailure) and answer.code in MISSING
