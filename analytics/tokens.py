"""The token in a mail's unsubscribe link: signed, it names a seat and opens nothing else."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.core import signing

from core.errors import NotFound
from core.privacy.encryption import current_key_id, derive_key, key_ring

_PURPOSE: Final = "brief-unsubscribe"
_LONGEST: Final = 300


def _signer() -> signing.Signer:
    """Return the signer; older keys of the ring still verify, because mails are kept for long."""
    older: list[bytes | str] = [derive_key(_PURPOSE, key_id=key_id).hex() for key_id in key_ring()]
    newest = derive_key(_PURPOSE, key_id=current_key_id()).hex()
    return signing.Signer(key=newest, fallback_keys=older, salt=f"walker.{_PURPOSE}", sep=".")


def issue(*, tenant_id: UUID, user_id: UUID) -> str:
    """Return the token of one person's brief in one tenant."""
    return _signer().sign(f"{tenant_id.hex}{user_id.hex}")


def read(token: str) -> tuple[UUID, UUID]:
    """Return tenant and user of a token; raises `NotFound` for anything that we did not sign."""
    try:
        plain = _signer().unsign(token[:_LONGEST])
        return UUID(plain[:32]), UUID(plain[32:])
    except (signing.BadSignature, ValueError):
        raise NotFound("This link is not one of ours, or a part of it is missing.") from None
