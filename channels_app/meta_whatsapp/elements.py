"""Take a post of Meta apart: one element per message, status, echo or other change (pure)."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Literal

from channels_app.meta_whatsapp.normalise import moment_of

Kind = Literal["message", "status", "echo", "preference", "change", "post"]
Document = dict[str, Any]
ECHOES: Final = ("smb_message_echoes", "message_echoes")
PREFERENCES: Final = "user_preferences"
OF_SENDER: Final = ("message", "preference")
# Nothing of Meta's is nested this deeply; what is deeper is left out, so that the rest can be read.
DEEPEST: Final = 60
KEY_LIMIT: Final = 170
# Where an element names its person: their phone number, which may be hidden, and Meta's id.
_PERSON: Final = {
    "message": ("from", "from_user_id"),
    "echo": ("to", "to_user_id"),
    "status": ("recipient_id", "recipient_user_id"),
    "preference": ("wa_id", "user_id"),
}
LONGEST_NUMBER: Final = 100
# Meta puts up to a thousand into one post.
MOST: Final = 5_000
# Possessive, and an open text takes the rest: each byte is looked at once.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.S)


@dataclass(frozen=True, slots=True)
class Element:
    """One part of a post. `key` names the event, `line` its sender, whose elements are processed in order.

    `wrote` is when it happened, in Unix seconds; 0 if it doesn't say.
    """

    kind: Kind
    phone_number_id: str
    key: str
    line: str = field(repr=False)
    body: bytes = field(repr=False)
    wrote: float = 0


def elements_of(body: bytes) -> list[Element]:
    """Return the elements of a post by their times; one that can't be read is an element as a whole."""
    try:
        found = _elements(body)
    except RecursionError:
        try:
            found = _elements(_pruned(body))
        except RecursionError:
            found = None
    if found is not None:
        return found
    key = f"post:{hashlib.sha256(body).hexdigest()}"
    return [Element("post", "", key, key, body)]


def _elements(body: bytes) -> list[Element] | None:
    """Return the elements, or None for a body in another format or with more than Meta sends."""
    try:
        document = json.loads(body, parse_int=_whole_number)
    except ValueError:
        return None
    entries = document.get("entry") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return None
    found: list[Element] = []
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        for change in changes if isinstance(changes, list) else []:
            found += islice(_elements_of_change(change, entry.get("time")), MOST)
            if len(found) >= MOST:
                return None
    # Meta doesn't promise an order within a post, and what comes first is processed first.
    return sorted(found, key=lambda element: element.wrote)


def _whole_number(digits: str) -> int | None:
    """Return a number, or None for one so long that Python refuses the whole document."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else None


def _pruned(body: bytes) -> bytes:
    """Replace everything below `DEEPEST` by null."""
    kept: list[bytes] = []
    depth, start = 0, 0
    for token in _TOKENS.finditer(body):
        sign = token[0]
        if sign in (b"[", b"{"):
            depth += 1
            if depth == DEEPEST:
                kept.append(body[start : token.start()] + b"null")
        elif sign in (b"]", b"}"):
            if depth == DEEPEST:
                start = token.end()
            depth -= 1
    return b"".join([*kept, body[start:]])


def _elements_of_change(change: Any, time: Any) -> Iterator[Element]:
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict):
        yield _element("change", "", {"field": "", "item": change})
        return
    name = str(change.get("field") or "")[:60]
    metadata = value.get("metadata")
    number = str(metadata.get("phone_number_id") or "")[:64] if isinstance(metadata, dict) else ""
    lists: list[tuple[Kind, Any]] = []
    if name == "messages":
        lists = [("message", value.get("messages")), ("status", value.get("statuses"))]
    elif name in ECHOES:
        lists = [("echo", value.get("message_echoes"))]
    elif name == PREFERENCES:
        lists = [("preference", value.get(PREFERENCES))]
    items = [(kind, item) for kind, rows in lists if isinstance(rows, list) for item in rows]
    people = value.get("contacts")
    for kind, item in items:
        yield _element(kind, number, {"item": item, "contact": _contact_of(kind, item, people)})
    if not items:
        # Beside its time nothing tells a template that is paused again from a repeated post.
        yield _element("change", number, {"field": name, "item": value, "time": time})


def _contact_of(kind: Kind, item: Any, people: Any) -> Any:
    """Return what the post says about the sender of a message, or the recipient of an echo or a status."""
    rows = [row for row in people if isinstance(row, dict)] if isinstance(people, list) else []
    if not isinstance(item, dict):
        return None
    names = {_text(item.get(name)).removeprefix("+") for name in _PERSON[kind]} - {""}
    for row in rows:
        if names & {_text(row.get("wa_id")), _text(row.get("user_id"))}:
            return row
    # The only one is meant, unless it names somebody: then this message would become theirs.
    is_nameless = len(rows) == 1 and not (names and (_text(rows[0].get("wa_id")) or _text(rows[0].get("user_id"))))
    return rows[0] if is_nameless else None


def _element(kind: Kind, number: str, facts: Document) -> Element:
    item = facts["item"] if isinstance(facts["item"], dict) else {}
    contact = facts.get("contact") if isinstance(facts.get("contact"), dict) else {}
    phone_field, user_field = _PERSON.get(kind, ("", ""))
    phone = phone_of(item.get(phone_field)) or phone_of((contact or {}).get("wa_id"))
    user = _text(item.get(user_field)) or _text((contact or {}).get("user_id"))
    is_theirs = kind in OF_SENDER
    document = {
        "kind": kind,
        "phone_number_id": number,
        # At the top, where the erasure of a person looks for them.
        "From": phone if is_theirs else "",
        "ExternalUserId": user if is_theirs else "",
        "To": "" if is_theirs else phone,
        "ToUserId": "" if is_theirs else user,
        **facts,
    }
    # Escaped, so that a lone surrogate or NUL is stored as it came.
    body = json.dumps(document).encode()
    name = _text(item.get("id"))
    is_plain = name.isascii() and name.isprintable() and 0 < len(name) <= KEY_LIMIT
    digest = hashlib.sha256(body).hexdigest()
    key = name if is_plain else f"body:{digest}"
    if kind == "status":
        word = _text(item.get("status"))
        key = f"{key}:{word[:16]}" if word.isalpha() and word.isascii() else f"body:{digest}"
    elif kind != "message":
        key = f"{kind}:{key}"
    # Statuses may overtake each other; messages of one person may not.
    line = (phone or user or key) if kind in (*OF_SENDER, "echo") else key
    moment = moment_of(str(item.get("timestamp") or facts.get("time") or ""))
    return Element(kind, number, key, line, body, moment.timestamp() if moment else 0)


def phone_of(value: Any) -> str:
    """Return Meta's digits as a phone number with +, or "" if they aren't one."""
    text = _text(value).removeprefix("+")
    return f"+{text}" if text.isascii() and text.isdigit() and 5 <= len(text) <= 20 else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
