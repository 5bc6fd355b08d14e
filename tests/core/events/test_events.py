"""Streams number their events without gaps; the outbox sends each announcement at least once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from core import clock
from core.events import live, outbox, relay, signals, streams
from core.jobs import dead_letters
from core.models import DeadLetter, Outbox
from core.tenancy.scope import current_tenant_id, tenant_scope
from tests.world import World


def test_numbers_of_a_stream_follow_each_other(acme: World) -> None:
    assert [streams.append("queue", "test", {}).seq for _ in range(3)] == [1, 2, 3]


def test_rolled_back_event_leaves_no_gap(acme: World) -> None:
    with transaction.atomic():
        streams.append("queue", "test", {})
        transaction.set_rollback(True)
    assert streams.append("queue", "test", {"n": 1}).seq == 1


def test_read_after_returns_only_later_events(acme: World) -> None:
    for number in range(4):
        streams.append("queue", "test", {"n": number})
    assert [event.payload["n"] for event in streams.read("queue", after=2)] == [2, 3]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_writers_at_once_leave_no_gap(committed_world: World) -> None:
    tenant_id = committed_world.acme.pk

    def write(_: int) -> None:
        with tenant_scope(tenant_id), transaction.atomic():
            streams.append("queue", "test", {})
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(20)))
    with tenant_scope(tenant_id):
        assert [event.seq for event in streams.read("queue", 0)] == list(range(1, 21))


@pytest.fixture
def heard() -> Any:
    """Collect what receivers of message_received are told, with the tenant in scope."""
    calls: list[tuple[Any, Any]] = []

    def hear(ref: Any, **_: Any) -> None:
        calls.append((ref, current_tenant_id()))

    signals.message_received.connect(hear)
    yield calls
    signals.message_received.disconnect(hear)


@pytest.mark.django_db(transaction=True)
def test_announcement_reaches_receivers_in_its_tenant(committed_world: World, heard: Any) -> None:
    ref = uuid4()
    with tenant_scope(committed_world.acme.pk):
        outbox.announce("message_received", ref=ref)
    relay.relay()
    assert heard == [(ref, committed_world.acme.pk)]


@pytest.mark.django_db(transaction=True)
def test_announcement_whose_receiver_failed_is_kept(committed_world: World) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("receiver down")

    signals.message_received.connect(fail)
    try:
        with tenant_scope(committed_world.acme.pk):
            outbox.announce("message_received", ref=uuid4())
        relay.relay()
    finally:
        signals.message_received.disconnect(fail)
    with tenant_scope(committed_world.acme.pk):
        assert Outbox.objects.filter(done_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fails", [False, True])
def test_batch_is_told_once_and_kept_when_its_receiver_failed(
    committed_world: World, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    refs, told = [uuid4(), uuid4()], []

    def receive(batch: Any) -> None:
        told.append([row.ref for row in batch])
        if fails:
            raise RuntimeError("receiver down")

    monkeypatch.setattr(relay, "_batched", {})
    relay.on_batch("message_failed", receive)
    with tenant_scope(committed_world.acme.pk):
        for ref in refs:
            outbox.announce("message_failed", ref=ref)
    relay.relay()
    with tenant_scope(committed_world.acme.pk):
        kept = Outbox.objects.filter(done_at=None).count()
    assert (told, kept) == ([refs], 2 if fails else 0)


@pytest.mark.django_db(transaction=True)
def test_announcement_that_always_fails_is_parked_and_can_be_replayed(committed_world: World) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("receiver down")

    owner = committed_world.actor("owner")
    signals.message_received.connect(fail)
    try:
        with tenant_scope(committed_world.acme.pk):
            outbox.announce("message_received", ref=uuid4())
            Outbox.objects.update(attempts=relay.MAX_ATTEMPTS, lease_until=None)
        live.flush()
        with tenant_scope(committed_world.acme.pk):
            Outbox.objects.update(lease_until=None)
        relay.relay()
        with tenant_scope(committed_world.acme.pk):
            [letter] = DeadLetter.objects.all()
            assert not Outbox.objects.filter(done_at=None).exists()
            dead_letters.replay(actor=owner, dead_letter_id=letter.pk)
            assert Outbox.objects.filter(done_at=None).exists()
    finally:
        signals.message_received.disconnect(fail)


def test_announcements_sent_a_week_ago_are_removed(acme: World) -> None:
    outbox.announce("message_received", ref=uuid4())
    outbox.announce("message_received", ref=uuid4())
    Outbox.objects.filter(pk=Outbox.objects.earliest("id").pk).update(done_at=clock.now() - timedelta(days=8))
    assert (relay.purge(), Outbox.objects.count()) == (1, 1)


def test_unknown_announcement_is_refused(acme: World) -> None:
    with pytest.raises(ValueError, match="unknown announcement"):
        outbox.announce("something", ref=uuid4())
