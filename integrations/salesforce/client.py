"""Client of Salesforce's contacts: each carries our id in an external id, and so does each task that is a note."""

import html
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

from django.utils.html import strip_tags

from core.clock import now
from core.http import Reply
from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.operations import ENDED, LIMITED, Line, Operation, Request, System, is_refusal
from integrations.crm.ports import CrmClient, refusal
from integrations.crm.types import (
    FIELDS,
    NO_RIGHT,
    REFUSED,
    SEVERAL,
    CrmContact,
    CrmNote,
    CrmPage,
    CrmProperty,
    CrmRecord,
)
from integrations.salesforce.soql import literal, literals, moment_of, number_of, numbers_in, select, stamp

T = TypeVar("T")
ROOT: Final = "/services/data/v64.0"
"""With the version of the API: the next one may answer otherwise."""
CONTACT: Final = "Walker_Id__c"
NOTE: Final = "Walker_Key__c"
LAST_NAME: Final = "LastName"
FIELD_MAP: Final[Mapping[str, str]] = {
    "key": CONTACT,
    "name": LAST_NAME,
    "email": "Email",
    "phone": "Phone",
    "heat": "Walker_Lead__c",
    "score": "Walker_Lead_Score__c",
}
TYPES: Final = {
    **dict.fromkeys(("string", "textarea", "email", "phone", "url", "encryptedstring"), "text"),
    **dict.fromkeys(("double", "int"), "number"),
    **dict.fromkeys(("picklist", "combobox"), "choice"),
}
"""Salesforce's types in the port's words; others stay."""
ANY: Final[frozenset[str]] = frozenset()
EXTERNAL: Final = frozenset({"externalId"})
UNIQUE: Final = EXTERNAL | {"unique"}
MARKS: Final = {ANY: "", EXTERNAL: ", as an external id", UNIQUE: ", as a unique external id"}
"""What a field has to be, in words."""
SUBJECT: Final = "Conversation in Walker"
NOBODY: Final = "Erased"
"""The last name of a contact that is about to be deleted; Salesforce takes no empty one."""
CHANGED: Final = "SystemModstamp"
SEVERAL_MATCH: Final = 300
MULTIPLE: Final = f"http_{SEVERAL_MATCH}"
DUPLICATES: Final = "DUPLICATES_DETECTED"
ROLLED_BACK: Final = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
DELETED: Final = "ENTITY_IS_DELETED"
LIMITS: Final = frozenset({LIMITED, "UNABLE_TO_LOCK_ROW"})
"""Nothing was done, and a little later it may be."""
SWITCHED_OFF: Final = frozenset({"API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG"})
"""The account may not call the API at all any more."""
FORBIDDEN: Final = SWITCHED_OFF | frozenset(
    {
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INVALID_TYPE",
        "http_403",
    }
)
PAGE: Final = 25
"""Few: a page is committed as a whole, and a name that changes is masked in all that the contact wrote."""
OVERLAP: Final = timedelta(minutes=5)
"""So far before now a reading begins again: a long transaction shows its changes late, with the time they were made."""
MOST: Final = 200
"""The most records that are changed or deleted by one call."""
ROUNDS: Final = 20


def proves_nothing(reply: Reply) -> bool:
    """Return True for a refusal: 300 is one, too, for an external id that several records have."""
    return is_refusal(reply) or reply.status == SEVERAL_MATCH


_reading = partial(Operation, keeps_last=False, in_background=True)
_change = partial(
    Operation, method="PATCH", executes=True, repeats="always", in_background=True, proves_nothing=proves_nothing
)
DESCRIBE: Final = Operation("describe", keeps_last=False)
READ_NAME: Final = Operation("read_name", keeps_last=False)
FIND: Final = _reading("find_by_key")
SEARCH: Final = _reading("search_contacts")
READ_HISTORY: Final = _reading("read_history")
# The same records with the same values, however often.
WRITE: Final = _change("write_contact")
ADD_NOTE: Final = _change("add_contact_note")
BLANK: Final = _change("blank_contact", despite_stops=True)
ERASE: Final = _change("erase_contact", method="DELETE", despite_stops=True)


class SalesforceClient(CrmClient):
    """The contacts of one organisation, with the fields that each of `FIELDS` has there."""

    def __init__(self, system: System, line: Line, fields: Mapping[str, str]) -> None:
        super().__init__(replace(system, error=self.read_error, limit_codes=LIMITS, ended_codes=SWITCHED_OFF), line)
        self._fields = {**fields, "key": CONTACT}
        # Salesforce wants a last name of each contact, whichever field has the name.
        self._ours = {LAST_NAME: "name", **{theirs: ours for ours, theirs in self._fields.items()}}

    def read_error(self, body: Any) -> tuple[str, str]:
        """Return the first error's code, and which of `FIELDS` are named: its words may quote a person's values."""
        errors = [error for error in body if isinstance(error, dict)] if isinstance(body, list) else []
        if not errors:
            return "", ""
        code = str(errors[0].get("errorCode") or errors[0].get("statusCode") or "")
        named = {name for error in errors for name in self.named_in(error)}
        if not named and code == DUPLICATES:
            named = {"email"} & self._fields.keys()
        return LIMITED if code == "REQUEST_LIMIT_EXCEEDED" else code, ",".join(sorted(named))

    def named_in(self, error: Mapping[str, Any]) -> set[str]:
        """Return which of `FIELDS` an error is about: those it lists, else those that its words name."""
        listed = error.get("fields")
        places = {str(name) for name in listed} if isinstance(listed, list) else set()
        words = set(re.findall(r"\w+", str(error.get("message") or "")))
        return {self._ours[name] for name in (places & self._ours.keys()) or (words & self._ours.keys())}

    def read_name(self) -> Answer[str]:
        """Return what the organisation calls itself, and whether it is a sandbox of Salesforce's."""

        def named(body: Any) -> str:
            (row,) = body["records"]
            return f"{row['Name']} · sandbox" if row["IsSandbox"] else str(row["Name"])

        return self._query(READ_NAME, select(["Name", "IsSandbox"], "Organization"), named)

    def missing_properties(self) -> Answer[list[str]]:
        own = dict.fromkeys(self._fields.values(), ANY)
        missing: list[str] = []
        for kind, wanted in (("Contact", {**own, CONTACT: UNIQUE}), ("Task", {NOTE: EXTERNAL})):
            found = self._describe(kind, lambda fields: {str(field["name"]): marks_of(field) for field in fields})
            if not isinstance(found, Ok):
                return found
            for name, marks in wanted.items():
                if name not in found.value or not marks <= found.value[name]:
                    missing.append(f"{name} of {kind}{MARKS[marks]}")
        return Ok(missing)

    def find_property(self, name: str) -> Answer[CrmProperty | None]:
        return self._describe(
            "Contact", lambda fields: next((read_property(field) for field in fields if field["name"] == name), None)
        )

    def write_contact(self, contact: CrmContact) -> Answer[str]:
        values = {self._fields[name]: value for name, value in contact.told().items()}
        request = Request(place_of("Contact", CONTACT, contact.key), json=values)
        answer = self._call(WRITE, request, lambda body: number_of(body["id"]) if body else "")
        if not isinstance(answer, Ok) or answer.value:
            return self._refused(answer)
        found = self._find(contact.key)  # a change was once answered without a body
        if not isinstance(found, Ok):
            return self._refused(found)
        if len(found.value) > 1:
            return refusal(SEVERAL, "key")
        return Ok(found.value[0]) if found.value else Unknown("bad_answer", "The contact isn't there.")

    def erase_contact(self, key: str) -> Answer[bool]:
        # By our id, and by a query: to read one by an external id says "not found" where the field is missing, too.
        found = self._find(key)
        if not isinstance(found, Ok):
            return self._refused(found)
        for number in found.value:
            erased = self.erase(number)
            if not isinstance(erased, Ok):
                return self._refused(erased)
        return Ok(bool(found.value))

    def erase(self, number: str) -> Answer[bool]:
        """Blank a contact and our notes on it, then delete them: deleted records lie in a bin for 15 days."""
        blank: dict[str, Any] = {
            **{theirs: None for ours, theirs in self._fields.items() if ours != "key"},
            LAST_NAME: NOBODY,
        }
        where = f"WhoId = {literal(number)} AND {NOTE} != null AND IsDeleted = false"
        ours = select(["Id"], "Task", where, limit=MOST - 1)
        for _ in range(ROUNDS):
            # All of them: notes of past years are archived, and a plain query leaves those out.
            notes = self._query(FIND, ours, numbers_in, path="queryAll")
            if not isinstance(notes, Ok):
                return notes
            is_last = len(notes.value) < MOST - 1
            records: list[dict[str, Any]] = [
                {"attributes": {"type": "Task"}, "id": one, "Description": None} for one in notes.value
            ]
            records += [{"attributes": {"type": "Contact"}, "id": number, **blank}] if is_last else []
            ids = ",".join(str(record["id"]) for record in records)
            changes = Request(f"{ROOT}/composite/sobjects", json={"allOrNone": True, "records": records})
            blanked = self._change_all(BLANK, changes)
            if not isinstance(blanked, Ok):
                return blanked
            deletion = Request(f"{ROOT}/composite/sobjects", {"ids": ids, "allOrNone": "true"})
            deleted = self._change_all(ERASE, deletion)
            if not isinstance(deleted, Ok) or is_last:
                return deleted
        return CleanFailure("endless_pages", "There are always more notes.")

    def add_note(self, number: str, note: CrmNote, key: str) -> Answer[bool]:
        task = {
            "WhoId": number,
            "Subject": SUBJECT,
            "Status": "Completed",
            "ActivityDate": note.at.date().isoformat(),
            "Description": text_of(note.html),
        }
        request = Request(place_of("Task", NOTE, key), json=task, key=key)
        answer = self._call(ADD_NOTE, request, lambda body: bool(number_of(body["id"])))
        if isinstance(answer, CleanFailure) and answer.code == MULTIPLE:  # somebody has copied it
            return Ok(True)
        return self._refused(answer)

    def read_page(self, position: Mapping[str, Any]) -> Answer[CrmPage]:
        """Read by the moment of change and, within one moment, by the records' ids."""
        since, behind = str(position.get("since", "")), str(position.get("behind", ""))
        where = f"{CONTACT} != null"
        if since:
            moment = stamp(moment_of(since))
            following = f"({CHANGED} > {moment} OR ({CHANGED} = {moment} AND Id > {literal(behind)}))"
            where += f" AND {following if behind else f'{CHANGED} >= {moment}'}"
        fields = ["Id", CHANGED, *self._fields.values()]
        soql = select(fields, "Contact", where, order=(CHANGED, "Id"), limit=PAGE)
        found = self._query(SEARCH, soql, lambda body: [self.read_record(row) for row in body["records"]])
        if not isinstance(found, Ok):
            return self._refused(found)
        after, is_last = position_after(found.value, since)
        if not is_last and (after["since"], after["behind"]) <= (since, behind):
            return CleanFailure("endless_pages", "The same page comes again and again.")
        merged = self.read_merged([record.number for record in found.value])
        if not isinstance(merged, Ok):
            return self._refused(merged)
        left: Answer[int | None] = Ok(None)
        if not position and not is_last:
            counted = select([], "Contact", where)
            left = self._query(SEARCH, counted, lambda body: int(body["totalSize"]))
        if not isinstance(left, Ok):
            return self._refused(left)
        records = tuple(replace(record, merged=tuple(merged.value.get(record.number, ()))) for record in found.value)
        return Ok(CrmPage(records, after, is_last, left.value))

    def position_at(self, moment: datetime) -> Mapping[str, Any]:
        return {"since": stamp(moment - OVERLAP)}

    def read_record(self, row: Any) -> CrmRecord:
        """Return a contact of an answer. Raises ValueError, KeyError and TypeError for what isn't one."""
        read = {name: theirs for name, theirs in self._fields.items() if name != "key"}
        return CrmRecord(
            key=str(row[CONTACT]),
            number=number_of(row["Id"]),
            changed_at=moment_of(row[CHANGED]),
            values={name: str(row[theirs] or "") for name, theirs in read.items()},
        )

    def read_merged(self, numbers: Collection[str]) -> Answer[dict[str, list[str]]]:
        """Return the contacts that were merged into each of some; without a call for none."""
        if not numbers:
            return Ok({})

        def by_winner(body: Any) -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for row in body["records"]:
                found.setdefault(number_of(row["MasterRecordId"]), []).append(number_of(row["Id"]))
            return found

        soql = select(["Id", "MasterRecordId"], "Contact", f"MasterRecordId IN {literals(numbers)}")
        return self._query(SEARCH, soql, by_winner, path="queryAll")

    def read_changes(
        self, numbers: Collection[str], names: Collection[str]
    ) -> Answer[Mapping[str, Mapping[str, datetime]]]:
        """Return when each of these values was last changed there, by number and name of `FIELDS`.

        Only for those that the system says: nothing where Salesforce doesn't track the field, or doesn't show it us.
        """
        places = {self._fields[name]: name for name in names if name in self._fields}
        if LAST_NAME in places:
            places["Name"] = places[LAST_NAME]  # first and last name may be tracked as one
        if not numbers or not places:
            return Ok({})

        def newest(body: Any) -> dict[str, dict[str, datetime]]:
            found: dict[str, dict[str, datetime]] = {}
            for row in body["records"]:
                values = found.setdefault(number_of(row["ContactId"]), {})
                values.setdefault(places[row["Field"]], moment_of(row["CreatedDate"]))
            return found

        where = f"ContactId IN {literals(numbers)} AND Field IN {literals(places)}"
        columns = ["ContactId", "Field", "CreatedDate"]
        soql = select(columns, "ContactHistory", where, order=("CreatedDate DESC",), limit=2000)
        answer: Answer[Mapping[str, Mapping[str, datetime]]] = self._query(READ_HISTORY, soql, newest)
        if isinstance(answer, CleanFailure) and answer.code in FORBIDDEN:
            return Ok({})
        return self._refused(answer)

    def _query(self, operation: Operation, soql: str, parse: Callable[[Any], T], *, path: str = "query") -> Answer[T]:
        return self._call(operation, Request(f"{ROOT}/{path}", {"q": soql}), parse)

    def _find(self, key: str) -> Answer[list[str]]:
        return self._query(FIND, select(["Id"], "Contact", f"{CONTACT} = {literal(key)}"), numbers_in)

    def _describe(self, kind: str, parse: Callable[[Any], T]) -> Answer[T]:
        return self._call(DESCRIBE, Request(f"{ROOT}/sobjects/{kind}/describe"), lambda body: parse(body["fields"]))

    def _change_all(self, operation: Operation, request: Request) -> Answer[bool]:
        """Blank or delete several records or none; those that are deleted already are done."""

        def errors_in(body: Any) -> list[dict[str, Any]]:
            results = [(row["success"] is True, row["errors"]) for row in body]
            if not results:
                raise ValueError("no result at all")
            found = [dict(error) for is_done, errors in results if not is_done for error in errors or [{}]]
            return [error for error in found if error.get("statusCode") != DELETED]

        answer = self._call(operation, request, errors_in)
        if not isinstance(answer, Ok):
            return answer
        if not answer.value:
            return Ok(True)
        code, named = self.read_error([error for error in answer.value if error.get("statusCode") != ROLLED_BACK])
        return CleanFailure(code, named, retry=code in LIMITS)

    def _refused(self, answer: Answer[T]) -> Answer[T]:
        """Return a refusal for good with the fields that it names; anything else as it is."""
        if not isinstance(answer, CleanFailure) or answer.retry or answer.code == ENDED or not answer.was_called:
            return answer
        if answer.code == MULTIPLE:
            return refusal(SEVERAL, "key")
        if answer.code in FORBIDDEN:
            return refusal(NO_RIGHT)
        return refusal(REFUSED, *(name for name in answer.detail.split(",") if name in FIELDS))


def position_after(records: Sequence[CrmRecord], since: str) -> tuple[dict[str, Any], bool]:
    """Return where the page after some records begins, and whether they are all that changed."""
    if len(records) >= PAGE:
        return {"since": stamp(records[-1].changed_at), "behind": records[-1].number}, False
    # The page before this one may have led past the edge: changes before that may still show.
    edge = now() - OVERLAP
    if not records:
        return {"since": min(since, stamp(edge))}, True
    return {"since": stamp(min(records[-1].changed_at + timedelta(seconds=1), edge))}, True


def place_of(kind: str, field: str, key: str) -> str:
    """Return the path of a record by its external id."""
    return f"{ROOT}/sobjects/{kind}/{field}/{quote(key, safe='')}"


def text_of(markup: str) -> str:
    """Return a note's HTML as plain text: a line for each paragraph, and links with their addresses."""
    lines = re.sub(r'<a href="([^"]*)">(.*?)</a>', r"\2: \1", markup).replace("</p>", "</p>\n")
    return html.unescape(strip_tags(lines)).strip()


def read_property(field: Any) -> CrmProperty:
    """Return a field of a description; one without a word about encryption isn't sensitive."""
    kind = str(field["type"])
    return CrmProperty(
        type=TYPES.get(kind, kind),
        options=frozenset(str(one["value"]) for one in field.get("picklistValues") or () if one["active"]),
        is_read_only=not field["updateable"],
        is_sensitive=kind == "encryptedstring",
    )


def marks_of(field: Any) -> frozenset[str]:
    """Return which of `UNIQUE` a field of a description has."""
    return frozenset(mark for mark in UNIQUE if field.get(mark))
