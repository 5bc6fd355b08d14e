"""Legal changes of a conversation's state and a message's status (pure)."""

from typing import Final

AGENT: Final = "agent"
PERSON: Final = "person"
CLOSED: Final = "closed"

# State -> states it may change to. A customer's message reopens a closed conversation, and so does who undoes a close.
STATE_MOVES: Final[dict[str, frozenset[str]]] = {
    AGENT: frozenset({PERSON, CLOSED}),
    PERSON: frozenset({AGENT, CLOSED}),
    CLOSED: frozenset({AGENT, PERSON}),
}

RECEIVED: Final = "received"
QUEUED: Final = "queued"
SENDING: Final = "sending"
SENT: Final = "sent"
DELIVERED: Final = "delivered"
READ: Final = "read"
FAILED: Final = "failed"

UNDELIVERED: Final = (QUEUED, SENDING)
STATUS_RANK: Final[dict[str, int]] = {QUEUED: 0, SENDING: 1, SENT: 2, DELIVERED: 3, READ: 4}


def may_move(old: str, new: str) -> bool:
    """Return True if a conversation may change from one state to another."""
    return new in STATE_MOVES.get(old, frozenset())


def statuses_before(new: str) -> tuple[str, ...]:
    """Return the statuses from which a message may move to `new`.

    Providers repeat and reorder their reports, so a status only moves forward. Failed and delivered are
    final: a late failure report does not undo a delivery.
    """
    if new == FAILED:
        return (QUEUED, SENDING, SENT)
    rank = STATUS_RANK.get(new, -1)
    return tuple(status for status, value in STATUS_RANK.items() if value < rank)
