"""What Slack sends when somebody presses a button or sends a form."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

APPROVE: Final = "walker_approve"
REJECT: Final = "walker_reject"
VERDICTS: Final = {APPROVE: "approve", REJECT: "reject"}
REASON: Final = "reason"
TEXT_LIMIT: Final = 3000
MOST_FIELDS: Final = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was pressed, and the address that takes an answer."""

    channel: str
    ts: str
    answer_url: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """One of our buttons: what it decides, about which request as it was shown."""

    team: str
    user: str
    verdict: str
    approval_id: UUID
    digest: str
    trigger_id: str
    place: Place


@dataclass(frozen=True, slots=True)
class Submission:
    """The form with the reason of a rejection."""

    team: str
    user: str
    approval_id: UUID
    digest: str
    reason: str
    place: Place


def read(body: bytes) -> dict[str, Any] | None:
    """Return the document in the field `payload`, or None if there is none."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
        found = json.loads(fields.get("payload", [""])[0])
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def user_of(payload: Mapping[str, Any] | None) -> str:
    """Return the id of Slack's user, "" if it names none."""
    return _text(_part(payload or {}, "user").get("id"), 40)


def team_of(payload: Mapping[str, Any]) -> str:
    """Return the id of the workspace; an installation for a whole organisation names it with the user only."""
    return _text(_part(payload, "team").get("id"), 40) or _text(_part(payload, "user").get("team_id"), 40)


def key_of(payload: Mapping[str, Any] | None) -> str:
    """Return what identifies the event, so that a repeat is one row; "" if it says too little."""
    if payload is None:
        return ""
    said = [payload.get("type"), team_of(payload), user_of(payload)]
    view = _part(payload, "view")
    if payload.get("type") == "view_submission" and view.get("id"):
        return _digest("view", *said, view.get("id"), view.get("hash"))
    action, container = _action(payload), _part(payload, "container")
    if not action.get("action_ts"):
        return ""
    place = (container.get("channel_id"), container.get("message_ts"), container.get("view_id"))
    return _digest("press", *said, *place, action.get("action_id"), action.get("action_ts"))


def parse(payload: Mapping[str, Any]) -> Press | Submission | None:
    """Return one of our button presses or forms; None for anything else, which needs no work."""
    if payload.get("type") == "view_submission":
        return _submission(payload)
    action = _action(payload)
    verdict = VERDICTS.get(str(action.get("action_id")))
    subject = _subject(action.get("value"))
    if payload.get("type") != "block_actions" or verdict is None or subject is None:
        return None
    container, channel = _part(payload, "container"), _part(payload, "channel")
    place = Place(
        channel=_text(container.get("channel_id") or channel.get("id"), 40),
        ts=_text(container.get("message_ts"), 40),
        answer_url=_text(payload.get("response_url"), 1000),
    )
    trigger = _text(payload.get("trigger_id"), 200)
    return Press(team_of(payload), user_of(payload), verdict, *subject, trigger_id=trigger, place=place)


def value_of(approval_id: UUID, digest: str) -> str:
    """Return what a button says about its request: which it is, and as what it was shown."""
    return f"{approval_id}:{digest}"


def metadata_of(press: Press) -> str:
    """Return what a form keeps of the press that opened it."""
    kept = {"value": value_of(press.approval_id, press.digest), "channel": press.place.channel, "ts": press.place.ts}
    return json.dumps({**kept, "answer_url": press.place.answer_url})


def _submission(payload: Mapping[str, Any]) -> Submission | None:
    view = _part(payload, "view")
    if view.get("callback_id") != REJECT:
        return None
    try:
        kept = json.loads(str(view.get("private_metadata") or ""))
    except (ValueError, RecursionError):
        return None
    subject = _subject(kept.get("value")) if isinstance(kept, dict) else None
    if subject is None:
        return None
    values = _part(_part(view, "state"), "values")
    reason = _text(_part(_part(values, REASON), REASON).get("value"), TEXT_LIMIT)
    place = Place(_text(kept.get("channel"), 40), _text(kept.get("ts"), 40), _text(kept.get("answer_url"), 1000))
    return Submission(team_of(payload), user_of(payload), *subject, reason=reason, place=place)


def _subject(value: Any) -> tuple[UUID, str] | None:
    approval_id, _, digest = str(value or "").partition(":")
    try:
        return UUID(approval_id), _text(digest, 64)
    except ValueError:
        return None


def _action(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    actions = payload.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return first if isinstance(first, dict) else {}


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Any, limit: int) -> str:
    """Return a text that a database can hold: without NUL and halves of characters."""
    text = value if isinstance(value, str) else ""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:limit]


def _digest(*parts: Any) -> str:
    return f"{parts[0]}:" + hashlib.sha256(json.dumps(parts[1:], default=str).encode()).hexdigest()
