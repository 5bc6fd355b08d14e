"""Create and edit web chats."""

import secrets
from collections.abc import Iterable
from uuid import UUID

from channels_app.web_chat.settings import origins
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.errors import Invalid

ORIGINS_AT_MOST = 50


def save_widget(
    *,
    actor: Actor,
    name: str,
    websites: str,
    greeting: str | None = None,
    is_active: bool = True,
    account_id: UUID | None = None,
) -> ChannelAccount:
    """Save a web chat. Needs `channels_app.change_channelaccount`; raises `NotFound`, and `Invalid` for an origin."""
    return accounts.save_widget(
        actor=actor,
        account_id=account_id,
        name=name,
        origins=checked_origins(websites.split("\n")),
        greeting=greeting,
        is_active=is_active,
    )


def checked_origins(websites: Iterable[str]) -> list[str]:
    """Return the origins of websites. Raises `Invalid` with the field `websites`."""
    lines = [line.strip() for line in websites if line.strip()]
    strange = [line for line in lines if not origins.normalise(line)]
    if strange or len(lines) > ORIGINS_AT_MOST:
        words = (
            f"This isn't a website address: {strange[0][:80]}" if strange else f"At most {ORIGINS_AT_MOST} websites."
        )
        raise Invalid(
            words,
            fields={
                "websites": [
                    f"{words}. Enter it as the browser shows it, without a path, such as https://shop.example."
                ]
            },
        )
    return [line.rstrip("/") for line in lines]


def new_identity_secret(*, actor: Actor, account_id: UUID) -> str:
    """Return a web chat's new identity secret. Needs `channels_app.change_channelaccount`; raises `NotFound`."""
    secret = secrets.token_urlsafe(32)
    accounts.keep_identity_secret(actor=actor, account_id=account_id, secret=secret)
    return secret
