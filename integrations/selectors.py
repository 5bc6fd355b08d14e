"""Reading a tenant's provider accounts."""

from typing import Any

from core.errors import Unavailable
from integrations.models import ProviderAccount


def get_credentials(*, provider: str) -> dict[str, Any]:
    """Return the credentials of the tenant's active account, for our own clients only.

    Raises Unavailable `not_connected` without one; there is no fallback to another account.
    """
    account = ProviderAccount.objects.filter(provider=provider, is_active=True).first()
    if account is None or not account.credentials:
        raise Unavailable(f"Your organisation has no active {provider} account.", code="not_connected")
    return dict(account.credentials)
