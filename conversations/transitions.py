"""Which way a conversation's state and a message's status may move; pure rules."""

from typing import Final

AGENT: Final = "agent"
PERSON: Final = "person"
CLOSED: Final = "closed"

# From (key) a state a conversation may move to these. Closed reopens only by a customer's message.
STATE_MOVES: Final[dict[str, frozenset[str]]] = {
    AGENT: frozenset({PERSON, CLOSED}),
    PERSON: frozenset({AGENT, CLOSED}),
    CLOSED: frozenset({AGENT}),
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
    """Tell whether a conversation may go from one state to another."""
    return new in STATE_MOVES.get(old, frozenset())


def statuses_before(new: str) -> tuple[str, ...]:
    """Return the statuses from which a message may move to `new`.

    Providers repeat and reorder their reports: a status only moves forward. Failure is an end, and
    so is having been delivered: a late failure report does not undo it.
    """
    if new == FAILED:
        return (QUEUED, SENDING, SENT)
    rank = STATUS_RANK.get(new, -1)
    return tuple(status for status, value in STATUS_RANK.items() if value < rank)
