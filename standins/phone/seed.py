"""The demo's accounts: one number for each organisation, and the phones of people who write to it."""

import hashlib

from standins.phone.store import Account

# Numbers set apart for fiction by the British regulator.
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
    """The account's id: fixed, so that the product's demo can name it."""
    return "AC" + hashlib.sha256(f"sandbox-{slug}".encode()).hexdigest()[:32]


def template_sid(slug: str) -> str:
    """The id of the account's one approved template."""
    return "HX" + hashlib.sha256(f"sandbox-{slug}-update".encode()).hexdigest()[:32]


def auth_token(slug: str, secret: str) -> str:
    """The account's auth token, made of the secret that the installation shares with its stand-in."""
    return hashlib.sha256(f"{secret}:{slug}".encode()).hexdigest()[:32]


def demo_accounts(secret: str) -> list[Account]:
    """All accounts."""
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
