"""The transcript as a page shows it: messages and approvals in one order, masked unless revealed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from console.people import name_in, names_of
from conversations.models import Conversation, Message

LENGTH: Final = 100
PLACES: Final = {
    Message.Sender.CUSTOMER: "wk-turn-in",
    Message.Sender.AGENT: "wk-turn-out",
    Message.Sender.PERSON: "wk-turn-out wk-turn-person",
    Message.Sender.SYSTEM: "wk-turn-system",
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


def transcript(
    conversation: Conversation,
    approvals: Iterable[Any],
    *,
    in_clear: bool = False,
    length: int = LENGTH,
) -> tuple[list[Turn], bool]:
    """Return the last turns, oldest first, and whether there are older ones."""
    found = _messages(conversation, in_clear, length + 1)
    shown = found[:length]
    names = names_of(message.sender_id for message in shown if message.sender_type == "person")
    turns = [_turn(message, names, in_clear) for message in shown]
    is_cut = len(found) > length
    start = shown[-1].created_at if is_cut else None
    asked = [Turn(at=approval.created_at, approval=approval) for approval in approvals]
    kept = [turn for turn in asked if start is None or turn.at >= start]
    return sorted([*turns, *kept], key=lambda turn: turn.at), is_cut


def _messages(conversation: Conversation, in_clear: bool, count: int) -> list[Message]:
    rows = Message.objects.filter(conversation=conversation).order_by("-seq")
    return list((rows.defer("metadata") if in_clear else rows.defer("body", "metadata"))[:count])


def _turn(message: Message, names: dict[UUID, str], in_clear: bool) -> Turn:
    text = message.body if in_clear else message.masked_body
    if not text and message.content_type != Message.ContentType.TEXT:
        text = f"[{message.get_content_type_display()}]"
    status = message.get_status_display() if message.direction == Message.Direction.OUT else ""
    place = PLACES[Message.Sender(message.sender_type)]
    return Turn(message.created_at, place, _who(message, names), text, status)


def _who(message: Message, names: dict[UUID, str]) -> str:
    if message.sender_type == Message.Sender.PERSON:
        return name_in(names, message.sender_id, otherwise="A colleague")
    if message.sender_type == Message.Sender.AGENT:
        return f"Agent {message.sender_name}".strip().replace("_", " ")
    return str(message.get_sender_type_display())
