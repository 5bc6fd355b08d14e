"""The identity that a host page signs for its visitor: a short JWT made with the widget's secret."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import jwt
from jwt.types import Options

from core.errors import Refused, Unavailable

LIFE: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=30)
SECRET_BYTES: Final = 32  # RFC 7518: a key for HS256 is at least as long as its digest


class BadIdentity(Refused):
    """The signed identity is wrong, or it has run out."""

    default_code = "bad_identity"


def sign(*, secret: str, widget: str, subject: str, now: datetime) -> str:
    """Return what a host page hands over: `sub`, `aud` = widget key, `exp` within ten minutes."""
    claims = {"sub": subject, "aud": widget, "iat": now, "exp": now + LIFE - LEEWAY}
    return jwt.encode(claims, secret, algorithm="HS256")


def subject_of(identity: str, *, secret: str, widget: str, now: datetime) -> str:
    """Return the subject of a signed identity.

    Raises `BadIdentity` for any fault, and `Unavailable` when the widget has no usable secret:
    a missing secret never means that an unsigned identity is fine.
    """
    if len(secret.encode()) < SECRET_BYTES:
        raise Unavailable("This chat has no identity secret yet: make one on the channel's page.")
    options: Options = {"require": ["sub", "aud", "exp"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(identity[:4096], secret, algorithms=["HS256"], audience=widget, options=options)
    except (jwt.PyJWTError, ValueError) as problem:
        raise BadIdentity from problem
    _check_times(claims.get("exp"), now)
    subject = claims["sub"]
    # Nobody is named by what no database column and no UTF-8 text can hold.
    if not isinstance(subject, str) or not 0 < len(subject.strip()) <= 254 or not subject.strip().isprintable():
        raise BadIdentity
    return subject.strip()


def _check_times(exp: object, now: datetime) -> None:
    """Refuse an identity that is over, or that was made to live longer than ten minutes."""
    if not isinstance(exp, int | float) or isinstance(exp, bool):
        raise BadIdentity
    left = exp - now.timestamp()
    if left <= -LEEWAY.total_seconds() or left > (LIFE + LEEWAY).total_seconds():
        raise BadIdentity
