"""Signatures of the installation: of links and tokens, and by Ed25519, which anybody verifies with its public key.

All keys are derived from those of `WALKER_KEYS`: the process that writes the audit log signs as well.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.core import signing

from core.privacy.encryption import current_key_id, derive_key, key_ring

_PURPOSE: Final = "evidence-signing"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, in hex, and the fingerprint by which people compare it."""

    key_id: str
    public_key: str
    fingerprint: str


def signer(purpose: str, *, salt: str) -> signing.Signer:
    """Return the signer of links or tokens of one purpose; older keys still verify."""
    return signing.Signer(**_keys(purpose), salt=salt, sep=".")


def timestamp_signer(purpose: str, *, salt: str) -> signing.TimestampSigner:
    """Return the signer of one purpose that signs the moment, too; older keys still verify."""
    return signing.TimestampSigner(**_keys(purpose), salt=salt, sep=".")


def _keys(purpose: str) -> dict[str, Any]:
    older = [derive_key(purpose, key_id=key_id).hex() for key_id in key_ring()]
    return {"key": derive_key(purpose, key_id=current_key_id()).hex(), "fallback_keys": older}


def sign(content: bytes, *, key_id: str = "") -> str:
    """Return the signature (hex) of bytes under the named or the current key."""
    return _pair(derive_key(_PURPOSE, key_id=key_id or current_key_id()))[0].sign(content).hex()


def is_signed(content: bytes, signature: str, *, key_id: str) -> bool:
    """Return True if the key of this installation signed these bytes; False as well for a key it doesn't have."""
    if key_id not in key_ring():
        return False
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key(key_id).public_key))
        public.verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key(key_id: str = "") -> PublicKey:
    """Return the public half of the named or the current key. Raises Unavailable for an unknown one."""
    name = key_id or current_key_id()
    raw = _pair(derive_key(_PURPOSE, key_id=name))[1]
    return PublicKey(name, raw.hex(), hashlib.sha256(raw).hexdigest())


def public_keys() -> list[PublicKey]:
    """Return the public halves of all keys in `WALKER_KEYS`, the current one last."""
    return [public_key(key_id) for key_id in key_ring()]


@lru_cache(maxsize=64)
def _pair(seed: bytes) -> tuple[Ed25519PrivateKey, bytes]:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return private, private.public_key().public_bytes_raw()
