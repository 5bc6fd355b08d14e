"""API key look-ups: the key's tenant, then its actor."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from accounts.models import ApiKey
from accounts.services import KEY_PREFIX, actor_for_user
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Refused
from core.privacy.encryption import digest_of_secret
from core.tenancy import lookups

_USE_RECORDED_EVERY: Final = timedelta(minutes=1)


def tenant_of_key(secret: str) -> UUID | None:
    """Return the tenant of a key that isn't revoked, or None. Works outside a tenant scope."""
    if not secret.startswith(KEY_PREFIX):
        return None
    rows = lookups.find("api_key", digest_of_secret(secret))
    return rows[0]["tenant_id"] if rows else None


def actor_of_key(secret: str, *, address: str = "", user_agent: str = "", now: datetime | None = None) -> Actor:
    """Return the key's owner limited to its scopes; raises `Refused` for an expired or revoked key."""
    key = ApiKey.objects.select_related("user").filter(digest=digest_of_secret(secret)).first()
    moment = now or clock_now()
    if key is None or key.revoked_at or key.expires_at <= moment:
        raise Refused("This API key isn't valid.", code="bad_key")
    owner = actor_for_user(key.user, address=address, user_agent=user_agent, auth_strength="api_key")
    if key.last_used_at is None or moment - key.last_used_at >= _USE_RECORDED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=moment)
    return owner.limited_to(frozenset(key.scopes))
