"""Verify Slack's signature (v0): an HMAC over timestamp and raw body, within a time window."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Final

SIGNATURE_HEADER: Final = "X-Slack-Signature"
TIMESTAMP_HEADER: Final = "X-Slack-Request-Timestamp"
WINDOW: Final = 300.0


def is_fresh(timestamp: str, moment: datetime) -> bool:
    """Return True if a timestamp (Unix seconds) is within the window around a moment."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(moment.timestamp() - int(timestamp)) <= WINDOW


def is_signed(*, body: bytes, timestamp: str, signature: str, secrets: Iterable[str]) -> bool:
    """Return True if one of the signing secrets signed these bytes at that time."""
    given = signature.encode("utf-8", "replace")
    expected = [sign(body, timestamp, secret).encode() for secret in secrets if secret]
    return any(hmac.compare_digest(one, given) for one in expected)


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Return the signature of these bytes."""
    base = b"v0:" + timestamp.encode("utf-8", "replace") + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
