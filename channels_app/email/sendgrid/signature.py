"""Verify SendGrid's signature: ECDSA over timestamp and raw body, within a time window."""

import base64
import binascii
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

SIGNATURE_HEADER: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER: Final = "X-Twilio-Email-Event-Webhook-Timestamp"


def is_signed(*, body: bytes, timestamp: str, signature: str, keys: Iterable[str]) -> bool:
    """Return True if one of the public keys (base64 of DER) signed these bytes. Returns False without keys."""
    try:
        given = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return False
    for public in filter(None, map(public_key, keys)):
        try:
            public.verify(given, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            continue
        return True
    return False


def public_key(text: str) -> ec.EllipticCurvePublicKey | None:
    """Parse a verification key as SendGrid shows it; None if it is not one."""
    try:
        found = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, ec.EllipticCurvePublicKey) else None
