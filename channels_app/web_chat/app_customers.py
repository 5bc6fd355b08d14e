"""Customers of a company's own app: found by its key, and signed in by a token that the app has signed."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from jwt.types import Options

from channels_app.kit.found import Found
from channels_app.web_chat import tokens
from channels_app.web_chat.settings import widgets
from channels_app.web_chat.tokens import Guest
from conversations.models import ChannelAccount
from core.clock import now as clock_now
from core.errors import Refused, Unavailable

LIFE: Final = timedelta(hours=1)
LEEWAY: Final = timedelta(seconds=30)
CUSTOMER_LIMIT: Final = 200
TOKEN_LIMIT: Final = 4096
SECRET_BYTES: Final = 32  # RFC 7518: a key for HS256 is at least as long as its digest
KEY_LIMIT: Final = 40


class BadCustomerToken(Refused):
    """This token isn't valid. Sign it with HS256 and the app's current token secret, for at most one hour."""

    default_code = "bad_token"


@dataclass(frozen=True, slots=True)
class App:
    """One active app of a tenant, as its door needs it."""

    tenant_id: UUID
    account_id: UUID
    key: str
    keepers: tuple[UUID, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a customer's token proves."""

    customer_id: str = field(repr=False)
    expires_at: datetime
    secret: str = field(repr=False)


def find_app(key: str) -> App | None:
    """Return the active app of a public key, or None; works outside a tenant's scope."""
    return _apps.first(key) if 0 < len(key) <= KEY_LIMIT and key.isascii() else None


def _read(tenant_id: UUID, account_id: UUID) -> App | None:
    rows = ChannelAccount.objects.filter(pk=account_id, kind=ChannelAccount.Kind.APP, is_active=True)
    account: ChannelAccount | None = rows.first()
    if account is None:
        return None
    secrets = tuple(widgets.token_secrets(account.credentials, clock_now()))
    return App(tenant_id, account.pk, account.public_key, tuple(account.keepers), secrets)


_apps: Final = Found("account_by_key", _read)


def customer_point(key: str, customer_id: str) -> str:
    """Return the contact point of a customer: the same id in another app may be another person."""
    return f"{key}:{customer_id}"


def customer_of(point: str) -> str:
    """Return the company's own id of the customer behind a contact point."""
    return point.partition(":")[2]


def checked_customer(value: object) -> str:
    """Return a customer's id, or "" for one that names nobody."""
    if not isinstance(value, str):
        return ""
    plain = value.strip()
    return plain if 0 < len(plain) <= CUSTOMER_LIMIT and plain.isascii() and plain.isprintable() else ""


def sign(*, secret: str, key: str, customer_id: str, now: datetime, life: timedelta = LIFE) -> str:
    """Return a customer's token, as an app signs it: `sub`, `aud` = the app's key, `iat` and `exp`."""
    claims = {"sub": customer_id, "aud": key, "iat": now, "exp": now + life}
    return jwt.encode(claims, secret, algorithm="HS256")


def verify(token: str, *, app: App, now: datetime) -> Claims:
    """Return what a token of the app's proves.

    Raises `BadCustomerToken` for any fault, and `Unavailable` when the app has no secret, so that a missing secret
    never lets an unsigned token through.
    """
    usable = [secret for secret in app.secrets if len(secret.encode()) >= SECRET_BYTES]
    if not usable:
        raise Unavailable("This app has no token secret yet. Create one on the channel's page.")
    # Times are checked below, with our own clock.
    options: Options = {
        "require": ["sub", "aud", "exp", "iat"],
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
    }
    for secret in usable:
        try:
            claims: dict[str, Any] = jwt.decode(
                token[:TOKEN_LIMIT], secret, algorithms=["HS256"], audience=app.key, options=options
            )
        except jwt.InvalidSignatureError:
            continue
        except (jwt.PyJWTError, ValueError, RecursionError) as problem:
            raise BadCustomerToken from problem
        customer_id, ends = checked_customer(claims["sub"]), _end_of(claims, now)
        if not customer_id or ends is None:
            raise BadCustomerToken
        return Claims(customer_id, ends, secret)
    raise BadCustomerToken


def _end_of(claims: dict[str, Any], moment: datetime) -> datetime | None:
    """Return when a token ends; None if that has passed, is too far away or is no time."""
    exp, start, made = claims["exp"], claims.get("nbf", 0), claims["iat"]
    # No time is longer than this; a longer number is too large to compare.
    if any(
        isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e11
        for value in (exp, start, made)
    ):
        return None
    moment_seconds, leeway, life = moment.timestamp(), LEEWAY.total_seconds(), LIFE.total_seconds()
    # One that was made for longer must not become valid in its last hour.
    is_short = exp - moment_seconds <= life + leeway and exp - made <= life + leeway
    has_begun = start - moment_seconds <= leeway and made - moment_seconds <= leeway
    is_timely = exp - moment_seconds > -leeway and is_short and has_begun
    return datetime.fromtimestamp(exp, UTC) if is_timely else None


def find_guest(token: str, *, now: datetime | None = None) -> Guest | None:
    """Return the guest of a customer's token, found by its audience; None for any fault. Outside a tenant's scope."""
    moment = now or clock_now()
    try:
        unverified = jwt.decode(token[:TOKEN_LIMIT], options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    audience = unverified.get("aud")
    app = find_app(audience) if isinstance(audience, str) else None
    if app is None:
        return None
    try:
        claims = verify(token, app=app, now=moment)
    except (BadCustomerToken, Unavailable):
        return None
    if claims.expires_at <= moment:
        return None
    return Guest(
        tenant_id=app.tenant_id,
        account_id=app.account_id,
        kind="customer",
        point=customer_point(app.key, claims.customer_id),
        user_id=None,
        signed_in_at=moment,
        expires_at=claims.expires_at,
        vouched=tokens.secret_mark(app.account_id, claims.secret),
        is_of_app=True,
    )
