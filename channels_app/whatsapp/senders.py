"""Find a tenant's numbers by Twilio account and address, before the tenant is known."""

import time
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from accounts.models import Tenant
from channels_app.whatsapp.signature import Secrets
from conversations.models import ChannelAccount
from conversations.services import lookup_digest
from core.tenancy import lookups
from core.tenancy.scope import tenant_scope

PREFIX: Final = "whatsapp:"
PROVIDER: Final = ChannelAccount.Provider.TWILIO
KINDS: Final = (ChannelAccount.Kind.WHATSAPP, ChannelAccount.Kind.SMS)
# Seconds for which a process caches numbers: a webhook then costs one statement, and a rotated
# secret counts everywhere within seconds.
REMEMBERED: Final = 2.0
KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Number:
    """One active number of a tenant as its webhook needs it."""

    tenant_id: UUID
    account_id: UUID
    secrets: Secrets = field(default_factory=Secrets, repr=False)


_cache: dict[str, tuple[float, list[Number]]] = {}


def split_address(address: str) -> tuple[str, str]:
    """Return the kind of channel and the bare address.

    WhatsApp's have a prefix, SMS has none.
    """
    if address.startswith(PREFIX):
        return str(ChannelAccount.Kind.WHATSAPP), address.removeprefix(PREFIX)
    return str(ChannelAccount.Kind.SMS), address


def find_numbers(account_sid: str, address: str) -> list[Number]:
    """Return the active numbers with this address.

    It is usually one, more when tenants share or claim it.
    """
    kind, bare = split_address(address)
    digest = lookup_digest(kind=kind, provider_account=account_sid, address=bare)
    read_at, found = _cache.get(digest, (0.0, []))
    if time.monotonic() - read_at > REMEMBERED:
        found = []
        for row in lookups.find("channel", digest):
            with tenant_scope(row["tenant_id"]):
                account = ChannelAccount.objects.filter(pk=row["id"], provider=PROVIDER, is_active=True).first()
                if account is not None and Tenant.objects.filter(pk=account.tenant_id, is_active=True).exists():
                    found.append(Number(account.tenant_id, account.pk, secrets_of(account.credentials)))
        if found:
            if len(_cache) >= KEPT:
                _cache.clear()
            _cache[digest] = (time.monotonic(), found)
    return found


def forget() -> None:
    """Clear this process's cache of numbers."""
    _cache.clear()


def secrets_of(credentials: dict[str, Any] | None) -> Secrets:
    """Return the secrets that may sign this number's webhooks, the current ones first."""
    kept = credentials or {}
    return Secrets(
        tokens=_filled(kept, "auth_token", "secondary_auth_token"),
        keys=_filled(kept, "webhook_key", "secondary_webhook_key"),
    )


def _filled(kept: dict[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(text for name in names if (text := str(kept.get(name) or "").strip()))
