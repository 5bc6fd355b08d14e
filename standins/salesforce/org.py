"""The records of the sandbox Salesforce: contacts, their tasks and history, external ids, and what is refused."""

from datetime import datetime
from typing import Any, Final

from standins.clock import now
from standins.errors import ApiError, invalid
from standins.salesforce.soql import Malformed, Query, parse
from standins.store import Document
from standins.tickets import TicketStore

ORGS: Final = ("acme", "globex")
PEOPLE: Final = {"acme": ("Carla", "carla@customers.example"), "globex": ("Gus", "gus@customers.example")}
PREFIXES: Final = {"Contact": "003", "Task": "00T", "ContactHistory": "017"}
NOUNS: Final = {"Contact": "contacts", "Task": "notes"}
"""As the journal names effects."""
MOST: Final = 200
"""The most records of one collection."""
LONGEST: Final = {"LastName": 80, "Subject": 255, "Description": 32_000}


def _field(name: str, kind: str = "string", **more: Any) -> Document:
    """Return the description of a field that anybody may write."""
    usual = {"updateable": True, "nillable": True, "externalId": False, "unique": False, "picklistValues": []}
    return {"name": name, "type": kind, **usual, **more}


def _choices(*active: str, former: str) -> list[Document]:
    every = [(value, True) for value in active] + [(former, False)]
    return [{"value": value, "label": value, "active": is_active} for value, is_active in every]


SHARED: Final = (
    _field("Id", "id", updateable=False),
    _field("IsDeleted", "boolean", updateable=False),
    _field("SystemModstamp", "datetime", updateable=False),
)
FIELDS: Final[dict[str, tuple[Document, ...]]] = {
    "Contact": (
        *SHARED,
        _field("MasterRecordId", "reference", updateable=False),
        _field("FirstName"),
        _field("LastName", nillable=False),
        _field("Email", "email"),
        _field("Phone", "phone"),
        _field("Nickname__c"),
        _field("Description", "textarea"),
        _field("Language__c", "picklist", picklistValues=_choices("en", "de", former="la")),
        _field("Passport__c", "encryptedstring"),
        _field("Walker_Id__c", externalId=True, unique=True),
        _field("Walker_Lead__c", "picklist", picklistValues=_choices("hot", "warm", "cold", former="lukewarm")),
        _field("Walker_Lead_Score__c", "double"),
    ),
    "Task": (
        *SHARED,
        _field("WhoId", "reference"),
        _field("Subject", "combobox"),
        _field("Status", "picklist", picklistValues=_choices("Not Started", "Completed", former="Waiting")),
        _field("ActivityDate", "date"),
        _field("Description", "textarea"),
        _field("Walker_Key__c", externalId=True, unique=True),
    ),
    "ContactHistory": tuple(_field(name, updateable=False) for name in ("Id", "ContactId", "Field", "CreatedDate")),
    "Organization": tuple(_field(name, updateable=False) for name in ("Id", "Name", "IsSandbox")),
}
"""The objects; what begins with Walker is there only if somebody made it."""


def credentials_of(org: str) -> dict[str, str]:
    """Return what connects an organisation."""
    return {"domain": org, "client_id": f"3MVG9-{org}", "client_secret": f"salesforce-secret-{org}"}


def problem(status: int, code: str, words: str, *fields: str) -> ApiError:
    """Return an error in the vendor's form, without its list."""
    error = ApiError(status, code, words)
    error.body = {"message": words, "errorCode": code, "fields": list(fields)}
    return error


def stamp(moment: datetime) -> str:
    """Return a moment as the vendor shows it: in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class Org:
    """What each organisation has; a document's `fields` are those of the API."""

    def __init__(self, store: TicketStore) -> None:
        self.store = store
        self.has_own_fields = self.tracks_history = True
        self._seed()

    def reset(self) -> None:
        """Return to the initial state."""
        self.has_own_fields = self.tracks_history = True
        with self.store.transaction():
            self.store.clear()
            self._seed()

    def _seed(self) -> None:
        """Fill an empty store: a customer for each organisation."""
        if self.store.is_empty():
            for org, (name, email) in PEOPLE.items():
                self._insert(org, "Contact", {"LastName": name, "Email": email})

    def _insert(self, org: str, kind: str, fields: Document) -> Document:
        ident = self.store.next_id()
        number = f"{PREFIXES[kind]}{ident:012d}AAA"
        usual = {"SystemModstamp": stamp(now()), "IsDeleted": False, "MasterRecordId": None}
        row = {"id": ident, "fields": {"Id": number, **usual, **fields}}
        self.store.save(org, kind, row)
        return row

    def describe(self, kind: str) -> list[Document]:
        """Return the fields of an object; raises the vendor's 404."""
        if kind not in FIELDS or (kind == "ContactHistory" and not self.tracks_history):
            raise problem(404, "NOT_FOUND", "The requested resource does not exist")
        return [field for field in FIELDS[kind] if self.has_own_fields or not field["name"].startswith("Walker_")]

    def query(self, org: str, text: str, *, with_deleted: bool) -> Document:
        """Return the answer to a query; raises the vendor's 400."""
        try:
            asked = parse(text)
        except Malformed as wrong:
            raise problem(400, "MALFORMED_QUERY", str(wrong)) from None
        self._check_names(asked)
        rows: list[Document] = [{"Name": org.title(), "IsSandbox": False, "Id": "00D000000000001AAA"}]
        if asked.of != "Organization":
            names = [field["name"] for field in self.describe(asked.of)]
            every = [row["fields"] for row in self.store.every(org, asked.of)]
            rows = [dict.fromkeys(names) | row for row in every if with_deleted or not row.get("IsDeleted")]
        try:
            found = asked.rows_of(rows)
        except Malformed as wrong:
            raise problem(400, "INVALID_FIELD", str(wrong)) from None
        shown = [
            {"attributes": {"type": asked.of}, **{name: row[name] for name in asked.fields}}
            for row in found
            if asked.fields
        ]
        return {"totalSize": len(found), "done": True, "records": shown}

    def _check_names(self, asked: Query) -> None:
        try:
            known = {field["name"] for field in self.describe(asked.of)}
        except ApiError:
            raise problem(400, "INVALID_TYPE", f"sObject type '{asked.of}' is not supported.") from None
        for name in sorted(asked.named - known):
            raise problem(400, "INVALID_FIELD", f"No such column '{name}' on entity '{asked.of}'.")

    def upsert(self, org: str, kind: str, by: str, key: str, values: Document) -> tuple[list[Document], bool]:
        """Create the record with an external id, or change it; several with it are returned and not changed."""
        fields = {field["name"]: field for field in self.describe(kind)}
        if not fields.get(by, {}).get("externalId"):
            words = f"Provided external ID field does not exist or is not accessible: {by}"
            raise problem(404, "NOT_FOUND", words)
        if by in values:
            raise problem(400, "INVALID_FIELD", f"The {by} field should not be specified in the sobject data.")
        with self.store.transaction():
            found = [row for row in self._living(org, kind) if row["fields"].get(by) == key]
            if len(found) > 1:
                return found, False
            if found:
                self.change(org, kind, found[0], values)
                return found, False
            self._check(org, kind, values, is_new=True)
            row = self._insert(org, kind, {by: key, **self._read(kind, values)})
            self.store.note(org, f"create_{NOUNS[kind]}", row["id"], key=key)
        return [row], True

    def change(self, org: str, kind: str, row: Document, values: Document) -> None:
        """Change a record, with its history; raises the vendor's error."""
        self._check(org, kind, values, besides=row["id"])
        read = self._read(kind, values)
        differ = [name for name, value in read.items() if row["fields"].get(name) != value]
        row["fields"] |= read | {"SystemModstamp": stamp(now())}
        self.store.save(org, kind, row)
        if kind == "Contact":
            for name in differ:
                changed = {"ContactId": row["fields"]["Id"], "Field": name, "CreatedDate": stamp(now())}
                self._insert(org, "ContactHistory", changed)
        self.store.note(org, f"change_{NOUNS[kind]}", row["id"])

    def change_one(self, org: str, record: Document) -> None:
        """Change a record of a collection; raises the vendor's error."""
        kind, row = self.find(org, str(record.get("id", "")))
        if record.get("attributes") != {"type": kind}:
            raise problem(400, "INVALID_TYPE", "the record is of another type")
        self.change(org, kind, row, {name: value for name, value in record.items() if name not in ("id", "attributes")})

    def find(self, org: str, number: str) -> tuple[str, Document]:
        """Return the object and the record with an id; raises the vendor's error."""
        for kind in ("Contact", "Task"):
            for row in self.store.every(org, kind):
                if row["fields"]["Id"] == number and row["fields"]["IsDeleted"]:
                    raise problem(404, "ENTITY_IS_DELETED", "entity is deleted")
                if row["fields"]["Id"] == number:
                    return kind, row
        raise problem(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")

    def delete(self, org: str, number: str) -> None:
        """Move a record into the bin, and with a contact its tasks; it stays as it was."""
        kind, row = self.find(org, number)
        going = [(kind, row)]
        if kind == "Contact":
            tasks = self._living(org, "Task")
            going += [("Task", task) for task in tasks if task["fields"].get("WhoId") == number]
        for each, gone in going:
            gone["fields"] |= {"IsDeleted": True, "SystemModstamp": stamp(now())}
            self.store.save(org, each, gone)
            self.store.note(org, f"delete_{NOUNS[each]}", gone["id"])

    def _living(self, org: str, kind: str) -> list[Document]:
        return [row for row in self.store.every(org, kind) if not row["fields"]["IsDeleted"]]

    def _read(self, kind: str, values: Document) -> Document:
        """Return values as they are stored: numbers as such."""
        numbers = {field["name"] for field in FIELDS[kind] if field["type"] == "double"}
        return {name: float(value) if name in numbers and value else value for name, value in values.items()}

    def _check(self, org: str, kind: str, values: Document, *, is_new: bool = False, besides: int = 0) -> None:
        """Refuse fields that nobody made or that can't be written, values that aren't valid, and duplicates."""
        fields = {field["name"]: field for field in self.describe(kind)}
        for name, value in values.items():
            if name not in fields:
                raise problem(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}")
            if not fields[name]["updateable"]:
                words = f"Unable to create/update fields: {name}"
                raise problem(400, "INVALID_FIELD_FOR_INSERT_UPDATE", words, name)
            _check_value(fields[name], value)
        is_nameless = not values["LastName"] if "LastName" in values else is_new
        if kind == "Contact" and is_nameless:
            raise problem(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")
        if kind == "Task" and values.get("WhoId"):
            self.find(org, values["WhoId"])
        email = str(values.get("Email") or "").lower() if kind == "Contact" else ""
        others = [row for row in self._living(org, kind) if row["id"] != besides] if email else []
        if any((row["fields"].get("Email") or "").lower() == email for row in others):
            raise problem(400, "DUPLICATES_DETECTED", "Use one of these records?")

    def act(self, wanted: Document) -> Document:
        """Change an organisation as a person does there, or its switches."""
        org = str(wanted.get("account", ""))
        if org not in ORGS:
            raise invalid(account=f"One of {', '.join(ORGS)}.")
        for name in ("has_own_fields", "tracks_history"):
            if name in wanted:
                setattr(self, name, bool(wanted[name]))
        with self.store.transaction():
            for one in wanted.get("contacts", ()):
                self._change_by_hand(org, one)
        return {"contacts": len(wanted.get("contacts", ()))}

    def _change_by_hand(self, org: str, wanted: Document) -> None:
        """Make a contact or change one, found by our id; one with `merged_into` is swallowed by that one."""

        def ours(key: str) -> Document:
            return next(row for row in self._living(org, "Contact") if row["fields"].get("Walker_Id__c") == key)

        moment = datetime.fromisoformat(wanted["at"]) if "at" in wanted else now()
        row = ours(str(wanted["id"])) if "id" in wanted else self._insert(org, "Contact", {})
        before = dict(row["fields"])
        row["fields"] |= wanted.get("properties", {}) | {"SystemModstamp": stamp(moment)}
        for name in wanted.get("properties", {}):
            if "id" in wanted and row["fields"][name] != before.get(name):
                changed = {"ContactId": row["fields"]["Id"], "Field": name, "CreatedDate": stamp(moment)}
                self._insert(org, "ContactHistory", changed)
        if "merged_into" in wanted:
            winner = ours(str(wanted["merged_into"]))
            row["fields"]["MasterRecordId"] = winner["fields"]["Id"]
            winner["fields"]["SystemModstamp"] = stamp(moment)
            self.store.save(org, "Contact", winner)
        row["fields"]["IsDeleted"] = bool(wanted.get("deleted")) or "merged_into" in wanted
        self.store.save(org, "Contact", row)


def _check_value(field: Document, value: Any) -> None:
    """Refuse a value that the field can't hold."""
    name, kind = field["name"], field["type"]
    if value is None:
        return
    if kind == "double":
        try:
            float(value)
        except (TypeError, ValueError):
            words = f"Cannot deserialize instance of double from VALUE_STRING value {value}"
            raise problem(400, "JSON_PARSER_ERROR", words) from None
        return
    if not isinstance(value, str):
        raise problem(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of {kind}")
    if len(value) > LONGEST.get(name, 255):
        raise problem(400, "STRING_TOO_LONG", f"{name}: data value too large", name)
    if kind == "email" and ("@" not in value or value.endswith(".invalid")):
        raise problem(400, "INVALID_EMAIL_ADDRESS", f"{name}: invalid email address: {value}", name)
    choices = [one["value"] for one in field["picklistValues"] if one["active"]]
    if kind == "picklist" and value not in choices:
        words = f"{name}: bad value for restricted picklist field: {value}"
        raise problem(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, name)
