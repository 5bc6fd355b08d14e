"""Parse the frames that a visitor sends on `/ws/chat/` (pure)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.errors import Invalid

MESSAGE_LIMIT: Final = 4096  # characters
# Bytes; a longer frame closes the connection. The longest message fits even if its client escapes
# every character (twelve bytes each for an emoji).
FRAME_LIMIT: Final = 64 * 1024
CHOICE_LIMIT: Final = 200  # characters
SEQ_LIMIT: Final = 2**53  # the largest exact integer in JSON


class BadFrame(Invalid):
    """The frame cannot be understood."""

    default_code = "bad_frame"


class RefusedMessage(Invalid):
    """The frame is well formed, but its message is not acceptable."""

    default_code = "invalid"


@dataclass(frozen=True, slots=True)
class Auth:
    """Sign in, or extend the session of an open connection."""

    token: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Send everything after this number."""

    after: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Store one message; `id` is made by the client and is the idempotency key.

    `choice` is what a pressed button carries.
    """

    id: UUID
    message: str
    agent: str = ""
    choice: str = ""


@dataclass(frozen=True, slots=True)
class Typing:
    """The visitor is writing."""

    value: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """The visitor has seen everything up to this number."""

    seq: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the answer that is being written."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Answer the survey of the conversation: a mark from 1 to 5, perhaps a comment, and the mark that was shown."""

    survey: UUID
    rating: int
    comment: str | None = None
    seen: int | None = None


ClientFrame = Auth | Resume | SendMessage | Typing | Read | Stop | Rate


def load(text: str) -> dict[str, Any]:
    """Return the JSON object in a text frame. Raises `BadFrame` for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadFrame("This frame isn't JSON.") from problem
    if not isinstance(found, dict):
        raise BadFrame("A frame has to be a JSON object with a type.")
    return found


def parse(text: str) -> ClientFrame:
    """Return the client's frame. Raises `BadFrame` or `RefusedMessage` with the client's id in the facts."""
    found = load(text)
    kind = found.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise BadFrame("This frame type isn't supported.", code="unknown_type")
    return reader(found)


def read_auth(found: dict[str, Any]) -> Auth:
    token = found.get("token")
    if not isinstance(token, str) or not token:
        raise BadFrame("An auth frame needs a token.")
    return Auth(token)


def read_resume(found: dict[str, Any]) -> Resume:
    return Resume(read_number(found, "after"))


def read_read(found: dict[str, Any]) -> Read:
    return Read(read_number(found, "seq"))


def read_message(found: dict[str, Any], *, may_be_empty: bool = False) -> SendMessage:
    """Read a message; its length is checked here, before anything else. One with files `may_be_empty`."""
    client_id = read_uuid(found)
    message = found.get("message")
    if not isinstance(message, str):
        raise BadFrame("A message has to be text.", id=str(client_id))
    clean = printable(message)
    if not clean.strip() and not may_be_empty:
        raise RefusedMessage("This message is empty.", code="empty", id=str(client_id))
    if len(message) > MESSAGE_LIMIT:
        detail = f"A message can have at most {MESSAGE_LIMIT} characters; this one has {len(message)}."
        raise RefusedMessage(detail, code="too_long", id=str(client_id), limit=MESSAGE_LIMIT)
    agent = found.get("agent", "")
    if not isinstance(agent, str) or len(agent) > 64:
        raise BadFrame("The name of an agent has to be a short text.", id=str(client_id))
    choice = found.get("choice", "")
    if not isinstance(choice, str) or len(choice) > CHOICE_LIMIT or not choice.isascii():
        raise BadFrame("What a button carries has to be a short text.", id=str(client_id))
    return SendMessage(client_id, clean, agent, printable(choice))


def read_typing(found: dict[str, Any]) -> Typing:
    return Typing(found.get("value", True) is not False)


def read_stop(found: dict[str, Any]) -> Stop:
    return Stop()


def read_rate(found: dict[str, Any]) -> Rate:
    """Read an answer to a survey; the mark's range is checked where it is kept."""
    comment = found.get("comment")
    if comment is not None and not isinstance(comment, str):
        raise BadFrame("A comment has to be text.")
    said = None if comment is None else printable(comment)
    seen = read_number(found, "seen") if "seen" in found else None
    return Rate(read_uuid(found, "survey"), read_number(found, "rating"), said, seen)


def read_uuid(found: dict[str, Any], name: str = "id") -> UUID:
    """Return the client's id, or that of another field, in its canonical form only: an id has one spelling."""
    value = found.get(name)
    try:
        parsed = UUID(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != str(value).lower():
        raise BadFrame("A message needs an id, which has to be a UUID.")
    return parsed


def read_number(found: dict[str, Any], name: str) -> int:
    """Return a whole number of at least 0."""
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < SEQ_LIMIT:
        raise BadFrame(f"{name} has to be a whole number of at least 0.")
    return value


def printable(text: str) -> str:
    """Drop what PostgreSQL or UTF-8 cannot hold: NUL and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


READERS: Final[dict[str, Callable[[dict[str, Any]], ClientFrame]]] = {
    "auth": read_auth,
    "resume": read_resume,
    "send_message": read_message,
    "typing": read_typing,
    "read": read_read,
    "stop": read_stop,
    "rate": read_rate,
}


def error(problem: Invalid | Exception, *, code: str = "error", **facts: Any) -> dict[str, Any]:
    """Return the error frame of a typed error: `{"type": "error", "code", "detail", ...}`."""
    if isinstance(problem, Invalid):
        return {"type": "error", **problem.as_dict(), **facts}
    return {"type": "error", "code": code, "detail": str(problem), **facts}
