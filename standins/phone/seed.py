"""The demo's accounts: one number per organisation, and the phones of people who write to it."""

import hashlib

from standins.phone.store import Account

# Numbers that the British regulator reserves for fiction.
CAST = {
    "acme": (
        "Acme Shoes",
        "whatsapp:+447700900001",
        {"whatsapp:+447700900101": "Mia Santos (marketing)", "whatsapp:+447700900102": "Jonas, a customer"},
    ),
    "globex": (
        "Globex Travel",
        "whatsapp:+447700900002",
        {"whatsapp:+447700900201": "Gemma Diaz (marketing)", "whatsapp:+447700900202": "Lena, a customer"},
    ),
}


def account_sid(slug: str) -> str:
    """Return the account's id; fixed, so that the product's demo knows it."""
    return "AC" + hashlib.sha256(f"sandbox-{slug}".encode()).hexdigest()[:32]


def template_sid(slug: str) -> str:
    """Return the id of the account's only approved template."""
    return "HX" + hashlib.sha256(f"sandbox-{slug}-update".encode()).hexdigest()[:32]


def auth_token(slug: str, secret: str) -> str:
    """Return the account's auth token, derived from the secret shared with the installation."""
    return hashlib.sha256(f"{secret}:{slug}".encode()).hexdigest()[:32]


def demo_accounts(secret: str) -> list[Account]:
    """Return the demo's accounts."""
    return [
        Account(
            sid=account_sid(slug),
            token=auth_token(slug, secret),
            name=name,
            address=address,
            people=people,
            templates={template_sid(slug): "News about your request: {{1}}"},
        )
        for slug, (name, address, people) in CAST.items()
    ]
