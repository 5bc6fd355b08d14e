"""Client of HubSpot's contacts: each that Walker writes carries our id in a property that HubSpot keeps unique."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import ENDED, Operation, Request
from integrations.crm.ports import CrmClient, refusal
from integrations.crm.types import NO_RIGHT, REFUSED, SEVERAL, CrmContact, CrmNote
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
OURS: Final = {theirs: ours for ours, theirs in FIELD_MAP.items()}
NEEDED: Final = (
    ("contacts", CONTACT, True),
    ("contacts", "walker_lead", False),
    ("contacts", "walker_lead_score", False),
    ("notes", KEY, True),
)
"""Object, property, and whether its values have to be unique."""
NOTE_TO_CONTACT: Final = 202
FORBIDDEN: Final = frozenset({"MISSING_SCOPES", "http_403"})

_change = partial(Operation, seconds=10.0, method="POST", executes=True, in_background=True)
# The same contact with the same values, however often.
WRITE: Final = _change("write_contact", repeats="always")
ERASE: Final = _change("erase_contact", repeats="always")
# HubSpot refuses a second note with the key.
ADD_NOTE: Final = _change("add_contact_note", repeats="with_key")
FIND: Final = Operation("find_by_key", seconds=10.0, keeps_last=False, in_background=True)


def read_refusal(body: Any) -> tuple[str, str]:
    """Return the category of an error and which of our properties it names: its words may quote a person's values."""
    found = body if isinstance(body, dict) else {}
    return str(found.get("category", "")), ",".join(sorted(_named_in(found)))


class HubspotContacts(CrmClient):
    """The contacts of one portal. Its system reads errors by `read_refusal`."""

    def missing_properties(self) -> Answer[list[str]]:
        missing: list[str] = []
        for kind, name, is_unique in NEEDED:
            request = Request(f"/crm/v3/properties/{kind}/{name}")
            answer = self._call(READ_PROPERTY, request, lambda body: bool(body.get("hasUniqueValue")))
            if not isinstance(answer, Ok) and not _is_missing(answer):
                return answer
            if not isinstance(answer, Ok) or (is_unique and not answer.value):
                missing.append(f"{name} of {kind}, with unique values" if is_unique else f"{name} of {kind}")
        return Ok(missing)

    def write_contact(self, contact: CrmContact) -> Answer[str]:
        properties = {FIELD_MAP[name]: value for name, value in contact.told().items()}
        body = {"inputs": [{"idProperty": CONTACT, "id": contact.key, "properties": properties}]}
        answer = self._call(WRITE, Request(f"{OBJECTS}/contacts/batch/upsert", json=body), _written)
        if isinstance(answer, Ok):
            return answer.value if isinstance(answer.value, CleanFailure) else Ok(answer.value)
        return _refused(answer)

    def erase_contact(self, key: str) -> Answer[bool]:
        # Looked for by our id: a number may be another person's where the connection has got another account.
        place = Request(f"{OBJECTS}/contacts/{quote(key, safe='')}", {"idProperty": CONTACT})
        found = self._call(FIND, place, lambda body: str(int(body["id"])))
        if not isinstance(found, Ok):
            return Ok(True) if _is_missing(found) else _refused(found)
        request = Request(f"{OBJECTS}/contacts/gdpr-delete", json={"objectId": found.value})
        answer = self._call(ERASE, request, lambda _: True)
        return Ok(True) if _is_missing(answer) else _refused(answer)

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
            return again if isinstance(again, Ok) and again.value else _refused(answer)
        return answer

    def _has_note(self, key: str) -> Answer[bool]:
        request = Request(f"{OBJECTS}/notes/{quote(key, safe='')}", {"idProperty": KEY})
        answer = self._call(FIND, request, lambda body: body["id"] is not None)
        return Ok(False) if _is_missing(answer) else answer


def _written(body: Any) -> str | CleanFailure:
    """Return the number of the one contact that was written, or why none was."""
    if body.get("errors"):
        return refusal(REFUSED, *sorted({OURS[name] for error in body["errors"] for name in _named_in(error)}))
    if len(body["results"]) > 1:
        return refusal(SEVERAL, "key")
    return str(int(body["results"][0]["id"]))


def _refused(answer: Answer[T]) -> Answer[T]:
    """Return a refusal for good with the fields that it names; other failures as they are."""
    if not isinstance(answer, CleanFailure) or answer.retry or answer.code == ENDED or not answer.was_called:
        return answer
    if answer.code in FORBIDDEN:
        return refusal(NO_RIGHT)
    named = [OURS[name] for name in answer.detail.split(",") if name in OURS]
    return refusal(REFUSED, *named)


def _named_in(error: Any) -> set[str]:
    """Return the properties that an error is about: those it lists, those its words quote, and a taken email."""
    found = error if isinstance(error, dict) else {}
    named = set()
    for part in (found, *(found.get("errors") or ())):
        context = part.get("context") if isinstance(part, dict) else None
        for values in (context or {}).values():
            named |= set(values if isinstance(values, list) else [values]) & OURS.keys()
        words = str(part.get("message", "")) if isinstance(part, dict) else ""
        named |= {name for name in OURS if f'"{name}"' in words}
    if not named and found.get("category") == "CONFLICT":
        named = {"email"}
    return named


def _is_missing(answer: Answer[Any]) -> bool:
    return isinstance(answer, CleanFailure) and answer.code in MISSING
