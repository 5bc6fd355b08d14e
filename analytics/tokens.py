"""The signed token in a mail's unsubscribe link: it names a member and allows nothing else."""

from typing import Final
from uuid import UUID

from django.core import signing

from core.errors import NotFound
from core.privacy.encryption import current_key_id, derive_key, key_ring

_PURPOSE: Final = "brief-unsubscribe"
_LONGEST: Final = 300


def _signer() -> signing.Signer:
    """Return the signer; older keys still verify, because people keep mail for long."""
    older: list[bytes | str] = [derive_key(_PURPOSE, key_id=key_id).hex() for key_id in key_ring()]
    newest = derive_key(_PURPOSE, key_id=current_key_id()).hex()
    return signing.Signer(key=newest, fallback_keys=older, salt=f"walker.{_PURPOSE}", sep=".")


def issue(*, tenant_id: UUID, user_id: UUID) -> str:
    """Return the token of one person's brief in one tenant."""
    return _signer().sign(f"{tenant_id.hex}{user_id.hex}")


def read(token: str) -> tuple[UUID, UUID]:
    """Return tenant and user of a token; raises `NotFound` unless we signed it."""
    try:
        plain = _signer().unsign(token[:_LONGEST])
        return UUID(plain[:32]), UUID(plain[32:])
    except (signing.BadSignature, ValueError):
        raise NotFound("This link isn't valid. Make sure you copied all of it.") from None
