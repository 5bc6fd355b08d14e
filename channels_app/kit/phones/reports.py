"""What became of a message that belongs to no conversation, such as a notice to a colleague."""

from typing import Final, Protocol
from uuid import UUID


class Apply(Protocol):
    """Takes a provider's report; False if it is about nothing of its own."""

    def __call__(self, *, notification_id: UUID | None, status: str) -> bool:
        """Apply a report in the tenant's scope; safe to repeat."""


_takers: Final[list[Apply]] = []


def register(apply: Apply) -> None:
    """Register what else is sent from numbers beside conversations' messages; safe to repeat."""
    if apply not in _takers:
        _takers.append(apply)


def apply_report(*, ref: UUID | None, status: str) -> bool:
    """Hand a report without a message to what is sent beside; False if nobody knows it."""
    return any(apply(notification_id=ref, status=status) for apply in _takers)
