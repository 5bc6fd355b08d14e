"""Access tokens (JWT, RS256): issue one, and find out who it stands for now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import jwt
from django.conf import settings
from jwt.types import Options

from accounts.services import FACTOR_LIFE, actor_for_user
from accounts.sessions import families
from accounts.tokens import keys
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Refused

LIFE: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=30)
"""The difference between clocks that is allowed."""
SECOND_FACTOR: Final = "otp"
_OPTIONS: Final[Options] = {"require": ["iss", "aud", "sub", "tenant", "sid", "jti", "iat", "exp"]}


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a valid access token says; who may do what is read from the rows."""

    tenant_id: UUID
    family_id: UUID
    person_id: UUID
    strength: str
    since: datetime


def audience() -> str:
    """Return the audience of our access tokens: the API of this installation."""
    return f"{settings.PUBLIC_URL}/api/"


def issue(grant: families.Grant, *, now: datetime | None = None) -> tuple[str, datetime]:
    """Return an access token of a family and when it ends; for services that have signed the person in."""
    moment = (now or clock_now()).replace(microsecond=0)
    ends = moment + LIFE
    key_id, key = keys.signing_key()
    claims = {
        "iss": settings.PUBLIC_URL,
        "aud": audience(),
        "sub": str(grant.person_id),
        "tenant": str(grant.tenant_id),
        "sid": str(grant.family_id),
        "jti": str(uuid4()),
        "iat": moment,
        "exp": ends,
        "auth_time": int(grant.since.timestamp()),
        "amr": ["pwd", SECOND_FACTOR] if grant.strength == "mfa" else ["pwd"],
    }
    return jwt.encode(claims, key, algorithm=keys.ALGORITHM, headers={"kid": key_id}), ends


def read(token: str) -> AccessToken:
    """Return what a token says; raises `Refused` ("bad_token") for one that isn't ours or has ended. One query."""
    try:
        key = keys.public_key(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise jwt.InvalidKeyError
        claims = jwt.decode(
            token,
            key,
            algorithms=[keys.ALGORITHM],
            issuer=settings.PUBLIC_URL,
            audience=audience(),
            leeway=LEEWAY,
            options=_OPTIONS,
        )
        return AccessToken(
            tenant_id=UUID(claims["tenant"]),
            family_id=UUID(claims["sid"]),
            person_id=UUID(claims["sub"]),
            strength="mfa" if SECOND_FACTOR in claims["amr"] else "password",
            since=datetime.fromtimestamp(claims["auth_time"], UTC),
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
        raise Refused("This access token isn't valid. Refresh it, or sign in again.", code="bad_token") from None


def actor_of_token(
    token: AccessToken, *, address: str = "", user_agent: str = "", now: datetime | None = None
) -> Actor:
    """Return the person of a token with their rights of now, in the token's tenant, which is in scope.

    A second factor counts as long as in a session. Raises `Refused` if the family has ended, or the
    membership, if the role needs a second factor now and there is none, or if its sessions are over by now.
    """
    moment = now or clock_now()
    family = families.find_open(token.family_id, token.person_id, now=moment)
    if family is None:
        raise Refused("This device was signed out. Sign in again.", code="bad_token")
    age = moment - token.since
    return actor_for_user(
        family.user,
        address=address,
        user_agent=user_agent,
        auth_strength=token.strength if age < FACTOR_LIFE else "password",
        proven_lately=age < timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT),
        since=token.since,
    )
