"""Publish announcements, stream events and audit entries as the last step of a transaction."""

from collections.abc import Sequence

from core.audit import chain
from core.events import outbox, streams


def publish(
    *,
    announcements: Sequence[outbox.Announcement] = (),
    events: Sequence[streams.NewEvent] = (),
    audit: Sequence[chain.Fact] = (),
) -> None:
    """Write all right before the commit, and what locks most (the head of the audit chain) last."""
    outbox.announce_all(announcements)
    streams.append_all(events)
    chain.record_all(audit)
