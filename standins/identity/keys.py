"""Keys of an issuer, and what is signed with them: JSON Web Tokens with RS256 (RFC 7515, 7517, 7519)."""

import base64
import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from standins.identity.store import Store
from standins.store import Document

PUBLISHED = 2
"""How many keys are published: the one of now, and the one before, whose tokens are still around."""


class Keys:
    """The keys of all companies; the first one of each is made when it is needed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rotate(self, company: str) -> None:
        """Make the key with which everything is signed from now on."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._store.add_key(company, secrets.token_hex(8), pem.decode())

    def published(self, company: str) -> Document:
        """Return the public halves."""
        return {"keys": [_jwk(kid, pem) for kid, pem in self._newest(company)]}

    def sign(self, company: str, claims: Document, kind: str = "JWT") -> str:
        """Return claims as a token, signed with the key of now."""
        kid, pem = self._newest(company)[0]
        text = f"{_part({'alg': 'RS256', 'kid': kid, 'typ': kind})}.{_part(claims)}"
        signature = _load(pem).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_text(signature)}"

    def _newest(self, company: str) -> list[tuple[str, str]]:
        with self._store.transaction():  # of two first callers, one makes the key
            if not self._store.keys(company, 1):
                self.rotate(company)
            return self._store.keys(company, PUBLISHED)


def _load(pem: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


def _jwk(kid: str, pem: str) -> Document:
    numbers = _load(pem).public_key().public_numbers()
    n, e = (_text(one.to_bytes((one.bit_length() + 7) // 8)) for one in (numbers.n, numbers.e))
    return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e}


def _part(content: Document) -> str:
    return _text(json.dumps(content, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
