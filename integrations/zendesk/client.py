"""Client of Zendesk's Ticketing API: tickets found by our external id, comments only on the state that was read."""

import time
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from core.clock import now
from core.http import Reply
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import Operation, Request, is_refusal
from integrations.ticketing.ports import TicketClient
from integrations.ticketing.types import Comment, NewTicket, Status, Ticket

T = TypeVar("T")
STATUSES: Final[dict[str, Status]] = {
    "new": "new", "open": "open", "pending": "waiting", "hold": "open", "solved": "solved", "closed": "closed",
}  # fmt: skip
MISSING: Final = frozenset({"RecordNotFound", "http_404"})
CONFLICT: Final = "UpdateConflict"
CONFLICTS: Final = 3
"""How often a ticket may change between its reading and our comment before we give up."""
PAGE: Final = 25
AUDITS: Final = 100
PAGES: Final = 20
FIVE_MINUTES: Final = 300
SECOND: Final = 1.5
"""Of a stamp, with what our clock may be ahead."""


def _proves_nothing(reply: Reply) -> bool:
    """A refusal did nothing, unless the key was used for another ticket: then a person has to check."""
    return is_refusal(reply) and read_error(reply.json())[0] != "IdempotentRequestError"


def read_error(body: Any) -> tuple[str, str]:
    """Return the code and the words of an error; some parts of the API give an object or a list."""
    found = body if isinstance(body, dict) else {}
    listed = found.get("errors")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        return str(listed[0].get("code", "")), str(listed[0].get("title", ""))
    error = found.get("error")
    if isinstance(error, dict):
        return str(error.get("title", "")), str(error.get("message", ""))
    return str(error or ""), str(found.get("description", ""))


_reading = partial(Operation, seconds=10.0)
_change = partial(Operation, seconds=10.0, executes=True, proves_nothing=_proves_nothing)
READ_USER: Final = _reading("read_user", keeps_last=False)
SEARCH: Final = _reading("search_tickets")
READ: Final = _reading("read_ticket", kept_seconds=FIVE_MINUTES)
FIND: Final = _reading("find_ticket_by_key", keeps_last=False)
READ_STAMP: Final = _reading("read_ticket_stamp", keeps_last=False)
READ_AUDITS: Final = _reading("read_audits", keeps_last=False)
CREATE: Final = _change("create_ticket", method="POST", repeats="with_key")
COMMENT: Final = _change("add_comment", method="PUT")


class ZendeskClient(TicketClient):
    """One account of Zendesk."""

    def me(self) -> Answer[str]:
        """Return the name of the agent whose token it is; a wrong token makes an anonymous one, without a name."""
        return self._call(READ_USER, Request("/api/v2/users/me.json"), lambda body: str(body["user"]["name"]))

    def search(self, address: str) -> Answer[list[Ticket]]:
        quoted = address.replace("\\", "").replace('"', "")
        params = {
            "query": f'type:ticket requester:"{quoted}"',
            "include": "tickets(users)",
            "sort_by": "updated_at",
            "sort_order": "desc",
            "per_page": str(PAGE),
        }
        return self._call(
            SEARCH, Request("/api/v2/search.json", params), lambda body: parse_tickets(body, body["results"])
        )

    def get(self, number: str) -> Answer[Ticket | None]:
        answer: Answer[Ticket | None] = self._call(
            READ, ticket_of(number), lambda body: parse_tickets(body, [body["ticket"]])[0]
        )
        return Ok(None) if isinstance(answer, CleanFailure) and answer.code in MISSING else answer

    def find_created(self, key: str) -> Answer[Ticket | None]:
        request = Request("/api/v2/tickets.json", {"external_id": key, "include": "users"})
        return self._call(FIND, request, lambda body: next(iter(parse_tickets(body, body["tickets"])), None))

    def create(self, new: NewTicket, key: str) -> Answer[Ticket]:
        # The header is forgotten after two hours; the external id stays.
        found = self.find_created(key)
        if not isinstance(found, Ok):
            return found
        if found.value is not None:
            return Ok(found.value, replayed=True)
        ticket = {
            "subject": new.subject,
            "comment": {"body": new.text, "public": True},
            "priority": new.priority,
            "requester": {"name": new.name or new.address, "email": new.address},
            "external_id": key,
        }
        request = Request("/api/v2/tickets.json", json={"ticket": ticket}, key=key)
        return self._call(CREATE, request, lambda body: parse_tickets(body, [body["ticket"]])[0])

    def has_comment(self, number: str, key: str) -> Answer[bool]:
        for page in range(1, PAGES + 1):
            params = {"sort_order": "desc", "per_page": str(AUDITS), "page": str(page)}
            request = Request(f"/api/v2/tickets/{number}/audits.json", params)
            read = self._call(READ_AUDITS, request, lambda body: [parse_key(audit) for audit in body["audits"]])
            if not isinstance(read, Ok):
                return read
            if key in read.value or len(read.value) < AUDITS:
                return Ok(key in read.value)
        return CleanFailure("too_many_changes", "The ticket has too many changes to look through.")

    def comment(self, number: str, comment: Comment, key: str) -> Answer[bool]:
        """Comment on the ticket as it was read; one that changed meanwhile is read again."""
        for _ in range(CONFLICTS):
            # The state first: a comment of ours that comes later makes it old, and Zendesk refuses the second.
            stamp = self._call(READ_STAMP, Request(f"/api/v2/tickets/{number}.json"), _stamp)
            if not isinstance(stamp, Ok):
                return stamp
            wait_for_next_second(stamp.value)
            there = self.has_comment(number, key)
            if not isinstance(there, Ok) or there.value:
                return there
            changes = {
                "comment": {"body": comment.text, "public": not comment.is_internal},
                "metadata": {"walker_key": key},
                "safe_update": True,
                "updated_stamp": stamp.value,
            }
            request = Request(f"/api/v2/tickets/{number}.json", json={"ticket": changes})
            answer = self._call(COMMENT, request, lambda body: body["ticket"]["id"] is not None)
            if not (isinstance(answer, CleanFailure) and answer.code == CONFLICT):
                return answer
        return CleanFailure(CONFLICT, "The ticket changed again and again.", retry=True)


def ticket_of(number: str) -> Request:
    """Return what reads a ticket and the person that it is for."""
    return Request(f"/api/v2/tickets/{number}.json", {"include": "users"})


def _stamp(body: Any) -> str:
    return str(body["ticket"]["updated_at"])


def wait_for_next_second(stamp: str) -> None:
    """Wait until the second of a stamp is over: another change in it would have the same stamp."""
    young = SECOND - (now() - datetime.fromisoformat(stamp)).total_seconds()
    if young > 0:
        time.sleep(min(young, SECOND))


def parse_key(audit: Any) -> str:
    """Return our key of a change, "" for somebody else's."""
    custom = (audit.get("metadata") or {}).get("custom") or {}
    return str(custom.get("walker_key") or "")


def parse_tickets(body: Any, rows: list[Any]) -> list[Ticket]:
    """Return tickets with the addresses of their requesters, which stand beside them."""
    people = {user["id"]: str(user.get("email") or "").casefold() for user in body.get("users") or ()}
    return [parse_ticket(row, people.get(row.get("requester_id"), "")) for row in rows]


def parse_ticket(row: Any, address: str) -> Ticket:
    """Return a ticket from its JSON."""
    return Ticket(
        number=str(int(row["id"])),
        subject=str(row.get("subject") or "")[:300],
        status=STATUSES[row["status"]],
        priority=str(row.get("priority") or "normal"),
        opened_at=str(row["created_at"]),
        updated_at=str(row["updated_at"]),
        addresses=frozenset({address} - {""}),
    )
