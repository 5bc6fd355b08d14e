"""Client of Roundup's REST API: issues found by a property with our key, changed only as they were read."""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.operations import Line, Operation, Request, System
from integrations.ticketing.ports import TicketClient
from integrations.ticketing.types import Comment, NewTicket, Priority, Status, Ticket

ISSUES: Final = "/rest/data/issue"
MESSAGES: Final = "/rest/data/msg"
KEY: Final = "walker_request"
CUSTOMER: Final = "walker_customer"
"""The properties of an issue with our key, and with the address of the customer in lower case."""
PRIORITIES: Final[tuple[Priority, ...]] = ("low", "normal", "high", "urgent")
FIELDS: Final = f"title,status.name,priority.name,creation,activity,{CUSTOMER}"
CHANGED: Final = "http_412"
CONFLICTS: Final = 3
"""How often an issue may change between its reading and our comment before we give up."""
MOST: Final = 25
FIVE_MINUTES: Final = 300


def read_error(body: Any) -> tuple[str, str]:
    """Return no code, as the status of the answer says it all, and the words of an error."""
    error = body.get("error") if isinstance(body, dict) else None
    return "", str(error.get("msg", "")) if isinstance(error, dict) else ""


_reading = partial(Operation, seconds=10.0)
_change = partial(Operation, seconds=10.0, executes=True)
SEARCH: Final = _reading("search_tickets")
READ: Final = _reading("read_ticket", kept_seconds=FIVE_MINUTES)
FIND: Final = _reading("find_ticket_by_key", keeps_last=False)
READ_STATE: Final = _reading("read_ticket_state", keeps_last=False)
FIND_MESSAGES: Final = _reading("find_messages_by_key", keeps_last=False)
# Nobody sees a message that belongs to no issue.
WRITE: Final = _change("write_message", method="POST", repeats="always")
CREATE: Final = _change("create_ticket", method="POST")
COMMENT: Final = _change("add_comment", method="PATCH")
RETIRE: Final = _change("retire_ticket", method="DELETE")


@dataclass(frozen=True)
class Vocabulary:
    """A tracker's names of our priorities, from low to urgent, and of its statuses; every other status is open."""

    priorities: tuple[str, ...]
    new: str
    waiting: str
    solved: tuple[str, ...]

    def priority_of(self, name: str) -> str:
        """Return our priority of a name; one that we don't know stays as it is."""
        return dict(zip(self.priorities, PRIORITIES, strict=True)).get(name, name)

    def status_of(self, name: str) -> Status:
        """Return our status of a name."""
        if name in self.solved:
            return "solved"
        return "new" if name == self.new else "waiting" if name == self.waiting else "open"


@dataclass(frozen=True)
class _State:
    """An issue as it was read, with its messages and the ids of those who get new ones by mail."""

    etag: str
    messages: list[str]
    nosy: list[str]


class RoundupClient(TicketClient):
    """One tracker, in which we are one of the users."""

    def __init__(self, system: System, line: Line, *, user: str, words: Vocabulary) -> None:
        super().__init__(system, line)
        self._user, self._words = user, words

    def has_properties(self) -> Answer[bool]:
        """Return True if issues have the properties that we read and write."""
        answer = self._list(FIND, {f"{KEY}:": "-", f"{CUSTOMER}:": "-"})
        if isinstance(answer, CleanFailure) and answer.code == "http_400":
            return Ok(False)
        return Ok(True) if isinstance(answer, Ok) else answer

    def search(self, address: str) -> Answer[list[Ticket]]:
        asked = {f"{CUSTOMER}:": address.casefold(), "@sort": "-activity", "@page_size": str(MOST)}
        return self._list(SEARCH, asked)

    def get(self, number: str) -> Answer[Ticket | None]:
        # Not by its address: that tells of retired issues too.
        return _first(self._list(READ, {"id": number}))

    def find_created(self, key: str) -> Answer[Ticket | None]:
        """Return the first issue with the key; workers who created another one retire theirs."""
        return _first(self._list(FIND, {f"{KEY}:": key}))

    def create(self, new: NewTicket, key: str) -> Answer[Ticket]:
        found = self.find_created(key)
        if not isinstance(found, Ok):
            return found
        if found.value is not None:
            return Ok(found.value, replayed=True)
        name = f"{new.name} <{new.address}>" if new.name else new.address
        message = self._write(f"{name}:\n\n{new.text}", key, [])
        if not isinstance(message, Ok):
            return message
        issue = {
            "title": new.subject,
            "priority": self._words.priorities[PRIORITIES.index(new.priority)],
            "status": self._words.new,
            "messages": [message.value],
            KEY: key,
            CUSTOMER: new.address.casefold(),
        }
        made = self._call(CREATE, Request(ISSUES, json=issue), _id)
        return self._keep_first(made.value, key) if isinstance(made, Ok) else made

    def has_comment(self, number: str, key: str) -> Answer[bool]:
        state = self._state(number)
        return self._is_written(state.value, key) if isinstance(state, Ok) else state

    def comment(self, number: str, comment: Comment, key: str) -> Answer[bool]:
        """Add a message that is mailed to nobody; an issue that changed meanwhile is read again.

        The status stays, unless the tracker's own detectors change it with each message.
        """
        if not comment.is_internal:
            return CleanFailure("internal_only", "Messages are internal.")
        for _ in range(CONFLICTS):
            # The state first: a comment of ours that comes later makes it old, and Roundup refuses the second.
            state = self._state(number)
            if not isinstance(state, Ok):
                return state
            there = self._is_written(state.value, key)
            if not isinstance(there, Ok) or there.value:
                return there
            message = self._write(comment.text, key, state.value.nosy)
            if not isinstance(message, Ok):
                return message
            added = {"@op": "add", "messages": [message.value]}
            request = Request(f"{ISSUES}/{number}", json=added, etag=state.value.etag)
            answer = self._call(COMMENT, request, lambda body: body["data"]["id"] is not None)
            if not (isinstance(answer, CleanFailure) and answer.code == CHANGED):
                return answer
        return CleanFailure(CHANGED, "The issue changed again and again.", retry=True)

    def _keep_first(self, number: str, key: str) -> Answer[Ticket]:
        """Return the first issue with our key; if another worker's came before ours, retire ours."""
        found = self.find_created(key)
        if not isinstance(found, Ok) or found.value is None:
            return Unknown("not_found_again", "The new issue could not be read.")
        if found.value.number == number:
            return Ok(found.value)
        retired = self._retire(number)
        return Ok(found.value, replayed=True) if isinstance(retired, Ok) else Unknown(retired.code, retired.detail)

    def _retire(self, number: str) -> Answer[bool]:
        state = self._state(number)
        if not isinstance(state, Ok):
            return state
        request = Request(f"{ISSUES}/{number}", etag=state.value.etag)
        return self._call(RETIRE, request, lambda body: body["data"]["status"] == "ok")

    def _list(self, operation: Operation, asked: dict[str, str]) -> Answer[list[Ticket]]:
        request = Request(ISSUES, {**asked, "@fields": FIELDS, "@verbose": "0", "@pretty": "false"})
        return self._call(operation, request, lambda body: [self._ticket(row) for row in body["data"]["collection"]])

    def _ticket(self, row: Any) -> Ticket:
        address = str(row.get(CUSTOMER) or "").casefold()
        return Ticket(
            number=str(int(row["id"])),
            subject=str(row.get("title") or "")[:300],
            status=self._words.status_of(str(row.get("status.name") or "")),
            priority=self._words.priority_of(str(row.get("priority.name") or "normal")),
            opened_at=_moment(row["creation"]),
            updated_at=_moment(row["activity"]),
            addresses=frozenset({address} - {""}),
        )

    def _state(self, number: str) -> Answer[_State]:
        asked = {"@fields": "messages,nosy", "@verbose": "0", "@pretty": "false"}
        return self._call(READ_STATE, Request(f"{ISSUES}/{number}", asked), _state)

    def _is_written(self, state: _State, key: str) -> Answer[bool]:
        """Return True if a message of an issue has our key."""
        request = Request(MESSAGES, {"messageid:": _message_id(key), "@pretty": "false"})
        return self._call(
            FIND_MESSAGES,
            request,
            lambda body: not {row["id"] for row in body["data"]["collection"]}.isdisjoint(state.messages),
        )

    def _write(self, text: str, key: str, had_by: list[str]) -> Answer[str]:
        """Write a message for an issue, which Roundup won't mail to the users who count as having it."""
        message = {
            "content": text,
            "author": self._user,
            "date": ".",
            "messageid": _message_id(key),
            "recipients": had_by,
        }
        written = self._call(WRITE, Request(MESSAGES, json=message), _id)
        # One that was written although its answer was lost is no harm.
        return CleanFailure(written.code, written.detail, retry=True) if isinstance(written, Unknown) else written


def _first(answer: Answer[list[Ticket]]) -> Answer[Ticket | None]:
    if not isinstance(answer, Ok):
        return answer
    return Ok(min(answer.value, key=lambda ticket: int(ticket.number), default=None), read_at=answer.read_at)


def _id(body: Any) -> str:
    return str(int(body["data"]["id"]))


def _state(body: Any) -> _State:
    found, etag = body["data"], str(body["data"]["@etag"])
    if not re.fullmatch(r"[!-~]{1,200}", etag):
        raise ValueError("This is no entity tag.")  # it goes into a header
    return _State(etag, found["attributes"]["messages"], found["attributes"]["nosy"])


def _message_id(key: str) -> str:
    """Return our key in the form of a mail's id, which Roundup puts into mails about the message."""
    return f"<{key.replace(':', '.')}@walker.invalid>"


def _moment(text: str) -> str:
    """Return a moment of Roundup, which is in UTC, as other systems write it."""
    return f"{text.replace('.', 'T', 1)}Z"
