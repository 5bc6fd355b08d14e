"""SendGrid's events as reports about our mails; pure."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from conversations.texts import clean
from integrations.mail.progress import Report, What
from integrations.mail.reports import ProviderEvent
from integrations.mail.sendgrid import OUR_ID

WHATS: Final[dict[str, What]] = {
    "processed": "sent",
    "dropped": "dropped",
    "delivered": "delivered",
    "bounce": "bounced",
    "open": "opened",
    "click": "clicked",
}
UNSUBSCRIBED: Final = frozenset({"unsubscribe", "group_unsubscribe"})
_LAST: Final = 4_102_444_800  # the year 2100: beyond it a timestamp is noise


def heard_of(event: Any, received_at: datetime) -> ProviderEvent | None:
    """Return what an event says about a mail; None for what says nothing (deferred, unknown kinds, noise)."""
    if not isinstance(event, dict):
        return None
    kind, at = str(event.get("event", "")), _moment(event.get("timestamp"), received_at)
    facts: dict[str, Any] = {"at": at, "delivery_id": _our_id(event.get(OUR_ID)), "message_id": _message_id(event)}
    if kind == "spamreport":
        return ProviderEvent("spam", **facts)
    if kind in UNSUBSCRIBED:
        return ProviderEvent("unsubscribed", **facts)
    what = WHATS.get(kind)
    if what is None:
        return None
    if what == "opened" and event.get("sg_machine_open") is True:
        # A mail program fetched the pictures before anybody looked: it has arrived, no more.
        what = "delivered"
    return ProviderEvent(Report(what, at, _error(kind, event)), url=clean(str(event.get("url", ""))[:2000]), **facts)


def _error(kind: str, event: dict[str, Any]) -> str:
    if kind == "bounce":
        return "blocked" if event.get("type") == "blocked" else "bounce"
    return "dropped" if kind == "dropped" else ""


def _moment(given: Any, received_at: datetime) -> datetime:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given < _LAST:
        return received_at
    return min(datetime.fromtimestamp(given, UTC), received_at)


def _our_id(given: Any) -> UUID | None:
    try:
        return UUID(given) if isinstance(given, str) else None
    except ValueError:
        return None


def _message_id(event: dict[str, Any]) -> str:
    """Return the id that was answered when the mail was sent: the event's begins with it."""
    given = event.get("sg_message_id")
    return clean(given.partition(".")[0][:200]) if isinstance(given, str) else ""
