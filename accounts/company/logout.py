"""Back-channel logout: the provider says that a person or a session is over, and all that it opened ends."""

from typing import Final

from django.db import transaction

from accounts.company import protocol
from accounts.company.people import ACTOR, digest_of_subject
from accounts.company.protocol import SignInFailed
from accounts.models import CompanySession, Identity, IdentityProvider, TokenFamily
from accounts.sessions import company, families
from core.audit import chain

REMEMBERED: Final = 2 * (protocol.FRESH + protocol.LEEWAY).total_seconds()


def end_by_provider(provider: IdentityProvider, token: str) -> None:
    """End what a logout token names, and the person's devices on the API.

    Pages close at once. Open to the provider (outside calls); a token counts once. Raises `SignInFailed`. Writes
    `COMPANY_SESSIONS_ENDED` for each person.
    """
    claims = protocol.read_logout_token(protocol.client_of(provider), token)
    # While nothing can be counted, ending comes first.
    if not protocol.is_first("logout", claims["jti"], seconds=REMEMBERED):
        raise SignInFailed("token_wrong", "It was used before (jti).")
    sessions = CompanySession.objects.filter(provider=provider)
    people = Identity.objects.filter(issuer=provider.issuer)
    if isinstance(claims.get("sid"), str):
        sessions = sessions.filter(sid=company.digest_of_sid(provider.issuer, claims["sid"]))
        people = people.filter(sessions__in=sessions)
    if isinstance(claims.get("sub"), str):
        people = people.filter(subject=digest_of_subject(provider.issuer, claims["sub"]))
    for identity in people.order_by("pk").distinct():
        with transaction.atomic():
            count = company.end(sessions.filter(identity=identity))
            devices = families.end(identity.user_id, TokenFamily.End.COMPANY)
            if count or devices:
                chain.note(ACTOR, "COMPANY_SESSIONS_ENDED", identity, sessions=count, devices=devices)
