"""The signed token of a chat connection and the visitor's long-lived secret; neither is stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from django.core import signing

from core.errors import Refused
from core.privacy.encryption import derive_key, lasting_key_id
from core.privacy.signing import timestamp_signer

TOKEN_LIFE: Final = timedelta(minutes=15)
SIGN_IN_LIFE: Final = timedelta(hours=12)  # how long a valid token can be extended
GuestKind = Literal["visitor", "customer", "member"]


class BadToken(Refused):
    """The token is invalid or has expired."""

    status = 401
    default_code = "not_signed_in"


@dataclass(frozen=True, slots=True)
class Guest:
    """The other side of a chat connection.

    It is an unknown visitor, a known customer or a member.
    `point` is the value of their contact point on this widget. `user_id` is set for members only.
    `vouched` is the fingerprint of the identity secret that vouched for them, empty for visitors.
    `is_of_app`: a customer of a company's own app, signed in by its token. `language` is the one their page is in, as
    the page says.
    """

    tenant_id: UUID
    account_id: UUID
    kind: GuestKind
    point: str
    user_id: UUID | None
    signed_in_at: datetime
    expires_at: datetime
    vouched: str = ""
    is_of_app: bool = False
    language: str = ""

    def prolonged(self, moment: datetime) -> Guest:
        """Return the guest with a later expiry, never beyond the life of one sign-in."""
        ends = min(moment + TOKEN_LIFE, self.signed_in_at + SIGN_IN_LIFE)
        return replace(self, expires_at=ends)

    def is_vouched(self, identity_secret: str) -> bool:
        """Return True if this secret vouched for the guest; visitors need none."""
        return self.kind == "visitor" or self.vouched == secret_mark(self.account_id, identity_secret)


def _signer(purpose: str) -> signing.TimestampSigner:
    return timestamp_signer("webchat", salt=f"walker.webchat.{purpose}")


def issue(guest: Guest) -> str:
    """Return the token of a guest; its holder can read it, so it carries only ids."""
    claims = {
        "t": guest.tenant_id.hex,
        "a": guest.account_id.hex,
        "k": guest.kind,
        "p": guest.point,
        "u": guest.user_id.hex if guest.user_id else "",
        "s": int(guest.signed_in_at.timestamp()),
        "x": int(guest.expires_at.timestamp()),
        "i": guest.vouched,
        "l": guest.language,
    }
    return _signer("line").sign_object(claims)


def verify(token: str, *, now: datetime) -> Guest:
    """Return the guest of a token. Raises `BadToken` when it is forged, foreign or expired."""
    if len(token) > 2048:
        raise BadToken
    try:
        claims: dict[str, Any] = _signer("line").unsign_object(token)
    except (signing.BadSignature, ValueError) as problem:
        raise BadToken from problem
    guest = Guest(
        tenant_id=UUID(claims["t"]),
        account_id=UUID(claims["a"]),
        kind=claims["k"],
        point=claims["p"],
        user_id=UUID(claims["u"]) if claims["u"] else None,
        signed_in_at=datetime.fromtimestamp(claims["s"], UTC),
        expires_at=datetime.fromtimestamp(claims["x"], UTC),
        vouched=str(claims.get("i", "")),
        language=str(claims.get("l", "")),
    )
    if guest.expires_at <= now:
        raise BadToken
    return guest


def new_visitor(account_id: UUID) -> str:
    """Return a new visitor secret of 192 random bits, signed for one widget, so that nobody can choose one."""
    return _signer(f"visitor.{account_id.hex}").sign(secrets.token_urlsafe(24))


def visitor_or_none(account_id: UUID, secret: str) -> str | None:
    """Return the secret if this widget issued it, else None."""
    if not 0 < len(secret) <= 256 or not secret.isascii():
        return None
    try:
        _signer(f"visitor.{account_id.hex}").unsign(secret)
    except signing.BadSignature:
        return None
    return secret


def visitor_point(secret: str) -> str:
    """Return a visitor's contact point. It is a digest, so that no row or token reveals the secret."""
    return "visitor:" + hashlib.sha256(secret.encode()).hexdigest()[:40]


def customer_point(account_id: UUID, subject: str) -> str:
    """Return the contact point of a customer the host vouches for. It is a keyed digest of the subject."""
    keyed = derive_key(f"webchat.customer.{account_id.hex}", key_id=lasting_key_id())
    return "customer:" + hashlib.blake2b(subject.encode(), key=keyed, digest_size=20).hexdigest()


def secret_mark(account_id: UUID, identity_secret: str) -> str:
    """Return a fingerprint of the widget secret. It changes when the secret is rotated."""
    keyed = derive_key(f"webchat.identity.{account_id.hex}", key_id=lasting_key_id())
    return hashlib.blake2b(identity_secret.encode(), key=keyed, digest_size=9).hexdigest()


def member_point(user_id: UUID) -> str:
    """Return the contact point of a member: the user id."""
    return str(user_id)
