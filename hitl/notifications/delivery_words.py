"""What became of a notification, in words."""

import re
from dataclasses import dataclass
from typing import Final

from console.templatetags.console_ui import clock
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from hitl.models import Notification

STATUSES: Final[dict[str, tuple[str, str]]] = {
    "queued": ("Sending", "info"),
    "sending": ("Sending", "info"),
    "held": ("Waiting", "neutral"),
    "sent": ("Sent", "good"),
    "delivered": ("Delivered", "good"),
    "read": ("Read", "good"),
    "skipped": ("Not sent", "neutral"),
    "failed": ("Failed", "danger"),
}
HELD: Final = {
    "quiet": "Held for quiet hours until {at}",
    "digest": "In the digest of {at}",
    "limit": "Too many in one hour: in the digest of {at}",
}
UNEXPECTED: Final = "Sending failed unexpectedly. An admin can retry it under Failed jobs."


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """A status as a word with its tone, and a sentence about it, if any."""

    word: str
    tone: str
    detail: str = ""


def held_words(row: Notification) -> str:
    """Return until when a notification waits, and why; "" if it doesn't wait."""
    if row.status != "held" or row.hold_until is None:
        return ""
    return HELD.get(row.held_for, "Held until {at}").format(at=clock(row.hold_until))


def delivery_state(row: Notification) -> DeliveryState:
    """Return the status of a notification in words, without addresses."""
    word, tone = STATUSES.get(row.status, (row.status.capitalize(), "neutral"))
    if row.status == "held":
        return DeliveryState(word, tone, held_words(row))
    # An adapter's sentence, but never the bare name of an exception.
    failure = row.failure_reason
    reason = UNEXPECTED if re.fullmatch(r"[A-Z]\w*", failure) else visible(mask_text(failure))
    if row.status == "queued" and row.attempts:
        return DeliveryState("Trying again", "warn", reason)
    if row.digest_id and row.status in ("sent", "delivered", "read"):
        return DeliveryState(word, tone, "In a digest")
    return DeliveryState(word, tone, reason)
