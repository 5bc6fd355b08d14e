"""The demo's accounts: an API key, a sender and a signing key for each organisation."""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
# Below the order of the curve, so that every digest cut to it is a private key.
BITS = 248
CAST = {
    "acme": ("Acme Shoes", "desk@acme.example", "Acme desk"),
    "globex": ("Globex Travel", "desk@globex.example", "Globex desk"),
    "walker": ("The installation", "walker@walker.example", "Walker"),
}
INSTALLATION = "walker"
"""Whose account has no webhook: mail that no organisation's account may carry."""


@dataclass(frozen=True)
class Account:
    """One SendGrid account with one verified sender, and where its events go."""

    slug: str
    name: str
    sender: str
    api_key: str = field(repr=False)
    signing_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def reports(self) -> bool:
        """Whether somebody wants to hear what becomes of its mails."""
        return self.slug != INSTALLATION

    @property
    def path(self) -> str:
        """Where the product takes this account's events."""
        return f"/channels/email/{door_key(self.slug)}/events/"


def door_key(slug: str) -> str:
    """The public key in the address of the account's webhook: fixed, so that both sides know it."""
    return f"{slug}-mail"


def api_key(slug: str, secret: str) -> str:
    """The account's API key, made of the secret that the installation shares with its stand-in."""
    return "SG." + hashlib.sha256(f"{secret}:{slug}:mail".encode()).hexdigest()


def signing_key(slug: str, secret: str) -> ec.EllipticCurvePrivateKey:
    """The key that signs the account's events."""
    digest = hashlib.sha256(f"{secret}:{slug}:events".encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest[: BITS // 8]) + 1, CURVE)


def verification_key(slug: str, secret: str) -> str:
    """What a customer copies into the product: the public key as the vendor shows it."""
    public = signing_key(slug, secret).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def demo_accounts(secret: str) -> list[Account]:
    """All accounts."""
    return [
        Account(slug, name, sender, api_key(slug, secret), signing_key(slug, secret))
        for slug, (name, sender, _) in CAST.items()
    ]
