"""The demo's services: one for each organisation, with the routing key of its integration."""

import hashlib
from dataclasses import dataclass, field

CAST = {"acme": "Acme Shoes", "globex": "Globex Travel"}


@dataclass(frozen=True)
class Service:
    """One service of PagerDuty."""

    slug: str
    name: str
    routing_key: str = field(repr=False)


def routing_key(slug: str, secret: str) -> str:
    """Return the routing key, derived from the secret shared with the installation."""
    return hashlib.sha256(f"{secret}:{slug}:pagerduty".encode()).hexdigest()[:32]


def demo_services(secret: str) -> list[Service]:
    """Return the demo's services."""
    return [Service(slug, name, routing_key(slug, secret)) for slug, name in CAST.items()]
