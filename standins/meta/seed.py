"""The demo's numbers at Meta: one per organisation, the people who write to it, and its templates."""

import hashlib

from standins.meta.world import Number

# Numbers that the British regulator reserves for fiction.
CAST = {
    "acme": ("Acme Shoes", "+447700900011", {"+447700900111": "Nadia, a customer", "+447700900112": "Tom, a customer"}),
    "globex": ("Globex Travel", "+447700900012", {"+447700900211": "Iris, a customer"}),
}


def _digits(*words: str) -> str:
    return str(int(hashlib.sha256(":".join(words).encode()).hexdigest()[:12], 16)).zfill(15)[:15]


def phone_number_id(slug: str) -> str:
    """Return Meta's id of the number; fixed, so that the product's demo knows it."""
    return "1" + _digits("number", slug)


def business_account_id(slug: str) -> str:
    """Return the id of the WhatsApp business account."""
    return "2" + _digits("account", slug)


def access_token(slug: str, secret: str) -> str:
    """Return the access token, derived from the secret shared with the installation."""
    return "EAA" + hashlib.sha256(f"{secret}:{slug}:token".encode()).hexdigest()


def app_secret(slug: str, secret: str) -> str:
    """Return the app secret that proves webhooks."""
    return hashlib.sha256(f"{secret}:{slug}:app".encode()).hexdigest()[:32]


def door_key(slug: str) -> str:
    """Return the key in the webhook's address."""
    return f"{slug}-meta"


def demo_templates() -> list[dict[str, object]]:
    """Return the templates of every account: approved, paused and rejected ones."""
    rows = [
        ("update", "en", "UTILITY", "APPROVED", "News about your request: {{1}}"),
        ("update", "de", "UTILITY", "APPROVED", "Neues zu Ihrer Anfrage: {{1}}"),
        ("approval_request", "en", "UTILITY", "APPROVED", "{{1}} {{2}} Open it here: {{3}} Thank you."),
        ("sign_in_code", "en", "AUTHENTICATION", "APPROVED", "{{1}} is your code. Enter it in Walker."),
        ("order_question", "en", "UTILITY", "APPROVED", "Your question about {{1}}: {{2}} Answer here to go on."),
        ("we_are_here", "en", "UTILITY", "APPROVED", "We have news for you. Answer here, and we'll tell you more."),
        ("survey", "en", "UTILITY", "PAUSED", "How did we do with {{1}}, {{2}}?"),
        ("sale", "en", "MARKETING", "REJECTED", "Everything for {{1}} euros!"),
    ]
    return [
        {
            "id": _digits("template", name, language),
            "name": name,
            "language": language,
            "category": category,
            "status": status,
            "components": [{"type": "BODY", "text": text}],
        }
        for name, language, category, status, text in rows
    ]


def demo_numbers(secret: str) -> list[Number]:
    """Return the demo's numbers."""
    return [
        Number(
            sid=phone_number_id(slug),
            token=access_token(slug, secret),
            name=name,
            address=address,
            people=people,
            templates={},
            business_account_id=business_account_id(slug),
            app_secret=app_secret(slug, secret),
            key=door_key(slug),
        )
        for slug, (name, address, people) in CAST.items()
    ]
