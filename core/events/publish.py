"""Publish announcements, stream events and audit entries as the last step of a transaction.

The one order of locks, by which no two transactions wait for each other: rows of business first, then the heads of
streams in the order of their names, the head of the audit chain last. A transaction of several services holds the heads
of all their streams before the first (`streams.hold`). `tests/database/lock_order.py` fails a test that breaks it.
"""

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
