"""How names of colleagues are shown on pages of their own tenant."""

from uuid import UUID

from accounts.selectors import names_of

__all__ = ["name_in", "names_of"]


def name_in(names: dict[UUID, str], user_id: UUID | None, otherwise: str = "The system") -> str:
    """Return one name out of `names_of`; somebody without a seat here stays unnamed."""
    return otherwise if user_id is None else names.get(user_id, "Somebody who left")
