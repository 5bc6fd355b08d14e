"""Find a tenant's numbers by Twilio account and address, before the tenant is known."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from channels_app.kit.found import Found
from channels_app.kit.phones.numbers import PREFIX
from channels_app.twilio.signature import Secrets
from conversations.models import ChannelAccount
from conversations.services.accounts import lookup_digest, provider_digest

PROVIDER: Final = ChannelAccount.Provider.TWILIO
MMS: Final = "mms"
"""The setting of a number that can send files by SMS."""


@dataclass(frozen=True, slots=True)
class Number:
    """One active number of a tenant as its webhook needs it."""

    tenant_id: UUID
    account_id: UUID
    secrets: Secrets = field(default_factory=Secrets, repr=False)


def split_address(address: str) -> tuple[str, str]:
    """Return the kind of channel and the bare address. WhatsApp's have a prefix, SMS has none."""
    if address.startswith(PREFIX):
        return str(ChannelAccount.Kind.WHATSAPP), address.removeprefix(PREFIX)
    return str(ChannelAccount.Kind.SMS), address


def find_numbers(account_sid: str, address: str) -> list[Number]:
    """Return the active numbers with this address. It is usually one, more when tenants share or claim it."""
    kind, bare = split_address(address)
    return _numbers.all(lookup_digest(kind=kind, provider_account=account_sid, address=bare))


def find_accounts(account_sid: str) -> list[Number]:
    """Return active numbers of a Twilio account, of all tenants that share or claim it.

    Only the oldest of those with the same secret, as numbers of one account usually have: a request is compared with
    each secret once.
    """
    found = _accounts.all(provider_digest(provider=PROVIDER, provider_account=account_sid))
    newest_first = sorted(found, key=lambda number: number.account_id, reverse=True)
    return list({(number.tenant_id, number.secrets): number for number in newest_first}.values())


def _read(tenant_id: UUID, account_id: UUID) -> Number | None:
    account = ChannelAccount.objects.filter(pk=account_id, provider=PROVIDER, is_active=True).first()
    return None if account is None else Number(tenant_id, account.pk, secrets_of(account.credentials))


_numbers: Final = Found("channel", _read)
_accounts: Final = Found("provider_account", _read)


def secrets_of(credentials: dict[str, Any] | None) -> Secrets:
    """Return the secrets that may sign this number's webhooks, the current ones first."""
    kept = credentials or {}
    return Secrets(
        tokens=_filled(kept, "auth_token", "secondary_auth_token"),
        keys=_filled(kept, "webhook_key", "secondary_webhook_key"),
    )


def _filled(kept: dict[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(text for name in names if (text := str(kept.get(name) or "").strip()))
