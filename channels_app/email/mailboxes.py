"""Find a tenant's mail account by the public key in its webhook address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from conversations.models import ChannelAccount
from core.tenancy import lookups
from core.tenancy.scope import tenant_scope

KIND = ChannelAccount.Kind.EMAIL
PROVIDER = ChannelAccount.Provider.SENDGRID
CHANNEL: Final = {"kind": KIND, "provider": PROVIDER}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail account as its webhook needs it."""

    tenant_id: UUID
    account_id: UUID
    keys: tuple[str, ...] = field(default=(), repr=False)


def find_mailbox(key: str) -> Mailbox | None:
    """Return the active mail account of this key, or None."""
    if not key.isprintable():  # the database cannot hold such a key
        return None
    for row in lookups.find("widget", key):
        with tenant_scope(row["tenant_id"]):
            account = ChannelAccount.objects.filter(pk=row["id"], provider=PROVIDER, is_active=True).first()
            if account is not None:
                return Mailbox(account.tenant_id, account.pk, keys_of(account.credentials))
    return None


def keys_of(credentials: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the public keys that may verify this account's events, the current one first."""
    kept = credentials or {}
    names = ("event_public_key", "secondary_event_public_key")
    return tuple(text for name in names if (text := str(kept.get(name) or "").strip()))
