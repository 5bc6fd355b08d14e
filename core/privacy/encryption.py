"""The key ring: AES-256-GCM for stored values, HKDF for a key per purpose, HMAC for blind indexes."""

import base64
import hashlib
import hmac
import os
import re
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from core.errors import Unavailable
from core.tenancy.scope import current_tenant_id

VERSION: Final = b"\x01"
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
_FORM = "WALKER_KEYS must hold 32-byte keys as id:base64, separated by commas, each id once."
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,16}")


@lru_cache(maxsize=4)
def _parse(ring: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in ring.split(","))):
        key_id, _, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise Unavailable(_FORM) from None
        if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES or key_id in keys:
            raise Unavailable(_FORM)
        keys[key_id] = key
    if not keys:
        raise Unavailable("WALKER_KEYS is missing: nothing can be encrypted or read.")
    return keys


def key_ring() -> dict[str, bytes]:
    """Return all keys by id, oldest first. Raises Unavailable if there is none."""
    return _parse(_ring())


def _ring() -> str:
    return getattr(settings, "WALKER_KEYS", "") or ""


def current_key_id() -> str:
    """Return the id of the key for new values: the last of the ring."""
    return list(key_ring())[-1]


def lasting_key_id() -> str:
    """Return the id of the key for stored digests: the first of the ring, as adding one must not change them."""
    return next(iter(key_ring()))


@lru_cache(maxsize=4096)
def _derive(ring: str, key_id: str, purpose: str) -> bytes:
    root = _parse(ring).get(key_id)
    if root is None:
        raise Unavailable(f"The key {key_id[:16]!r} is not in WALKER_KEYS.")
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(root)


def derive_key(purpose: str, *, key_id: str = "") -> bytes:
    """Return the 32-byte key for one purpose (RFC 5869), from the named or the current root key."""
    return _derive(_ring(), key_id or current_key_id(), purpose)


def seal(plain: bytes, *, purpose: str, bound_to: str) -> bytes:
    """Encrypt bytes, bound to purpose and place: version, length of the key id, key id, nonce, ciphertext."""
    key_id = current_key_id()
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(derive_key(purpose, key_id=key_id)).encrypt(nonce, plain, bound_to.encode())
    return head_of(key_id) + nonce + sealed


def head_of(key_id: str) -> bytes:
    """Return what encrypted values of a key begin with."""
    return VERSION + bytes([len(key_id)]) + key_id.encode()


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key of an encrypted value. Raises Unavailable for other bytes."""
    if sealed[:1] == VERSION and len(sealed) > 2 and len(sealed) > 2 + sealed[1] + NONCE_BYTES:
        return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")
    raise Unavailable("This value has an unknown encryption format.")


def unseal(sealed: bytes, *, purpose: str, bound_to: str) -> bytes:
    """Decrypt a value of `seal` for the same purpose and place. Raises Unavailable for others."""
    key_id = key_id_of(sealed)
    end = 2 + sealed[1]
    nonce, body = sealed[end : end + NONCE_BYTES], sealed[end + NONCE_BYTES :]
    try:
        return AESGCM(derive_key(purpose, key_id=key_id)).decrypt(nonce, body, bound_to.encode())
    except (InvalidTag, ValueError):
        raise Unavailable("This value was changed or moved, so it can't be decrypted.") from None


def seal_text(text: str, *, purpose: str) -> str:
    """Encrypt a text outside any tenant, such as the secret of a second factor."""
    return base64.b64encode(seal(text.encode(), purpose=purpose, bound_to=purpose)).decode()


def open_text(sealed: str, *, purpose: str) -> str:
    """Decrypt a text of `seal_text`."""
    return unseal(base64.b64decode(sealed), purpose=purpose, bound_to=purpose).decode()


def blind_index(value: str, *, column: str) -> str:
    """Return a keyed digest (hex) of a normalised value, to find it encrypted in the tenant in scope."""
    key = derive_key(f"blind|{column}|{current_tenant_id()}", key_id=lasting_key_id())
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def digest_of_secret(secret: str) -> str:
    """Return the stored form of a key or token: SHA-256 (hex), as secrets have 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def challenge_of(verifier: str) -> str:
    """Return what an authorisation server is shown of a verifier (RFC 7636, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
