"""What may be entered as the address and the key of a server of the organisation's choice, and who entered it."""

from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from core.actors import Actor

URL_LIMIT: Final = 300
KEY_LIMIT: Final = 400


def key_problem(key: str) -> str:
    """Return why a key can't be used, or ""."""
    if not key.isascii() or not key.isprintable() or " " in key:
        return "A key has no spaces and no special characters."
    return f"Use at most {KEY_LIMIT} characters." if len(key) > KEY_LIMIT else ""


def url_problem(address: str, example: str) -> str:
    """Return why an address can't be used; whether its host is public is checked at each call."""
    if len(address) > URL_LIMIT or not address.isascii() or not address.isprintable() or " " in address:
        return f"Use at most {URL_LIMIT} ASCII characters, without spaces."
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return f"Enter it as {example}."
    is_own = host in settings.MODEL_HOSTS
    if not host or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not is_own):
        return f"Enter it as {example}."
    if parts.username is not None or parts.password is not None or parts.fragment or parts.query:
        return "Leave out user names, passwords, parameters and fragments."
    return ""


def with_editor(people: list[UUID], actor: Actor) -> list[UUID]:
    """Return who entered it, with the actor."""
    return [*people, actor.user_id] if actor.user_id and actor.user_id not in people else people
