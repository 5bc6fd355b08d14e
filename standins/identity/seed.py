"""The demo's companies as their identity provider and directory know them: people, groups, and the app."""

import hashlib
import uuid
from typing import Final

COMPANIES: Final = {"acme": "Acme Shoes", "globex": "Globex Travel"}
# The part of the address before the @, first and last name, groups. The last one of each is new in the company.
PEOPLE: Final[dict[str, tuple[tuple[str, str, str, tuple[str, ...]], ...]]] = {
    "acme": (
        ("owner", "Olivia", "Berg", ()),
        ("admin", "Adam", "Kraus", ("walker-admins",)),
        ("approver", "Anna", "Lindqvist", ("walker-approvers",)),
        ("approver2", "Ben", "Okafor", ("walker-approvers",)),
        ("support", "Sam", "Rossi", ("walker-support",)),
        ("compliance", "Clara", "Novak", ("walker-compliance",)),
        ("viewer", "Victor", "Haas", ()),
        ("marketing", "Mia", "Santos", ("walker-support",)),
        ("nora.vogel", "Nora", "Vogel", ("walker-support",)),
    ),
    "globex": (
        ("owner", "Grace", "Hill", ()),
        ("admin", "George", "Park", ("walker-admins",)),
        ("approver", "Gina", "Moretti", ("walker-approvers",)),
        ("support", "Gus", "Adeyemi", ("walker-support",)),
        ("compliance", "Greta", "Ono", ("walker-compliance",)),
        ("viewer", "Gil", "Farkas", ()),
        ("marketing", "Gemma", "Diaz", ("walker-support",)),
        ("noah.ruiz", "Noah", "Ruiz", ("walker-support",)),
    ),
}
# What the lines of *Roles and teams by group* say of them in the product.
GROUPS: Final = {
    "walker-admins": "admin",
    "walker-approvers": "approver",
    "walker-compliance": "compliance",
    "walker-support": "support",
}
LINES: Final = "\n".join(f"{group} = {role}" for group, role in GROUPS.items())


def lasting_id(*words: str) -> str:
    """Return an id that is the same in each installation."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, ":".join(("identity", *words))))


def object_id(person: str) -> str:
    """Return the claim `oid` of a person, which Microsoft Entra pushes; `sub` is another id, as there."""
    return lasting_id("oid", person)


def client_id(slug: str) -> str:
    """Return the id of the app that is registered for the product."""
    return f"walker-{slug}"


def client_secret(slug: str, secret: str) -> str:
    """Return the app's secret, derived from the secret shared with the installation."""
    return hashlib.sha256(f"{secret}:{slug}:identity".encode()).hexdigest()[:40]
