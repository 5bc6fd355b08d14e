"""Find a tenant's Cloud API numbers by the key in a webhook's address and by phone number ID."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from channels_app.kit.found import Found
from conversations.models import ChannelAccount

PROVIDER: Final = ChannelAccount.Provider.CLOUD
SECRETS: Final = ("app_secret", "secondary_app_secret")


@dataclass(frozen=True, slots=True)
class Number:
    """One active number, with the app secrets that may prove its webhooks."""

    account_id: UUID
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """What one webhook address stands for: its account, and all numbers of the same tenant."""

    tenant_id: UUID
    account_id: UUID
    verify_token: str = field(repr=False)
    secrets: frozenset[str] = field(repr=False)
    numbers: Mapping[str, Number] = field(repr=False)

    def number_of(self, phone_number_id: str, proven: frozenset[str]) -> Number | None:
        """Return the number of an element, if one of its own secrets proved the request."""
        number = self.numbers.get(phone_number_id)
        return number if number is not None and number.secrets & proven else None


def find_address(key: str) -> Address | None:
    """Return what an address stands for; None for an unknown or inactive account."""
    return _addresses.first(key)


def _read(tenant_id: UUID, account_id: UUID) -> Address | None:
    accounts = list(ChannelAccount.objects.filter(provider=PROVIDER, is_active=True).order_by("id"))
    own = next((account for account in accounts if account.pk == account_id), None)
    if own is None:
        return None
    numbers = {phone_number_id_of(one.credentials): Number(one.pk, secrets_of(one.credentials)) for one in accounts}
    kept = own.credentials or {}
    return Address(tenant_id, own.pk, str(kept.get("verify_token") or ""), secrets_of(kept), numbers)


_addresses: Final = Found("account_by_key", _read)


def phone_number_id_of(credentials: Mapping[str, Any] | None) -> str:
    """Return Meta's id of a number."""
    return str((credentials or {}).get("phone_number_id") or "")


def secrets_of(credentials: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the app secrets that may prove a webhook, also while they are rotated."""
    kept = credentials or {}
    return frozenset(text for name in SECRETS if (text := str(kept.get(name) or "").strip()))
