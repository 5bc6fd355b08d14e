"""Names of colleagues for pages of their own tenant."""

from collections.abc import Iterable
from uuid import UUID

from accounts.models import Membership


def names_of(user_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the full names of the given people who have or had a seat in the tenant in scope."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    if not wanted:
        return {}
    seats = Membership.objects.filter(user_id__in=wanted).select_related("user")
    return {seat.user_id: seat.user.get_full_name() for seat in seats}


def name_in(names: dict[UUID, str], user_id: UUID | None, otherwise: str = "The system") -> str:
    """Return one name out of `names_of`; somebody without a seat here stays unnamed."""
    return otherwise if user_id is None else names.get(user_id, "Somebody who left")
