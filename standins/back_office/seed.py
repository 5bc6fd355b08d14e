"""The demo's back offices: keys of each organisation, its customers, and what they paid."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from standins.clock import now
from standins.store import Document

# customer, name, where money goes back to
Customers = dict[str, tuple[str, str]]
CAST: dict[str, tuple[str, str, Customers]] = {
    "acme": ("Acme Shoes", "EUR", {
        "c-1001": ("Ana Souza", "Card ending in 4242"),
        "c-1002": ("Tilda Brook", "Account ending in 0917"),
    }),
    "globex": ("Globex Travel", "USD", {
        "c-1001": ("Maren Holt", "Card ending in 1881"),
        "c-1002": ("Dev Patel", "Account ending in 3355"),
    }),
}  # fmt: skip
# customer, amount, description, status, days ago
PAID = (
    ("c-1001", "129.00", "Order 5001", "booked", 40),
    ("c-1001", "89.50", "Order 5017", "booked", 12),
    ("c-1001", "1499.00", "Order 5022", "pending", 1),
    ("c-1002", "219.00", "Order 5009", "booked", 25),
    ("c-1002", "54.00", "Order 5020", "failed", 3),
)


@dataclass(frozen=True)
class Company:
    """One organisation's back office: the client that reads, and the key that signs, both ways."""

    slug: str
    name: str
    currency: str
    customers: Customers
    client_id: str
    key_id: str
    client_secret: str = field(repr=False)
    key_secret: str = field(repr=False)


def _derived(slug: str, secret: str, what: str) -> str:
    return hashlib.sha256(f"{secret}:{slug}:back-office-{what}".encode()).hexdigest()


def client_id(slug: str) -> str:
    """Return the id of the client that gets tokens."""
    return f"walker-{slug}"


def key_id(slug: str) -> str:
    """Return the id of the key that signs."""
    return f"walker-{slug}-1"


def client_secret(slug: str, secret: str) -> str:
    """Return the client's secret, derived from the secret shared with the installation."""
    return _derived(slug, secret, "client")


def key_secret(slug: str, secret: str) -> str:
    """Return the secret of the key that signs."""
    return _derived(slug, secret, "key")


def demo_companies(secret: str) -> list[Company]:
    """Return the demo's back offices."""
    return [
        Company(
            slug=slug,
            name=name,
            currency=currency,
            customers=customers,
            client_id=client_id(slug),
            key_id=key_id(slug),
            client_secret=client_secret(slug, secret),
            key_secret=key_secret(slug, secret),
        )
        for slug, (name, currency, customers) in CAST.items()
    ]


def demo_transactions(company: Company) -> list[Document]:
    """Return what the company's customers paid so far, oldest first."""
    rows = []
    for number, (customer, amount, description, status, days) in enumerate(PAID, start=1):
        moment = (now() - timedelta(days=days)).isoformat(timespec="seconds")
        name, destination = company.customers[customer]
        rows.append({
            "id": f"t-{company.slug}-{number:04}", "customer": customer, "kind": "payment", "status": status,
            "amount": amount, "currency": company.currency, "description": description,
            "recipient": {"name": name, "destination": destination}, "created_at": moment, "updated_at": moment,
        })  # fmt: skip
    return sorted(rows, key=lambda row: str(row["created_at"]))
