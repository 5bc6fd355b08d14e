"""Connect a tenant's numbers and mailboxes, and record their last error."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from conversations import registry
from conversations.models import ChannelAccount
from conversations.texts import clean
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.locks import locked
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.privacy.encryption import derive_key, lasting_key_id
from core.privacy.pii import mask_text
from core.reach import channels
from core.reliability import limits

_PURPOSE = "lookup|conversations_channelaccount"


class ChannelLimit(limits.Limit):
    """Channels that are switched on."""

    label, unit, is_counted = "Channels", "channels", True
    way_out = "Switch a channel off first, or ask your operator for a larger tier."

    def used(self) -> int:
        """Count the rows: they are few."""
        return ChannelAccount.objects.filter(is_active=True).count()


limits.kinds.register("channels", ChannelLimit)


def make_room(account: ChannelAccount | None, *, is_active: bool) -> None:
    """Raise `Conflict` ("limit_reached") where one more channel, new or off till now, would be too many.

    In the caller's transaction.
    """
    if is_active and (account is None or not account.is_active):
        limits.refuse_reached("channels")


def lookup_digest(*, kind: str, provider_account: str, address: str) -> str:
    """Return the keyed digest by which a webhook finds its account and tenant."""
    key = derive_key(_PURPOSE, key_id=lasting_key_id())
    named = "\n".join((kind, provider_account, address))
    return hmac.new(key, named.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def provider_digest(*, provider: str, provider_account: str) -> str:
    """Return the keyed digest that a provider's whole account shares; "" without one."""
    return lookup_digest(kind=provider, provider_account=provider_account, address="") if provider_account else ""


def connect_channel(
    *,
    actor: Actor,
    kind: str,
    provider: str,
    name: str,
    address: str,
    provider_account: str,
    credentials: Mapping[str, Any],
    account_id: UUID | None = None,
) -> ChannelAccount:
    """Create or change a channel account and return it.

    Its credentials are replaced as a whole. An actor who changes them may not approve requests made through the
    account, because they could write in anyone's name. Without an id the account is found by kind and address; it may
    move to another provider. A new account that misses a credential stays switched off. Needs
    `channels_app.change_channelaccount`; raises `Invalid` for a pair that no channel has, `NotFound`, and `Conflict`
    when another account has the address, or for one too many ("limit_reached").
    """
    actor.require("channels_app.change_channelaccount")
    if (kind, provider) not in channels.pairs:
        raise Invalid("This kind of channel doesn't exist.", fields={"kind": ["Choose a kind that Walker supports."]})
    facts = {
        "provider": provider,
        "name": name,
        "address": address,
        "credentials": dict(credentials),
        "lookup_digest": lookup_digest(kind=kind, provider_account=provider_account, address=address),
        "provider_digest": provider_digest(provider=provider, provider_account=provider_account),
        "last_error": "",
        "last_error_at": None,
    }
    try:
        with transaction.atomic():
            account, old_state = _write(kind, account_id, facts, actor.user_id)
            state = {"old_state": old_state, "new_state": "active" if account.is_active else "closed"}
            chain.note(actor, "CHANNEL_CONNECTED", account, **state, kind=kind, provider=provider)
    except IntegrityError:
        raise Conflict(
            "Another channel already uses this address.", fields={"address": ["This address is already in use."]}
        ) from None
    return account


def _write(
    kind: str, account_id: UUID | None, facts: dict[str, Any], keeper: UUID | None
) -> tuple[ChannelAccount, str]:
    rows = ChannelAccount.objects.select_for_update().filter(kind=kind)
    account: ChannelAccount | None
    if account_id is None:
        account = rows.filter(address=facts["address"]).first()
    else:
        account = get_or_missing(rows.filter(pk=account_id), "There is no such channel account.")
    knows = [keeper] if keeper else []
    is_complete = not _missing(kind, facts)
    if account is None:
        make_room(None, is_active=is_complete)
        return ChannelAccount.objects.create(kind=kind, keepers=knows, is_active=is_complete, **facts), ""
    was_complete = not _missing(kind, {"provider": account.provider, "credentials": account.credentials})
    # What was missing has come, or is missing now; a channel that somebody switched off stays off.
    facts = facts | {"is_active": is_complete and (account.is_active or not was_complete)}
    make_room(account, is_active=facts["is_active"])
    if facts["credentials"] != account.credentials:
        # A secret that an earlier keeper knows may still be valid.
        facts = facts | {"keepers": sorted({*account.keepers, *knows})}
    for field, value in facts.items():
        setattr(account, field, value)
    account.save(update_fields=list(facts))
    return account, "active"


def _missing(kind: str, facts: Mapping[str, Any]) -> str:
    """Return the credential without which an account can't be switched on, or ""."""
    if not registry.has_transport(kind, facts["provider"]):
        return ""
    return registry.transport_for(kind, facts["provider"]).missing_for_activation(facts["credentials"] or {})


def note_trouble(*, account_id: UUID, code: str) -> None:
    """Record the code of a channel account's last error; for channels."""
    ChannelAccount.objects.filter(pk=account_id).update(last_error=code[:60], last_error_at=now())


def clear_trouble(*, account_id: UUID, prefix: str = "") -> None:
    """Clear the last error of a channel account that works again.

    With a prefix only an error whose code begins so: mail that arrives shows nothing about mail that leaves.
    """
    troubled = ChannelAccount.objects.filter(pk=account_id, last_error__startswith=prefix).exclude(last_error="")
    troubled.update(last_error="", last_error_at=None)


def note_tested(*, account_id: UUID) -> None:
    """Record that a test message left a channel account, which clears its last error."""
    ChannelAccount.objects.filter(pk=account_id).update(last_error="", last_error_at=None, tested_at=now())


def pause_channel(*, actor: Actor, account_id: UUID, paused: bool, reason: str = "") -> ChannelAccount:
    """Pause a channel account, or resume it, and return it. Safe to repeat.

    Messages to its customers wait while it is paused. Needs `channels_app.change_channelaccount`; raises
    `NotFound`, and `Invalid` for a pause without a reason.
    """
    actor.require("channels_app.change_channelaccount")
    if paused and not reason.strip():
        raise Invalid("Say why you pause this channel.", fields={"reason": ["Enter a reason."]})
    with transaction.atomic():
        account = locked(ChannelAccount, account_id, "There is no such channel account.")
        if paused == (account.paused_at is not None):
            return account
        account.paused_at, account.pause_reason = (now(), clean(reason).strip()[:200]) if paused else (None, "")
        account.save(update_fields=["paused_at", "pause_reason"])
        action = "CHANNEL_PAUSED" if paused else "CHANNEL_RESUMED"
        chain.note(actor, action, account, reason=mask_text(account.pause_reason))
    return account
