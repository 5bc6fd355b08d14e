"""The transcript as a page shows it: messages and approvals in one order, masked unless revealed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from console.people import name_in, names_of
from conversations.models import Message
from conversations.selectors import MessageRow

PLACES: Final = {
    "customer": "wk-turn-in",
    "agent": "wk-turn-out",
    "person": "wk-turn-out wk-turn-person",
    "system": "wk-turn-system",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of the transcript: a message, or an approval that was asked for."""

    at: datetime
    place: str = ""
    who: str = ""
    text: str = ""
    status: str = ""
    approval: Any = None
    chip: str = ""


def turns_of(rows: Iterable[MessageRow]) -> list[Turn]:
    """Return the turns of messages, with the names of colleagues who wrote."""
    found = list(rows)
    names = names_of(row.sender_id for row in found if row.sender_type == "person")
    return [_turn(row, names) for row in found]


def woven(turns: list[Turn], asked: Iterable[Turn], *, is_cut: bool) -> list[Turn]:
    """Return messages and approvals in one order; none older than the first message that is shown."""
    start = turns[0].at if turns and is_cut else None
    kept = [turn for turn in asked if start is None or turn.at >= start]
    return sorted([*turns, *kept], key=lambda turn: turn.at)


def _turn(row: MessageRow, names: dict[UUID, str]) -> Turn:
    text = row.text
    if row.content_type != Message.ContentType.TEXT:
        text = f"[{Message.ContentType(row.content_type).label}] {text}".strip()
    status = Message.Status(row.status).label if row.direction == Message.Direction.OUT else ""
    return Turn(row.created_at, PLACES[row.sender_type], _who(row, names), text, status)


def _who(row: MessageRow, names: dict[UUID, str]) -> str:
    if row.sender_type == "person":
        return name_in(names, row.sender_id, otherwise="A colleague")
    if row.sender_type == "agent":
        return f"Agent {row.sender_name}".strip().replace("_", " ")
    return "Customer" if row.sender_type == "customer" else ""
