"""The signed token in a mail's unsubscribe link: it names a member and allows nothing else."""

from typing import Final
from uuid import UUID

from django.core import signing

from core.errors import NotFound
from core.privacy.signing import signer

_PURPOSE: Final = "brief-unsubscribe"
_SALT: Final = f"walker.{_PURPOSE}"
_LONGEST: Final = 300


def issue(*, tenant_id: UUID, user_id: UUID) -> str:
    """Return the token of one person's brief in one tenant."""
    return signer(_PURPOSE, salt=_SALT).sign(f"{tenant_id.hex}{user_id.hex}")


def read(token: str) -> tuple[UUID, UUID]:
    """Return tenant and user of a token; raises `NotFound` unless we signed it."""
    try:
        plain = signer(_PURPOSE, salt=_SALT).unsign(token[:_LONGEST])
        return UUID(plain[:32]), UUID(plain[32:])
    except (signing.BadSignature, ValueError):
        raise NotFound("This link isn't valid. Make sure you copied all of it.") from None
