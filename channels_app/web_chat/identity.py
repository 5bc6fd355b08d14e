"""The identity that a host page signs for its visitor: a short-lived JWT with the widget's secret."""

from datetime import datetime, timedelta
from typing import Final

import jwt
from jwt.types import Options

from core.errors import Refused, Unavailable

LIFE: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=30)
SECRET_BYTES: Final = 32  # RFC 7518: a key for HS256 is at least as long as its digest


class BadIdentity(Refused):
    """The signed identity is invalid or has expired."""

    default_code = "bad_identity"


def sign(*, secret: str, widget: str, subject: str, now: datetime) -> str:
    """Return a signed identity: `sub`, `aud` = widget key, `exp` within ten minutes."""
    claims = {"sub": subject, "aud": widget, "iat": now, "exp": now + LIFE - LEEWAY}
    return jwt.encode(claims, secret, algorithm="HS256")


def subject_of(identity: str, *, secret: str, widget: str, now: datetime) -> str:
    """Return the subject of a signed identity.

    Raises `BadIdentity` for any fault, and `Unavailable` when the widget has no usable secret, so that
    a missing secret never lets an unsigned identity through.
    """
    if len(secret.encode()) < SECRET_BYTES:
        raise Unavailable("This chat has no identity secret yet. Create one on the channel's page.")
    options: Options = {"require": ["sub", "aud", "exp"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(identity[:4096], secret, algorithms=["HS256"], audience=widget, options=options)
    except (jwt.PyJWTError, ValueError) as problem:
        raise BadIdentity from problem
    # Also refuse an identity that is valid for more than ten minutes.
    exp = claims.get("exp")
    if not isinstance(exp, int | float) or isinstance(exp, bool):
        raise BadIdentity
    left = exp - now.timestamp()
    if left <= -LEEWAY.total_seconds() or left > (LIFE + LEEWAY).total_seconds():
        raise BadIdentity
    subject = claims["sub"]
    # A subject that the database or UTF-8 cannot hold names nobody.
    if not isinstance(subject, str) or not 0 < len(subject.strip()) <= 254 or not subject.strip().isprintable():
        raise BadIdentity
    return subject.strip()
