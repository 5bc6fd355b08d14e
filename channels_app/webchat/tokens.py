"""The signed token of a chat line and the visitor's long-lived secret; nothing is stored for either."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from django.core import signing

from core.errors import Refused
from core.privacy.encryption import current_key_id, derive_key, key_ring, lasting_key_id

TOKEN_LIFE: Final = timedelta(minutes=15)
SIGN_IN_LIFE: Final = timedelta(hours=12)  # a token may be prolonged from a living one for this long
GuestKind = Literal["visitor", "customer", "member"]


class BadToken(Refused):
    """The token is wrong, or it has run out."""

    status = 401
    default_code = "not_signed_in"


@dataclass(frozen=True, slots=True)
class Guest:
    """Who sits at the other end of a chat line: an unknown visitor, a known customer or a member.

    `point` is the value of his contact point on this widget. `user_id` is set for members only.
    `vouched` is the mark of the identity secret that vouched for him, empty for visitors.
    """

    tenant_id: UUID
    account_id: UUID
    kind: GuestKind
    point: str
    user_id: UUID | None
    signed_in_at: datetime
    expires_at: datetime
    vouched: str = ""

    def prolonged(self, moment: datetime) -> Guest:
        """Return the guest with a new end, never beyond the life of one sign-in."""
        ends = min(moment + TOKEN_LIFE, self.signed_in_at + SIGN_IN_LIFE)
        return replace(self, expires_at=ends)

    def is_vouched(self, identity_secret: str) -> bool:
        """Tell whether this secret is the one that vouched for him; nobody vouches for a visitor."""
        return self.kind == "visitor" or self.vouched == secret_mark(self.account_id, identity_secret)


def _signer(purpose: str) -> signing.TimestampSigner:
    """Return the signer of one purpose; older keys of the ring still verify. The separator fits headers."""
    older: list[bytes | str] = [derive_key("webchat", key_id=key_id).hex() for key_id in key_ring()]
    newest = derive_key("webchat", key_id=current_key_id()).hex()
    return signing.TimestampSigner(key=newest, fallback_keys=older, salt=f"walker.webchat.{purpose}", sep=".")


def issue(guest: Guest) -> str:
    """Return the token of a guest; it is readable by its holder, so it carries ids only."""
    claims = {
        "t": guest.tenant_id.hex,
        "a": guest.account_id.hex,
        "k": guest.kind,
        "p": guest.point,
        "u": guest.user_id.hex if guest.user_id else "",
        "s": int(guest.signed_in_at.timestamp()),
        "x": int(guest.expires_at.timestamp()),
        "i": guest.vouched,
    }
    return _signer("line").sign_object(claims)


def verify(token: str, *, now: datetime) -> Guest:
    """Return the guest of a token; raises `BadToken` when it is forged, foreign or over."""
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
    )
    if guest.expires_at <= now:
        raise BadToken
    return guest


def new_visitor(account_id: UUID) -> str:
    """Return a new visitor secret: 192 random bits, signed for one widget so that nobody chooses his own."""
    return _signer(f"visitor.{account_id.hex}").sign(secrets.token_urlsafe(24))


def visitor_or_none(account_id: UUID, secret: str) -> str | None:
    """Return the secret when this widget issued it; anything else starts a new visitor."""
    if not 0 < len(secret) <= 256 or not secret.isascii():
        return None
    try:
        _signer(f"visitor.{account_id.hex}").unsign(secret)
    except signing.BadSignature:
        return None
    return secret


def visitor_point(secret: str) -> str:
    """Return the contact point's value of a visitor: a digest, so that no row or token tells the secret."""
    return "visitor:" + hashlib.sha256(secret.encode()).hexdigest()[:40]


def customer_point(account_id: UUID, subject: str) -> str:
    """Return the contact point's value of a customer the host vouches for: a keyed digest of the subject."""
    keyed = derive_key(f"webchat.customer.{account_id.hex}", key_id=lasting_key_id())
    return "customer:" + hashlib.blake2b(subject.encode(), key=keyed, digest_size=20).hexdigest()


def secret_mark(account_id: UUID, identity_secret: str) -> str:
    """Return what a token carries of a widget's identity secret: another secret, another mark; never empty."""
    keyed = derive_key(f"webchat.identity.{account_id.hex}", key_id=lasting_key_id())
    return hashlib.blake2b(identity_secret.encode(), key=keyed, digest_size=9).hexdigest()


def member_point(user_id: UUID) -> str:
    """Return the contact point's value of a member: his user id."""
    return str(user_id)
