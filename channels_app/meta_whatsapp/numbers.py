"""Find a tenant's Cloud API numbers by key and by phone number ID, and verify Meta's signature over the raw bytes."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from channels_app.kit.found import Found
from conversations.models import ChannelAccount

PROVIDER: Final = ChannelAccount.Provider.CLOUD
SIGNATURE_HEADER: Final = "X-Hub-Signature-256"
_PREFIX: Final = "sha256="
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


def proven_by(body: bytes, given: str, secrets: Iterable[str]) -> frozenset[str]:
    """Return the secrets that made the signature of the body; all are tried, an empty one proves nothing."""
    if not given.startswith(_PREFIX):
        return frozenset()
    wanted = given.removeprefix(_PREFIX).lower().encode("utf-8", "replace")
    made = {secret: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets if secret}
    return frozenset(secret for secret, digest in made.items() if hmac.compare_digest(digest.encode(), wanted))
