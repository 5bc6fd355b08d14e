"""The transcript as a page shows it: messages and approvals in one order, masked unless revealed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from console.names import name_in, names_of
from conversations.models import Attachment, Message
from conversations.selectors import MessageRow, NoteRow

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
    files: tuple[Any, ...] = ()


def turns_of(rows: Iterable[MessageRow], *, customer: str = "Customer") -> list[Turn]:
    """Return the turns of messages, with the names of colleagues who wrote and the files that came along;
    `customer` is what the one at the other end is called."""
    found = list(rows)
    names = names_of(row.sender_id for row in found if row.sender_type == "person")
    files = _files(row.id for row in found if row.media)
    return [_turn(row, names, files.get(row.id, ()), customer) for row in found]


def _files(message_ids: Iterable[UUID]) -> dict[UUID, tuple[Attachment, ...]]:
    """Return the files of messages, without their bytes."""
    wanted = list(message_ids)
    if not wanted:
        return {}
    rows = Attachment.objects.filter(message__in=wanted).defer("content", "source", "filename").order_by("id")
    found: dict[UUID, tuple[Attachment, ...]] = {}
    for row in rows:
        found[row.message_id] = (*found.get(row.message_id, ()), row)
    return found


def notes_of(rows: Iterable[NoteRow]) -> list[Turn]:
    """Return the notes of colleagues with their names."""
    found = list(rows)
    names = names_of(row.author_id for row in found)
    return [Turn(row.created_at, "", name_in(names, row.author_id, otherwise="A program"), row.text) for row in found]


def woven(turns: list[Turn], asked: Iterable[Turn], *, is_cut: bool, is_earlier: bool = False) -> list[Turn]:
    """Return messages and approvals in one order: where the page is only a part of the conversation,
    no approval older than its first message or, on an earlier part, younger than its last."""
    start = turns[0].at if turns and is_cut else None
    end = turns[-1].at if turns and is_earlier else None
    kept = [turn for turn in asked if (start is None or turn.at >= start) and (end is None or turn.at <= end)]
    return sorted([*turns, *kept], key=lambda turn: turn.at)


def _turn(row: MessageRow, names: dict[UUID, str], files: tuple[Attachment, ...], customer: str) -> Turn:
    text = row.text
    if row.content_type != Message.ContentType.TEXT:
        text = f"[{Message.ContentType(row.content_type).label}] {text}".strip()
    status = Message.Status(row.status).label if row.direction == Message.Direction.OUT else ""
    return Turn(row.created_at, PLACES[row.sender_type], _who(row, names, customer), text, status, files=files)


def _who(row: MessageRow, names: dict[UUID, str], customer: str) -> str:
    if row.sender_type == "person":
        return name_in(names, row.sender_id, otherwise="A colleague")
    if row.sender_type == "agent":
        name = row.sender_name.replace("_", " ").strip()
        return "Agent" if name.lower() in ("", "agent") else f"Agent {name}"
    return customer if row.sender_type == "customer" else ""
