"""What may be entered as the address and the key of a server of the organisation's choice, and who entered it."""

from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from core import http
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
    if problem := http.url_problem(address, example, limit=URL_LIMIT, own_hosts=settings.MODEL_HOSTS):
        return problem
    return "Leave out parameters." if urlsplit(address).query else ""


def with_editor(people: list[UUID], actor: Actor) -> list[UUID]:
    """Return who entered it, with the actor."""
    return [*people, actor.user_id] if actor.user_id and actor.user_id not in people else people
