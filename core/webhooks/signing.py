"""Signatures of the Standard Webhooks specification: symmetric, version 1 (pure)."""

import base64
import binascii
import hashlib
import hmac
import secrets as random_source
from collections.abc import Iterable, Mapping
from typing import Final

from core.errors import Invalid

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret that the specification allows."""
TOLERANCE: Final = 300
"""Seconds by which a receiver lets the clocks differ."""
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def new_secret() -> str:
    """Return a new secret in its serialised form, `whsec_` and Base64."""
    return PREFIX + base64.b64encode(random_source.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret, with or without its prefix. Raises `Invalid`."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise Invalid("This isn't a webhook secret.") from problem
    if not SHORTEST <= len(key) <= LONGEST:
        raise Invalid("A webhook secret has 24 to 64 bytes.")
    return key


def sign(*, secret: str, key: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one secret: `v1,` and Base64 of an HMAC-SHA256 over id, time and body."""
    signed = hmac.new(key_of(secret), f"{key}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


def headers_for(*, secrets: Iterable[str], key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a webhook; while secrets are rotated, each one signs."""
    signatures = [sign(secret=secret, key=key, timestamp=timestamp, body=body) for secret in secrets]
    return {ID: key, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}


def is_signed(*, secret: str, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Return True if one of the signatures is right and the time is at most `TOLERANCE` away."""
    key, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12
    if not key or not is_number or abs(now - int(timestamp)) > TOLERANCE:
        return False
    wanted = sign(secret=secret, key=key, timestamp=int(timestamp), body=body).encode()
    given = headers.get(SIGNATURE, "").encode("ascii", "replace").split()
    # Every one is compared, so that the time does not tell which one it was.
    matches = [hmac.compare_digest(wanted, one) for one in given]
    return any(matches)
