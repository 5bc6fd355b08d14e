"""A company's own app as a channel: name, websites, and the secret by which it vouches for its customers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from conversations.channel_accounts.accounts import make_room
from conversations.models import ChannelAccount
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Refused

CHANGE: Final = "channels_app.change_channelaccount"
APP: Final = ChannelAccount.Kind.APP
OVERLAP: Final = timedelta(hours=24)
"""For how long tokens signed with the previous secret still count."""


def save_app(
    *, actor: Actor, name: str, origins: Sequence[str] = (), is_active: bool = True, account_id: UUID | None = None
) -> ChannelAccount:
    """Create an app's channel account, or change the one with the id, and return it.

    Needs `channels_app.change_channelaccount`; raises `NotFound`, and `Conflict` for one too many ("limit_reached").
    """
    actor.require(CHANGE)
    with transaction.atomic():
        account = _locked(account_id) if account_id else ChannelAccount(kind=APP, provider=ChannelAccount.Provider.APP)
        make_room(account if account_id else None, is_active=is_active)
        old_state = _state(account) if account_id else ""
        account.name, account.origins, account.is_active = name, list(origins), is_active
        account.save()
        _record(actor, "CHANNEL_CONNECTED", account, old_state)
    return account


def keep_token_secret(*, actor: Actor, account_id: UUID, secret: str) -> None:
    """Replace the secret that signs customers' tokens.

    The previous one counts for `OVERLAP`. The actor could sign as any customer, so they may not approve requests made
    through this app. Needs `channels_app.change_channelaccount`; raises `NotFound`.
    """
    actor.require(CHANGE)
    with transaction.atomic():
        account = _locked(account_id)
        kept = account.credentials or {}
        fresh: dict[str, Any] = {**kept, "token_secret": secret}
        if kept.get("token_secret"):
            fresh["older_token_secret"] = kept["token_secret"]
            fresh["older_until"] = (clock_now() + OVERLAP).isoformat()
        account.credentials = fresh
        # Those who know the previous secret stay: it still counts for a day.
        account.keepers = sorted({*account.keepers, *([actor.user_id] if actor.user_id else [])})
        account.save(update_fields=["credentials", "keepers"])
        _record(actor, "CHANNEL_SECRET_REPLACED", account, _state(account))


def note_keeper(*, actor: Actor, account_id: UUID) -> None:
    """Note that the owner of an API key delivers an app's messages.

    They could write in any customer's name, so they may not approve requests made through this app.
    Needs `channels_app.deliver_message`; raises `NotFound`.
    """
    actor.require("channels_app.deliver_message")
    if actor.user_id is None:
        raise Refused
    with transaction.atomic():
        account = _locked(account_id)
        if actor.user_id in account.keepers:
            return
        account.keepers = sorted({*account.keepers, actor.user_id})
        account.save(update_fields=["keepers"])
        _record(actor, "CHANNEL_KEEPER_NOTED", account, _state(account))


def _state(account: ChannelAccount) -> str:
    return "active" if account.is_active else "closed"


def _locked(account_id: UUID) -> ChannelAccount:
    return locked(ChannelAccount, account_id, "There is no such app.", kind=APP)


def _record(actor: Actor, action: str, account: ChannelAccount, old_state: str) -> None:
    chain.note(actor, action, account, old_state=old_state, new_state=_state(account), kind=account.kind)
