"""What a transaction publishes as its last step: announcements, stream events and audit entries."""

from collections.abc import Sequence

from core.audit import chain
from core.events import outbox, streams


def publish(
    *,
    announcements: Sequence[outbox.Announcement] = (),
    events: Sequence[streams.NewEvent] = (),
    audit: Sequence[chain.Fact] = (),
) -> None:
    """Write all of it within the caller's transaction, which ends then: the hottest lock is taken last.

    First the announcements, then the heads of the streams by name, then the head of the audit chain.
    """
    outbox.announce_all(announcements)
    streams.append_all(events)
    chain.record_all(audit)
