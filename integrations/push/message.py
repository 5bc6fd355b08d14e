"""What a push service gets: an encrypted message (RFC 8291, RFC 8188) and a token that names us (RFC 8292)."""

import os
from datetime import datetime, timedelta
from typing import Final

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from accounts.push import load_key, public_key_of, public_point

SALT_BYTES: Final = 16
RECORD: Final = 4096
LONGEST: Final = 3000
"""Bytes of a message: one record, with room for what encryption adds."""
_LAST: Final = b"\x02"
TOKEN_LIFE: Final = timedelta(hours=1)


def encrypt(
    plain: bytes,
    *,
    p256dh: bytes,
    auth: bytes,
    own_key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Return one record of `aes128gcm`. Only tests give key and salt. Raises ValueError for a bad point or length."""
    if len(plain) > LONGEST:
        raise ValueError("a push message holds at most 3000 bytes")
    own = own_key or ec.generate_private_key(ec.SECP256R1())
    seed = salt or os.urandom(SALT_BYTES)
    browser = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    point = public_point(own)
    shared = _derive(own.exchange(ec.ECDH(), browser), salt=auth, info=b"WebPush: info\0" + p256dh + point, length=32)
    key = _derive(shared, salt=seed, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derive(shared, salt=seed, info=b"Content-Encoding: nonce\0", length=12)
    header = seed + RECORD.to_bytes(4) + bytes([len(point)]) + point
    return header + AESGCM(key).encrypt(nonce, plain + _LAST, None)


def _derive(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt, info=info).derive(secret)


def authorization(*, origin: str, key: str, subject: str, now: datetime) -> str:
    """Return the Authorization header for a push service. `subject` is an https: or mailto: address."""
    claims = {"aud": origin, "exp": int((now + TOKEN_LIFE).timestamp()), "sub": subject}
    return f"vapid t={jwt.encode(claims, load_key(key), algorithm='ES256')}, k={public_key_of(key)}"
