"""The demo's portals: a key, two secrets and two customers for each organisation."""

import base64
import hashlib
from dataclasses import dataclass, field

CAST = {
    "acme": ("Acme Shoes portal", {"c-1001": "Ana Souza", "c-1002": "Tilda Brook"}),
    "globex": ("Globex Travel portal", {"c-1001": "Maren Holt", "c-1002": "Dev Patel"}),
}


@dataclass(frozen=True)
class Company:
    """One company's portal."""

    slug: str
    name: str
    customers: dict[str, str]
    token_secret: str = field(repr=False)
    signing_secret: str = field(repr=False)
    events_secret: str = field(repr=False)

    @property
    def path(self) -> str:
        """Return the path of the product's door for this portal."""
        return f"/channels/app/{app_key(self.slug)}/messages/"


def app_key(slug: str) -> str:
    """Return the key in the door's address; fixed, so that both sides know it."""
    return f"{slug}-portal"


def token_secret(slug: str, secret: str) -> str:
    """Return the secret that signs customers' tokens, derived from the one shared with the installation."""
    return hashlib.sha256(f"{secret}:{slug}:tokens".encode()).hexdigest()


def signing_secret(slug: str, secret: str) -> str:
    """Return the secret that verifies webhooks."""
    digest = hashlib.sha256(f"{secret}:{slug}:webhooks".encode()).digest()
    return "whsec_" + base64.b64encode(digest).decode()


def events_secret(slug: str, secret: str) -> str:
    """Return the secret that verifies webhooks about events."""
    digest = hashlib.sha256(f"{secret}:{slug}:events".encode()).digest()
    return "whsec_" + base64.b64encode(digest).decode()


def demo_companies(secret: str) -> list[Company]:
    """Return the demo's portals."""
    return [
        Company(
            slug, name, customers, token_secret(slug, secret), signing_secret(slug, secret), events_secret(slug, secret)
        )
        for slug, (name, customers) in CAST.items()
    ]
