"""What a transaction publishes as its last step: announcements, stream events and audit entries."""

from collections.abc import Sequence

from core.audit import chain
from core.events import outbox, streams
from core.events.outbox import Announcement
from core.events.streams import NewEvent as Told

__all__ = ["Announcement", "Told", "tell"]


def tell(*, announced: Sequence[Announcement], told: Sequence[Told], audited: Sequence[chain.Fact]) -> None:
    """Write all of it within the caller's transaction, which ends then: the hottest lock is taken last.

    First the announcements, then the heads of the streams by name, then the head of the audit chain.
    """
    outbox.announce_all(announced)
    streams.append_all(told)
    chain.record_all(audited)
