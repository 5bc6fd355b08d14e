"""The tenant's Slack workspace: found by the key in its address, or as the tenant's own."""

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


@dataclass(frozen=True, slots=True)
class Door:
    """A workspace as its incoming requests need it."""

    tenant_id: UUID
    account_id: UUID
    secrets: tuple[str, ...] = field(default=(), repr=False)


def find_door(key: str) -> Door | None:
    """Return the active workspace of this key, or None."""
    if not key.isprintable():  # the database cannot hold such a key
        return None
    for row in lookups.find("widget", key):
        with tenant_scope(row["tenant_id"]):
            account = ChannelAccount.objects.filter(pk=row["id"], kind=KIND, is_active=True).first()
            if account is not None:
                return Door(account.tenant_id, account.pk, secrets_of(account.credentials))
    return None


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
