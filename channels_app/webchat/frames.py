"""Frames of `/ws/chat/`: what a visitor may send, parsed and bounded; nothing here reads or writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.errors import Invalid

MESSAGE_LIMIT: Final = 4096  # characters
# Bytes; a longer frame closes the line. The longest message still fits when its client escapes
# every character (twelve bytes each for an emoji).
FRAME_LIMIT: Final = 64 * 1024
SEQ_LIMIT: Final = 2**53  # what JSON numbers carry exactly


class BadFrame(Invalid):
    """The frame cannot be understood."""

    default_code = "bad_frame"


class RefusedMessage(Invalid):
    """The frame is well formed, but its message cannot be taken."""

    default_code = "invalid"


@dataclass(frozen=True, slots=True)
class Auth:
    """Sign in, or prolong the sign-in of an open line."""

    token: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Send everything after this number."""

    after: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Store one message; `id` is made by the client and is the idempotency key."""

    id: UUID
    message: str
    agent: str = ""


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
    """Show no more of the answer that is being written."""


ClientFrame = Auth | Resume | SendMessage | Typing | Read | Stop


def load(text: str) -> dict[str, Any]:
    """Return the JSON object in a text frame; raise `BadFrame` for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadFrame("This frame is not JSON.") from problem
    if not isinstance(found, dict):
        raise BadFrame("A frame is a JSON object with a type.")
    return found


def parse(text: str) -> ClientFrame:
    """Return the client's frame; raise `BadFrame` or `RefusedMessage` with the client's id in the facts."""
    found = load(text)
    kind = found.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise BadFrame("This type of frame is not known.", code="unknown_type")
    return reader(found)


def read_auth(found: dict[str, Any]) -> Auth:
    """Read an auth frame."""
    token = found.get("token")
    if not isinstance(token, str) or not token:
        raise BadFrame("An auth frame carries a token.")
    return Auth(token)


def read_resume(found: dict[str, Any]) -> Resume:
    """Read a resume frame."""
    return Resume(read_number(found, "after"))


def read_read(found: dict[str, Any]) -> Read:
    """Read a read frame."""
    return Read(read_number(found, "seq"))


def read_message(found: dict[str, Any]) -> SendMessage:
    """Read a message; text limits are checked here so that nothing too long goes any further."""
    client_id = read_uuid(found)
    message = found.get("message")
    if not isinstance(message, str):
        raise BadFrame("A message is a text.", id=str(client_id))
    clean = printable(message)
    if not clean.strip():
        raise RefusedMessage("There is nothing in this message.", code="empty", id=str(client_id))
    if len(message) > MESSAGE_LIMIT:
        detail = f"A message has at most {MESSAGE_LIMIT} characters; this one has {len(message)}."
        raise RefusedMessage(detail, code="too_long", id=str(client_id), limit=MESSAGE_LIMIT)
    agent = found.get("agent", "")
    if not isinstance(agent, str) or len(agent) > 64:
        raise BadFrame("An agent is named by a short text.", id=str(client_id))
    return SendMessage(client_id, clean, agent)


def read_typing(found: dict[str, Any]) -> Typing:
    """Read a typing frame."""
    return Typing(found.get("value", True) is not False)


def read_stop(found: dict[str, Any]) -> Stop:
    """Read a stop frame."""
    return Stop()


def read_uuid(found: dict[str, Any]) -> UUID:
    """Return the client's id; only the canonical form counts, so that one id has one spelling."""
    value = found.get("id")
    try:
        parsed = UUID(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != str(value).lower():
        raise BadFrame("A message carries an id, and the id is a UUID.")
    return parsed


def read_number(found: dict[str, Any], name: str) -> int:
    """Return a whole number that is not negative."""
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < SEQ_LIMIT:
        raise BadFrame(f"{name} is a whole number that is not negative.")
    return value


def printable(text: str) -> str:
    """Drop what PostgreSQL or a UTF-8 encoder cannot hold: NUL and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


READERS: Final[dict[str, Callable[[dict[str, Any]], ClientFrame]]] = {
    "auth": read_auth,
    "resume": read_resume,
    "send_message": read_message,
    "typing": read_typing,
    "read": read_read,
    "stop": read_stop,
}


def error(problem: Invalid | Exception, *, code: str = "error", **facts: Any) -> dict[str, Any]:
    """Return the error frame of a typed error: `{"type": "error", "code", "detail", ...}`."""
    if isinstance(problem, Invalid):
        return {"type": "error", **problem.as_dict(), **facts}
    return {"type": "error", "code": code, "detail": str(problem), **facts}
