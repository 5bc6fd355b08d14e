"""Verify Slack's signature (v0): an HMAC over timestamp and raw body, within a time window."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

SIGNATURE_HEADER: Final = "X-Slack-Signature"
TIMESTAMP_HEADER: Final = "X-Slack-Request-Timestamp"


def is_signed(*, body: bytes, timestamp: str, signature: str, secrets: Iterable[str]) -> bool:
    """Return True if one of the signing secrets signed these bytes at that time."""
    given = signature.encode("utf-8", "replace")
    expected = [sign(body, timestamp, secret).encode() for secret in secrets if secret]
    return any(hmac.compare_digest(one, given) for one in expected)


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """Return the signature of these bytes."""
    base = b"v0:" + timestamp.encode("utf-8", "replace") + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
