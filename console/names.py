"""Names of colleagues on pages of their own tenant."""

from collections.abc import Mapping
from uuid import UUID

from accounts.selectors import names_of

__all__ = ["name_in", "names_of"]


def name_in(names: Mapping[UUID, str], user_id: UUID | None, otherwise: str = "The system") -> str:
    """Return one of `names_of`; people who aren't members stay unnamed."""
    return otherwise if user_id is None else names.get(user_id, "Former member")
