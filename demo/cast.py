"""The demo's two organisations and their people."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Person:
    """One member of a demo organisation; `key` is the part before the @ of the address."""

    key: str
    first_name: str
    last_name: str
    role: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """One demo tenant."""

    slug: str
    name: str
    timezone: str
    currency: str
    audience: str
    order_prefix: str
    people: tuple[Person, ...]

    def email(self, key: str) -> str:
        """Return a member's address; the domain is reserved for examples."""
        return f"{key}@{self.slug}.example"


MARKETER: Final = "marketing"

ACME: Final = Organisation(
    slug="acme",
    name="Acme Shoes",
    timezone="Europe/Berlin",
    currency="EUR",
    audience="VIP customers",
    order_prefix="AC",
    people=(
        Person("owner", "Olivia", "Berg", "owner"),
        Person("admin", "Adam", "Kraus", "admin"),
        Person("approver", "Anna", "Lindqvist", "approver"),
        Person("approver2", "Ben", "Okafor", "approver"),
        Person("support", "Sam", "Rossi", "support"),
        Person("compliance", "Clara", "Novak", "compliance"),
        Person("viewer", "Victor", "Haas", "viewer"),
        Person(MARKETER, "Mia", "Santos", "support"),
    ),
)
GLOBEX: Final = Organisation(
    slug="globex",
    name="Globex Travel",
    timezone="America/New_York",
    currency="USD",
    audience="Paying customers",
    order_prefix="GT",
    people=(
        Person("owner", "Grace", "Hill", "owner"),
        Person("admin", "George", "Park", "admin"),
        Person("approver", "Gina", "Moretti", "approver"),
        Person("support", "Gus", "Adeyemi", "support"),
        Person("compliance", "Greta", "Ono", "compliance"),
        Person("viewer", "Gil", "Farkas", "viewer"),
        Person(MARKETER, "Gemma", "Diaz", "support"),
    ),
)
ORGANISATIONS: Final = (ACME, GLOBEX)
