"""Announcements: rows written in the transaction, whose signals the relay sends after the commit."""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from django.core.cache import cache
from django.db import transaction

from core.events import live
from core.events.signals import BY_NAME
from core.jobs import queues
from core.models import Outbox

RELAY_HINT: Final = "walker:relay-hint"


class Announcement(NamedTuple):
    """One of the known announcements about `ref`; the payload holds ids and times only."""

    event: str
    ref: UUID
    payload: dict[str, str]


def announce(event: str, *, ref: UUID, **ids: str) -> None:
    """Announce one of the known events about `ref`, in the caller's transaction.

    The relay sends the Django signal of that name at least once after the commit, in the tenant's scope, with
    `tenant_id`, `ref` and `payload` (ids and times only). Raises ValueError for an unknown one.
    """
    announce_all([Announcement(event, ref, ids)])


def announce_all(announcements: Iterable[Announcement]) -> None:
    """Announce several events, as `announce` does. Raises ValueError for an unknown one."""
    rows = [Outbox(event=check_name(event), ref=ref, payload=payload) for event, ref, payload in announcements]
    if rows:
        Outbox.objects.bulk_create(rows)
        wake_relay_after_commit()


def check_name(event: str) -> str:
    """Return a valid name of an announcement. Raises ValueError for an unknown one."""
    if event not in BY_NAME:
        raise ValueError(f"unknown announcement {event!r}")
    return event


def wake_relay_after_commit() -> None:
    """Enqueue the relay after the commit; several calls make one task."""
    transaction.on_commit(lambda: live.run_soon(_wake_relay), robust=True)


def _wake_relay() -> None:
    # Without a broker this raises, and the sweep relays the announcement up to a second later.
    if cache.add(RELAY_HINT, 1, timeout=1):
        queues.enqueue("relay_outbox")
