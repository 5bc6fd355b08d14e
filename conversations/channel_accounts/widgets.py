"""Web chats of a tenant: name, websites, greeting and identity secret."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from conversations.channel_accounts.accounts import make_room
from conversations.models import ChannelAccount
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked

CHANGE: Final = "channels_app.change_channelaccount"
WEBCHAT: Final = ChannelAccount.Kind.WEBCHAT
WIDGET: Final = ChannelAccount.Provider.WIDGET


def save_widget(
    *,
    actor: Actor,
    name: str,
    origins: Sequence[str],
    greeting: str | None = None,
    is_active: bool = True,
    account_id: UUID | None = None,
) -> ChannelAccount:
    """Create a web chat, or change the one with the id, and return it.

    Other settings are kept, and the greeting too where it is None.
    Needs `channels_app.change_channelaccount`; raises `NotFound`, and `Conflict` for one too many ("limit_reached").
    """
    actor.require(CHANGE)
    with transaction.atomic():
        # Only chats that are new show colleagues' first names without being told to.
        new = ChannelAccount(kind=WEBCHAT, provider=WIDGET, credentials={"shows_people": True})
        account = _locked(account_id) if account_id else new
        make_room(account if account_id else None, is_active=is_active)
        account.name, account.origins, account.is_active = name, list(origins), is_active
        greeted = {} if greeting is None else {"greeting": greeting}
        account.credentials = {**(account.credentials or {}), **greeted}
        account.save()
        _record(actor, "CHANNEL_CONNECTED", account, websites=len(account.origins))
    return account


def keep_look(
    *, actor: Actor, account_id: UUID, look: Mapping[str, str], logo: str | None, values: Mapping[str, Any]
) -> ChannelAccount:
    """Keep how a web chat looks and what else is set for it.

    A logo of None stays, one of "" is removed. Needs `channels_app.change_channelaccount`; raises `NotFound`.
    """
    actor.require(CHANGE)
    with transaction.atomic():
        account = _locked(account_id)
        kept = account.credentials or {}
        drawn = kept.get("look", {}).get("logo", "") if logo is None else logo
        account.credentials = {**kept, **values, "look": {**look, "logo": drawn}}
        account.save(update_fields=["credentials"])
        facts = {"theme": look["theme"], "colour": look["colour"], "position": look["position"], "logo": bool(drawn)}
        _record(actor, "CHANNEL_LOOK_CHANGED", account, **facts)
    return account


def keep_form(*, actor: Actor, account_id: UUID, form: Mapping[str, Any]) -> ChannelAccount:
    """Keep the form that visitors of a web chat fill in first.

    Needs `channels_app.change_channelaccount`; raises `NotFound`.
    """
    actor.require(CHANGE)
    with transaction.atomic():
        account = _locked(account_id)
        account.credentials = {**(account.credentials or {}), "form": dict(form)}
        account.save(update_fields=["credentials"])
        asked = {name: bool(form[name]) for name in ("asks_name", "asks_email", "consent")}
        sentences = [form["consent"], *form["consents"].values()]
        wordings = [hashlib.sha256(one.encode()).hexdigest()[:16] for one in sentences if one]
        _record(actor, "CHANNEL_FORM_CHANGED", account, **asked, wordings=",".join(wordings))
    return account


def keep_identity_secret(*, actor: Actor, account_id: UUID, secret: str) -> None:
    """Replace the secret with which a host page signs its visitor's identity.

    The actor could sign as anyone, so they may not approve requests made through this web chat.
    Needs `channels_app.change_channelaccount`; raises `NotFound`.
    """
    actor.require(CHANGE)
    with transaction.atomic():
        account = _locked(account_id)
        account.credentials = {**(account.credentials or {}), "identity_secret": secret}
        # The previous secret no longer works, so only the new one's author is a keeper.
        account.keepers = [actor.user_id] if actor.user_id else []
        account.save(update_fields=["credentials", "keepers"])
        _record(actor, "CHANNEL_SECRET_REPLACED", account)


def _locked(account_id: UUID) -> ChannelAccount:
    return locked(ChannelAccount, account_id, "There is no such web chat.", kind=WEBCHAT)


def _record(actor: Actor, action: str, account: ChannelAccount, **facts: Any) -> None:
    state = "active" if account.is_active else "closed"
    chain.note(actor, action, account, new_state=state, kind=account.kind, **facts)
