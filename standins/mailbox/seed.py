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
"""The installation's own account, which has no webhook."""


@dataclass(frozen=True)
class Account:
    """One SendGrid account with one verified sender and its webhook."""

    slug: str
    name: str
    sender: str
    api_key: str = field(repr=False)
    signing_key: ec.EllipticCurvePrivateKey = field(repr=False)
    inbound_token: str = field(default="", repr=False)

    @property
    def inbound_path(self) -> str:
        """Return the path of the product's door for this account's emails."""
        return f"/channels/email/{door_key(self.slug)}.{self.inbound_token}/inbound/"

    @property
    def reports(self) -> bool:
        """Return True if events are posted for this account."""
        return self.slug != INSTALLATION

    @property
    def path(self) -> str:
        """Return the path of the product's webhook for this account."""
        return f"/channels/email/{door_key(self.slug)}/events/"


def door_key(slug: str) -> str:
    """Return the public key in the account's webhook URL; fixed, so that both sides know it."""
    return f"{slug}-mail"


def inbound_token(slug: str, secret: str) -> str:
    """Return the secret in the address to which the account's emails are posted."""
    return hashlib.sha256(f"{secret}:{slug}:inbound".encode()).hexdigest()[:32]


def inbound_domain(slug: str) -> str:
    """Return the domain whose emails are posted to the product."""
    return f"in.{slug}.example"


def api_key(slug: str, secret: str) -> str:
    """Return the account's API key, derived from the secret shared with the installation."""
    return "SG." + hashlib.sha256(f"{secret}:{slug}:mail".encode()).hexdigest()


def signing_key(slug: str, secret: str) -> ec.EllipticCurvePrivateKey:
    """Return the key that signs the account's events."""
    digest = hashlib.sha256(f"{secret}:{slug}:events".encode()).digest()
    return ec.derive_private_key(int.from_bytes(digest[: BITS // 8]) + 1, CURVE)


def verification_key(slug: str, secret: str) -> str:
    """Return the public key in the vendor's format, which a customer copies into the product."""
    public = signing_key(slug, secret).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def demo_accounts(secret: str) -> list[Account]:
    """Return the demo's accounts."""
    return [
        Account(slug, name, sender, api_key(slug, secret), signing_key(slug, secret), inbound_token(slug, secret))
        for slug, (name, sender, _) in CAST.items()
    ]
