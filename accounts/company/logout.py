"""Back-channel logout: the provider says that a person or a session is over, and all that it opened ends."""

from typing import Final

from django.core.cache import cache
from django.db import transaction
from redis import RedisError

from accounts.company import protocol
from accounts.company.people import ACTOR, digest_of_subject
from accounts.company.protocol import SignInFailed
from accounts.models import CompanySession, Identity, IdentityProvider, TokenFamily
from accounts.sessions import company, families
from core.audit import chain
from core.observability.logging import get_logger
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import current_tenant_id

log = get_logger(__name__)
REMEMBERED: Final = 2 * (protocol.FRESH + protocol.LEEWAY).total_seconds()


def end_by_provider(provider: IdentityProvider, token: str) -> int:
    """End what a logout token names, and the person's devices on the API; return how many sessions ended.

    Pages close at once. Open to the provider (outside calls); a token counts once. Raises `SignInFailed`. Writes
    `COMPANY_SESSIONS_ENDED` for each person.
    """
    claims = protocol.read_logout_token(provider, token)
    if not is_first(claims["jti"]):
        raise SignInFailed("token_wrong", "It was used before (jti).")
    sessions = CompanySession.objects.filter(provider=provider)
    people = Identity.objects.filter(issuer=provider.issuer)
    if isinstance(claims.get("sid"), str):
        sessions = sessions.filter(sid=company.digest_of_sid(provider.issuer, claims["sid"]))
        people = people.filter(sessions__in=sessions)
    if isinstance(claims.get("sub"), str):
        people = people.filter(subject=digest_of_subject(provider.issuer, claims["sub"]))
    ended = 0
    for identity in people.order_by("pk").distinct():
        with transaction.atomic():
            count = company.end(sessions.filter(identity=identity))
            devices = families.end(identity.user_id, TokenFamily.End.COMPANY)
            if count or devices:
                chain.note(ACTOR, "COMPANY_SESSIONS_ENDED", identity, sessions=count, devices=devices)
            ended += count
    return ended


def is_first(jti: str) -> bool:
    """Return True to the first of several tokens with an id. While nothing can be kept, ending comes first."""
    try:
        key = f"{current_tenant_id().hex}:company-logout:{digest_of_secret(jti)}"
        return bool(cache.add(key, 1, timeout=REMEMBERED))
    except RedisError:
        log.warning("logout_not_counted")
        return True
