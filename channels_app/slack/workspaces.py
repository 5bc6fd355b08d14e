"""The tenant's Slack workspace: found by the key in its address, or as the tenant's own."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from conversations.models import ChannelAccount
from core.tenancy import lookups
from core.tenancy.scope import tenant_scope
from integrations.slack.client import SlackClient

KIND: Final = ChannelAccount.Kind.SLACK
CHANGE: Final = "channels_app.change_channelaccount"
# Seconds for which a process caches workspaces, as it does with WhatsApp numbers.
REMEMBERED: Final = 2.0
KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Door:
    """A workspace as its incoming requests need it."""

    tenant_id: UUID
    account_id: UUID
    secrets: tuple[str, ...] = field(default=(), repr=False)


_cache: dict[str, tuple[float, Door]] = {}


def find_door(key: str) -> Door | None:
    """Return the active workspace of this key, or None."""
    if not key.isprintable():  # the database cannot hold such a key
        return None
    read_at, known = _cache.get(key, (0.0, None))
    if known is not None and time.monotonic() - read_at <= REMEMBERED:
        return known
    for row in lookups.find("widget", key):
        with tenant_scope(row["tenant_id"]):
            account = ChannelAccount.objects.filter(pk=row["id"], kind=KIND, is_active=True).first()
            if account is None:
                continue
            found = Door(account.tenant_id, account.pk, secrets_of(account.credentials))
        if len(_cache) >= KEPT:
            _cache.clear()
        _cache[key] = (time.monotonic(), found)
        return found
    return None


def forget() -> None:
    """Clear this process's cache."""
    _cache.clear()


def secrets_of(credentials: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the signing secrets, the current one first."""
    kept = credentials or {}
    names = ("signing_secret", "secondary_signing_secret")
    return tuple(text for name in names if (text := str(kept.get(name) or "").strip()))


def own_workspace() -> ChannelAccount | None:
    """Return the tenant's workspace if it is active and not paused. One query."""
    account: ChannelAccount | None = ChannelAccount.objects.filter(kind=KIND, is_active=True, paused_at=None).first()
    return account


def client_of(account: ChannelAccount) -> SlackClient:
    """Return a client with the workspace's bot token."""
    token = str((account.credentials or {}).get("bot_token") or "")
    return SlackClient(token, account=account.pk.hex)
