"""The objects of the sandbox HubSpot: contacts, tickets and notes, their associations and unique properties."""

import uuid
from datetime import datetime, timedelta
from typing import Final

from standins.clock import now
from standins.errors import ApiError, invalid
from standins.hubspot.webhooks import Poster
from standins.store import Document
from standins.tickets import TicketStore, number

PORTALS: Final = ("acme", "globex")
PEOPLE: Final = {"acme": ("Carla", "carla@customers.example"), "globex": ("Gus", "gus@customers.example")}
KINDS: Final = ("contacts", "tickets", "notes")
# The properties of each kind whose values are unique, besides the number.
UNIQUE: Final = {"contacts": ("email", "walker_contact"), "tickets": ("walker_request",), "notes": ("walker_request",)}
OWN: Final = frozenset({"walker_request", "walker_contact", "walker_lead", "walker_lead_score"})
"""Properties that a portal has only if somebody made them."""
SHARED: Final[dict[str, Document]] = {
    **{key: {"type": "string"} for key in ("firstname", "lastname", "email", "phone", "jobtitle", "nickname")},
    "hs_language": {"type": "enumeration", "options": [{"value": "en"}, {"value": "de"}]},
    "hs_object_id": {"type": "number", "modificationMetadata": {"readOnlyValue": True}},
    "passport": {"type": "string", "dataSensitivity": "highly_sensitive"},
}
"""Properties of contacts that every portal has, and a sensitive one."""
NEEDED: Final = {"contacts": "email", "tickets": "hs_pipeline_stage", "notes": "hs_timestamp"}
STAGES: Final = ("1", "2", "3", "4")
TYPES: Final = {16: ("tickets", "contacts"), 202: ("notes", "contacts"), 228: ("notes", "tickets")}
MOST_FOUND, MOST_RESULTS = 200, 10_000
"""The most of a page of a search, and of all its pages."""
LEADS: Final = ("hot", "warm", "cold")


def stamp(days: int = 0) -> str:
    """Return the moment so many days ago as the vendor writes it."""
    return (now() - timedelta(days=days)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def token_of(portal: str) -> str:
    """Return the token of a portal's private app."""
    return f"pat-eu1-{portal}"


def problem(status: int, category: str, words: str) -> ApiError:
    """Return an error in the vendor's form."""
    error = ApiError(status, category, words)
    error.body = {"status": "error", "message": words, "correlationId": str(uuid.uuid4()), "category": category}
    return error


def _not_valid(name: str, code: str) -> ApiError:
    """Return the vendor's error about the value of a property."""
    error = problem(400, "VALIDATION_ERROR", "Property values were not valid")
    error.body["errors"] = [{"message": "The value is invalid", "code": code, "context": {"propertyName": [name]}}]
    return error


def _order_of(row: Document, name: str) -> int:
    """Return a moment in milliseconds or a number, as the search compares them."""
    if name == "lastmodifieddate":
        return round(datetime.fromisoformat(row["updatedAt"]).timestamp() * 1000)
    return int(row["properties"][name])


def _meets(row: Document, asked: Document) -> bool:
    """Return whether an object meets a filter of a search."""
    name, operator = asked["propertyName"], asked["operator"]
    if operator == "HAS_PROPERTY":
        return bool(row["properties"].get(name))
    found, wanted = _order_of(row, name), int(asked["value"])
    return {"GT": found > wanted, "GTE": found >= wanted, "EQ": found == wanted}[operator]


def _write(row: Document, properties: Document, moment: str) -> None:
    """Change an object; the date of a property moves only with its value."""
    moved = {name for name, value in properties.items() if row["properties"].get(name) != value}
    row["properties"].update(properties)
    row["dates"].update(dict.fromkeys(moved, moment))
    row["updatedAt"] = moment


class Portal:
    """What each portal has."""

    def __init__(self, store: TicketStore) -> None:
        self.store = store
        self.poster = Poster()
        self.has_key_property = True
        self._seed()

    def reset(self) -> None:
        """Return to the initial state."""
        self.has_key_property = True
        self.poster.reset()
        with self.store.transaction():
            self.store.clear()
            self._seed()

    def _seed(self) -> None:
        """Fill an empty store: an open ticket and a closed one for each portal's customer."""
        if not self.store.is_empty():
            return
        for portal, (name, email) in PEOPLE.items():
            person = self._insert(portal, "contacts", {"firstname": name, "email": email}, {}, days=90)
            for days, subject, stage in ((2, "The left boot leaks", "3"), (40, "Where is my invoice?", "4")):
                properties = {"subject": subject, "hs_pipeline": "0", "hs_pipeline_stage": stage}
                ticket = self._insert(portal, "tickets", properties, {"contacts": [person["id"]]}, days=days)
                if stage == "4":
                    ticket["properties"]["closed_date"] = ticket["updatedAt"]
                    self.store.save(portal, "tickets", ticket)

    def _insert(
        self, portal: str, kind: str, properties: Document, linked: dict[str, list[int]], *, days: int = 0
    ) -> Document:
        moment = stamp(days)
        ident = self.store.next_id()
        row = {
            "id": ident, "properties": {**properties, "hs_object_id": str(ident)}, "createdAt": moment,
            "updatedAt": moment, "archived": False, "linked": linked, "dates": dict.fromkeys(properties, moment),
        }  # fmt: skip
        self.store.save(portal, kind, row)
        return row

    def find_property(self, kind: str, name: str) -> Document:
        """Return the definition of a property; raises the vendor's 404."""
        if name in OWN and self.has_key_property and (kind == "contacts") != (name == "walker_request"):
            kind_of = "number" if name == "walker_lead_score" else "string"
            return {"name": name, "type": kind_of, "hasUniqueValue": name in ("walker_request", "walker_contact")}
        if kind != "contacts" or name not in SHARED:
            raise problem(404, "OBJECT_NOT_FOUND", "The property does not exist")
        return {"name": name, "hasUniqueValue": False, **SHARED[name]}

    def find(self, portal: str, kind: str, ident: str, by: str) -> Document:
        """Return an object by its number, or by the value of a unique property; raises the vendor's 404."""
        if by:
            if by not in UNIQUE.get(kind, ()) or (by in OWN and not self.has_key_property):
                raise problem(400, "VALIDATION_ERROR", f"{by} is not a unique property")
            wanted = ident.lower()
            rows = (one for one in self.store.every(portal, kind) if one["properties"].get(by, "").lower() == wanted)
            found = next((one for one in rows if not one["archived"]), None)
        else:
            found = self.store.get(portal, kind, number(ident)) if ident.isdigit() else None
        if found is None or found["archived"]:
            raise problem(404, "OBJECT_NOT_FOUND", "Object not found")
        return found

    def associated(self, portal: str, kind: str, row: Document, other: str) -> list[int]:
        """Return the numbers of the objects of another kind that an object is associated with."""
        own = list(row["linked"].get(other, ()))
        back = [one["id"] for one in self.store.every(portal, other) if row["id"] in one["linked"].get(kind, ())]
        return own + back

    def create(self, portal: str, kind: str, body: Document) -> Document:
        """Create an object; refuses a value of a unique property that is taken."""
        properties, associations = body.get("properties"), body.get("associations")
        if not isinstance(properties, dict) or not isinstance(associations, list):
            raise problem(400, "VALIDATION_ERROR", "properties and associations are required")
        if not properties.get(NEEDED[kind]):
            raise problem(400, "VALIDATION_ERROR", f"Missing property {NEEDED[kind]}")
        self._check_values(properties)
        if kind == "tickets" and properties["hs_pipeline_stage"] not in STAGES:
            raise problem(400, "VALIDATION_ERROR", "hs_pipeline_stage was not one of the allowed options")
        linked: dict[str, list[int]] = {}
        with self.store.transaction():
            for one in associations:
                ident = str(one["to"]["id"])
                for pair in one["types"]:
                    mine, other = TYPES.get(pair["associationTypeId"], ("", ""))
                    if mine != kind:
                        raise problem(400, "VALIDATION_ERROR", "One of the association types is not valid")
                    linked.setdefault(other, []).append(self.find(portal, other, ident, "")["id"])
            self._refuse_taken(portal, kind, properties)
            row = self._insert(portal, kind, properties, linked)
            self.store.note(portal, f"create_{kind}", row["id"], key=properties.get("walker_request", ""))
        return row

    def upsert(self, portal: str, body: Document) -> tuple[Document, bool]:
        """Create the contact with the value of a unique property, or change it; return it and whether it is new."""
        inputs = body.get("inputs")
        if not isinstance(inputs, list) or len(inputs) != 1:
            raise problem(400, "VALIDATION_ERROR", "The sandbox takes one input at a time")
        by, value = str(inputs[0].get("idProperty", "")), str(inputs[0]["id"])
        properties = {**inputs[0]["properties"], by: value}
        self._check_values(properties)
        with self.store.transaction():
            try:
                row = self.find(portal, "contacts", value, by)
            except ApiError as error:
                if error.status != 404:
                    raise
                self._refuse_taken(portal, "contacts", properties)
                row = self._insert(portal, "contacts", properties, {})
                self.store.note(portal, "create_contacts", row["id"], key=value)
                return row, True
            self._refuse_taken(portal, "contacts", properties, besides=row["id"])
            _write(row, properties, stamp())
            self.store.save(portal, "contacts", row)
            self.store.note(portal, "change_contacts", row["id"], key=value)
        return row, False

    def search(self, portal: str, body: Document) -> Document:
        """Return a page of contacts; filters are joined by "and", and there is one property to sort by."""
        limit, after = body.get("limit", 10), int(body.get("after", "0"))
        if limit > MOST_FOUND or after + limit > MOST_RESULTS:
            raise problem(400, "VALIDATION_ERROR", "Too many results")
        (group,), (sort,) = body["filterGroups"], body["sorts"]
        rows = [row for row in self.store.every(portal, "contacts") if not row["archived"]]
        for asked in group["filters"]:
            rows = [row for row in rows if _meets(row, asked)]
        rows.sort(key=lambda row: (_order_of(row, sort), row["id"]))
        shown = []
        for row in rows[after : after + limit]:
            values = {**row["properties"], "lastmodifieddate": row["updatedAt"]}
            properties = {name: values[name] for name in [*body["properties"], "lastmodifieddate"] if name in values}
            shown.append({**row, "properties": properties})
        return {"total": len(rows), "results": shown}

    def purge(self, portal: str, body: Document) -> None:
        """Delete a contact for good, with the notes that belong to it."""
        with self.store.transaction():
            person = self.find(portal, "contacts", str(body["objectId"]), str(body.get("idProperty", "")))
            for note in self.store.every(portal, "notes"):
                if person["id"] in note["linked"].get("contacts", ()):
                    self.store.remove(portal, "notes", note["id"])
            self.store.remove(portal, "contacts", person["id"])
            self.store.note(portal, "purge_contacts", person["id"])

    def _check_values(self, properties: Document) -> None:
        """Refuse properties that nobody made, and values that aren't valid."""
        for name in sorted(OWN & properties.keys()):
            if not self.has_key_property:
                raise problem(400, "VALIDATION_ERROR", f'Property "{name}" does not exist')
        if "@" not in properties.get("email", "@") or properties.get("email", "").endswith(".invalid"):
            raise _not_valid("email", "INVALID_EMAIL")
        if properties.get("walker_lead", "hot") not in LEADS:
            raise _not_valid("walker_lead", "INVALID_OPTION")

    def _refuse_taken(self, portal: str, kind: str, properties: Document, *, besides: int = 0) -> None:
        """Refuse the value of a unique property that another object has."""
        for unique in UNIQUE[kind]:
            taken = [
                one for one in self.store.every(portal, kind)
                if one["id"] != besides and not one["archived"] and properties.get(unique)
                and one["properties"].get(unique, "").lower() == properties[unique].lower()
            ]  # fmt: skip
            if taken and kind == "contacts":
                raise problem(409, "CONFLICT", f"Contact already exists. Existing ID: {taken[0]['id']}")
            if taken:
                raise problem(
                    400, "VALIDATION_ERROR", f"Property values were not valid: CONFLICTING_UNIQUE_VALUE {unique}"
                )

    def change(self, wanted: Document) -> Document:
        """Change a ticket as a person does there: its stage, subject or both."""
        portal = str(wanted.get("account", ""))
        if portal not in PORTALS:
            raise invalid(account=f"One of {', '.join(PORTALS)}.")
        if "has_key_property" in wanted:
            self.has_key_property = bool(wanted["has_key_property"])
            return {"has_key_property": self.has_key_property}
        if "contacts" in wanted:
            return self._change_contacts(portal, wanted["contacts"])
        with self.store.transaction():
            rows = self.store.every(portal, "tickets")
            ticket = self.find(portal, "tickets", str(wanted.get("ticket", rows[0]["id"])), "")
            names = {"status": "hs_pipeline_stage", "subject": "subject"}
            ticket["properties"].update({names[name]: wanted[name] for name in names if name in wanted})
            ticket["updatedAt"] = stamp()
            self.store.save(portal, "tickets", ticket)
        return ticket

    def _change_contacts(self, portal: str, wanted: list[Document]) -> Document:
        """Make contacts or change them, as a person does there; one with `merged_into` is swallowed by that one."""
        events = []
        with self.store.transaction():
            for one in wanted:
                row = self._insert(portal, "contacts", {}, {}) if "id" not in one else None
                what = "creation" if row else "deletion" if one.get("deleted") else "propertyChange"
                what = "merge" if "merged_into" in one else what
                row = row or self.find(portal, "contacts", str(one["id"]), one.get("by", ""))
                moment = one.get("at") or stamp()
                _write(row, one.get("properties", {}), moment)
                row["archived"] = bool(one.get("deleted")) or "merged_into" in one
                if "merged_into" in one:
                    winner = self.find(portal, "contacts", str(one["merged_into"]), one.get("by", ""))
                    winner["properties"]["hs_merged_object_ids"] = str(row["id"])
                    winner["updatedAt"] = row["updatedAt"]
                    self.store.save(portal, "contacts", winner)
                self.store.save(portal, "contacts", row)
                events.append((f"contact.{what}", row["id"]))
        self.poster.post_later(portal, *events)
        return {"contacts": len(wanted)}

    def set_address(self, wanted: Document) -> Document:
        """Set where a portal's app is posted what changes; "" for nowhere."""
        return self.poster.set_address(wanted, PORTALS)
