"""Convert SendGrid's events to reports about our mails (pure)."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from conversations.texts import clean
from integrations.mail.progress import Report, What
from integrations.mail.providers.sendgrid import OUR_ID
from integrations.mail.reports import ProviderEvent

WHATS: Final[dict[str, What]] = {
    "processed": "sent",
    "dropped": "dropped",
    "delivered": "delivered",
    "bounce": "bounced",
    "open": "opened",
    "click": "clicked",
}
# Reasons for which SendGrid doesn't even try: the address isn't one, or bounced before.
BAD_ADDRESS: Final = frozenset({"invalid", "bounced address"})
UNSUBSCRIBED: Final = frozenset({"unsubscribe", "group_unsubscribe"})
TEXT_LIMIT: Final = 500
_LAST: Final = 4_102_444_800  # the year 2100: beyond it a timestamp is noise


def parse_event(event: Any, received_at: datetime) -> ProviderEvent | None:
    """Return what an event says about a mail, or None (deferred, unknown kinds, noise)."""
    if not isinstance(event, dict):
        return None
    kind, stamp, at = str(event.get("event", "")), event.get("timestamp"), received_at
    if isinstance(stamp, (int, float)) and not isinstance(stamp, bool) and 0 < stamp < _LAST:
        at = min(datetime.fromtimestamp(stamp, UTC), received_at)
    given_id, message_id = event.get(OUR_ID), event.get("sg_message_id")
    try:
        delivery_id = UUID(given_id) if isinstance(given_id, str) else None
    except ValueError:
        delivery_id = None
    # The event's id starts with the one that SendGrid returned for the mail.
    sent_id = clean(message_id.partition(".")[0][:200]) if isinstance(message_id, str) else ""
    facts: dict[str, Any] = {"at": at, "delivery_id": delivery_id, "message_id": sent_id}
    if kind == "spamreport":
        return ProviderEvent("spam", **facts)
    if kind in UNSUBSCRIBED:
        return ProviderEvent("unsubscribed", **facts)
    what = WHATS.get(kind)
    if what is None:
        return None
    if what == "opened" and event.get("sg_machine_open") is True:
        # A mail program loaded the images on its own: the mail is delivered, not opened.
        what = "delivered"
    is_bad = kind == "dropped" and str(event.get("reason", "")).strip().lower() in BAD_ADDRESS
    error = ("bad_address" if is_bad else "dropped") if kind == "dropped" else ""
    if kind == "bounce":
        error = "blocked" if event.get("type") == "blocked" else "bounce"
    said = clean(str(event.get("reason") or event.get("response") or "")[:TEXT_LIMIT]) if error else ""
    report = Report(what, at, error, is_unreachable=error in ("bounce", "bad_address"), error_text=said)
    return ProviderEvent(report, url=clean(str(event.get("url", ""))[:2000]), **facts)
