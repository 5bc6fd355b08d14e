"""The tickets of the sandbox Zendesk: created once a key, changed only on the state that was read, audited."""

import json
from datetime import timedelta
from typing import Final

from standins.clock import now
from standins.errors import ApiError, invalid
from standins.store import Document
from standins.tickets import TicketStore, number
from standins.zendesk.webhooks import Poster

ACCOUNTS: Final = {"acme": "agent@acme.example", "globex": "agent@globex.example"}
PEOPLE: Final = {"acme": ("Carla Jansen", "carla@customers.example"), "globex": ("Gus Lind", "gus@customers.example")}
STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES: Final = ("low", "normal", "high", "urgent")


def token_of(account: str) -> str:
    """Return the API token of an account."""
    return f"zendesk-{account}"


def problem(status: int, code: str, words: str) -> ApiError:
    """Return an error in the vendor's form."""
    error = ApiError(status, code, words)
    error.body = {"error": code, "description": words}
    return error


def record_not_found() -> ApiError:
    """Return the error for a ticket that isn't there."""
    return problem(404, "RecordNotFound", "Not found")


class Desk:
    """What each account has."""

    def __init__(self, store: TicketStore) -> None:
        self.store, self.poster = store, Poster()
        self._seed()

    def reset(self) -> None:
        """Return to the initial state."""
        with self.store.transaction():
            self.store.clear()
            self._seed()
        self.poster.reset()

    def _seed(self) -> None:
        """Fill an empty store: an open ticket and a solved one for each account's customer."""
        if not self.store.is_empty():
            return
        for account, (name, email) in PEOPLE.items():
            person = self._person(account, name, email)
            for days, subject, status in ((2, "The left boot leaks", "open"), (40, "Where is my invoice?", "solved")):
                ticket = self._ticket(account, person, subject, status)
                ticket["created_at"] = ticket["updated_at"] = _stamp(days)
                self.store.save(account, "ticket", ticket)

    def _person(self, account: str, name: str, email: str) -> int:
        known = [one for one in self.store.every(account, "user") if one["email"].lower() == email.lower()]
        if known:
            return int(known[0]["id"])
        ident = self.store.next_id()
        self.store.save(account, "user", {"id": ident, "name": name, "email": email, "role": "end-user"})
        return ident

    def _ticket(self, account: str, person: int, subject: str, status: str = "new") -> Document:
        ident, stamp = self.store.next_id(), _stamp()
        return {
            "id": ident, "url": f"/api/v2/tickets/{ident}.json", "external_id": None, "subject": subject,
            "description": subject, "status": status, "priority": "normal", "requester_id": person,
            "created_at": stamp, "updated_at": stamp, "tags": [],
        }  # fmt: skip

    def get(self, account: str, ident: object) -> Document:
        """Return a ticket of an account; raises the vendor's 404."""
        found = self.store.get(account, "ticket", number(ident))
        if found is None:
            raise record_not_found()
        return found

    def users_of(self, account: str, tickets: list[Document]) -> list[Document]:
        """Return the requesters of tickets."""
        wanted = {ticket["requester_id"] for ticket in tickets}
        return [one for one in self.store.every(account, "user") if one["id"] in wanted]

    def search(self, account: str, email: str) -> list[Document]:
        """Return the tickets of the person with an address, the last changed first."""
        people = {one["id"] for one in self.store.every(account, "user") if one["email"].lower() == email.lower()}
        found = [one for one in self.store.every(account, "ticket") if one["requester_id"] in people]
        return sorted(found, key=lambda one: str(one["updated_at"]), reverse=True)

    def by_external_id(self, account: str, key: str) -> list[Document]:
        """Return the tickets with an external id; it need not be unique."""
        return [one for one in self.store.every(account, "ticket") if one["external_id"] == key]

    def create(self, account: str, wanted: Document, key: str) -> Document:
        """Create a ticket; the same key with the same body returns the first one."""
        if not isinstance(wanted, dict):
            raise problem(400, "TicketMissing", "Ticket is missing")
        comment, requester = wanted.get("comment") or {}, wanted.get("requester") or {}
        if not comment.get("body"):
            raise problem(422, "RecordInvalid", "Record validation errors: Description: cannot be blank")
        if wanted.get("priority", "normal") not in PRIORITIES:
            raise problem(422, "RecordInvalid", "Record validation errors: Priority is invalid")
        if "@" not in str(requester.get("email", "")):
            raise problem(422, "RecordInvalid", "Record validation errors: Requester: Email is invalid")
        fingerprint = json.dumps(wanted, sort_keys=True)
        with self.store.transaction():
            before = self.store.get_keyed(account, key) if key else None
            if before is not None:
                if before[0] != fingerprint:
                    error = problem(400, "IdempotentRequestError", "The key was used with other parameters")
                    error.body = {"errors": [{"code": "IdempotentRequestError", "title": error.body["description"]}]}
                    raise error
                return self.get(account, before[1])
            person = self._person(account, str(requester.get("name", "")), str(requester["email"]))
            ticket = self._ticket(account, person, str(wanted.get("subject") or comment["body"][:80]))
            ticket["external_id"], ticket["priority"] = wanted.get("external_id"), wanted.get("priority", "normal")
            ticket["description"] = comment["body"]
            self.store.save(account, "ticket", ticket)
            self._audit(account, ticket["id"], comment, {})
            if key:
                self.store.save_keyed(account, key, fingerprint, ticket["id"])
            self.store.note(account, "create_ticket", ticket["id"], external_id=ticket["external_id"])
        return ticket

    def update(self, account: str, ident: object, wanted: Document) -> Document:
        """Change a ticket and add a comment; with `safe_update` only if it is as old as the stamp says."""
        if not isinstance(wanted, dict):
            raise problem(400, "TicketMissing", "Ticket is missing")
        with self.store.transaction():
            ticket = self.get(account, ident)
            if ticket["status"] == "closed":
                raise problem(422, "RecordInvalid", "Status: closed prevents ticket update")
            if wanted.get("safe_update") and wanted.get("updated_stamp") != ticket["updated_at"]:
                raise problem(409, "UpdateConflict", "Safe Update prevented the update due to outdated ticket data.")
            if wanted.get("status", ticket["status"]) not in STATUSES:
                raise problem(422, "RecordInvalid", "Record validation errors: Status is invalid")
            ticket["status"] = wanted.get("status", ticket["status"])
            ticket["updated_at"] = _stamp()
            self.store.save(account, "ticket", ticket)
            comment = wanted.get("comment") or {}
            self._audit(account, ticket["id"], comment, wanted.get("metadata") or {})
            if comment.get("body"):
                is_public = comment.get("public", True)
                self.store.note(account, "comment", ticket["id"], public=is_public, body=comment["body"])
        return ticket

    def _audit(self, account: str, ident: int, comment: Document, metadata: Document) -> None:
        events = [{"type": "Comment", **comment}] if comment else []
        audit = {
            "id": self.store.next_id(), "ticket_id": ident, "created_at": _stamp(),
            "metadata": {"system": {}, "custom": metadata}, "events": events,
        }  # fmt: skip
        self.store.save(account, "audit", audit)

    def audits(self, account: str, ident: object) -> list[Document]:
        """Return what was changed in a ticket, newest first."""
        found = self.get(account, ident)
        rows = [one for one in self.store.every(account, "audit") if one["ticket_id"] == found["id"]]
        return rows[::-1]

    def change(self, wanted: Document) -> Document:
        """Change a ticket as an agent does there: its status, subject or both; its state gets another stamp."""
        account = str(wanted.get("account", ""))
        if account not in ACCOUNTS:
            raise invalid(account=f"One of {', '.join(ACCOUNTS)}.")
        with self.store.transaction():
            rows = self.store.every(account, "ticket")
            ticket = self.get(account, wanted.get("ticket", rows[0]["id"]))
            ticket.update({name: wanted[name] for name in ("status", "subject") if name in wanted})
            # A second later than it was, so that one in the same second has another stamp, too.
            ticket["updated_at"] = _stamp(0) if ticket["updated_at"] != _stamp(0) else _stamp(0, seconds=1)
            self.store.save(account, "ticket", ticket)
        self.poster.post_later(account, ("status_changed", ticket["id"]))
        return ticket


def _stamp(days: int = 0, *, seconds: int = 0) -> str:
    """Return a moment as the vendor writes it: whole seconds."""
    return (now() - timedelta(days=days, seconds=-seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
