"""Whether SendGrid signed a batch of events: ECDSA over its timestamp and the raw body, and not long ago."""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

SIGNATURE_HEADER: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
# The vendor documents no window. A batch that is posted again is signed anew.
WINDOW: Final = 300.0


def is_fresh(timestamp: str, moment: datetime) -> bool:
    """Tell whether a timestamp (Unix seconds) is within the window around a moment."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(moment.timestamp() - int(timestamp)) <= WINDOW


def is_signed(*, body: bytes, timestamp: str, signature: str, keys: Iterable[str]) -> bool:
    """Tell whether one of the public keys (base64 of DER) signed these raw bytes; none means no."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return False
    return any(_verifies(key, given, timestamp.encode() + body) for key in keys)


def _verifies(key: str, given: bytes, signed: bytes) -> bool:
    public = public_key(key)
    if public is None:
        return False
    try:
        public.verify(given, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def public_key(text: str) -> ec.EllipticCurvePublicKey | None:
    """Read a verification key as SendGrid shows it; None when it is none."""
    try:
        found = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, ec.EllipticCurvePublicKey) else None
