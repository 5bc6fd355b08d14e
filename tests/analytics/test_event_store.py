"""The store keeps every event once, in the order of commits, in partitions by month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction

from analytics.event_store import retention, store
from analytics.models import StoredEvent
from core.bus import Event, replay
from core.clock import now
from core.events import streams
from core.ids import uuid7
from core.models import LegalHold, RetentionChoice, StreamEvent
from core.privacy.retention.services import apply_rule
from core.tenancy.scope import tenant_scope
from tests.core.bus.consumers import Sink, count_in, shadow_of, subscribed, take_until
from tests.event_types import OWNED
from tests.world import World


def _event(n: int, at: datetime) -> Event:
    return Event(uuid7(), OWNED, 1, "test:1", n, {"n": n}, at, None)


def _partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("select inhrelid::regclass::text from pg_inherits where inhparent = 'analytics_event'::regclass")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.slow
def test_events_are_stored_once_without_what_is_for_listeners(committed_world: World) -> None:
    acme, globex, contact = committed_world.acme.pk, committed_world.globex.pk, str(uuid4())
    said = {"id": contact, "client_id": None, "sender": {"type": "customer", "name": "Ann"}, "content_type": "text"}
    with tenant_scope(acme):
        more = {"text": "My words", "status": "received", "created_at": now().isoformat()}
        streams.append(f"conversation:{contact}", "message_received", {**said, **more})
    count_in(acme, 1, 2, 3)
    count_in(globex, 9)

    def stored(tenant: object) -> list[str]:
        with tenant_scope(str(tenant)):
            return list(StoredEvent.objects.order_by("number").values_list("type", flat=True))

    take_until(lambda: len(stored(acme)) >= 4 and len(stored(globex)) >= 1)
    assert [each for each in stored(acme) if each in (OWNED, "message_received")] == ["message_received", *[OWNED] * 3]
    with tenant_scope(acme):
        message = StoredEvent.objects.get(type="message_received")
        assert message.payload["sender"] == {"type": "customer"}
        assert "text" not in message.payload
        pages = list(store.read_since(now() - timedelta(hours=1)))
        assert [event.payload["n"] for _, page in pages for event in page if event.type == OWNED] == [1, 2, 3]


def test_month_without_partition_loses_nothing_and_gets_its_rows_later(acme: World) -> None:
    moment = now()
    before = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
    store.keep([_event(1, before), _event(2, moment)])
    assert StoredEvent.objects.count() == 2
    store.keep_partitions(now=moment)
    name = f"analytics_event_{moment:%Y_%m}"
    assert name in _partitions()
    assert StoredEvent.objects.count() == 2
    store.keep([_event(3, moment)])
    store.keep_partitions(now=moment)
    assert [event.payload["n"] for _, page in store.read_since(before) for event in page] == [1, 2, 3]
    refused = pytest.raises(ProgrammingError, match="permission denied")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {name}")


def test_old_events_go_and_their_empty_month_with_them(acme: World) -> None:
    moment = now()
    old = moment - timedelta(days=900)
    store.keep_partitions(now=old)
    name = f"analytics_event_{old:%Y_%m}"
    assert name in _partitions()
    store.keep([_event(1, old), _event(2, moment)])
    store.keep_partitions(now=moment)
    assert name in _partitions()
    store.keep([_event(3, moment - timedelta(days=801))])  # of a month that is not over for everyone
    holder = acme.people["compliance"].pk
    held = LegalHold.objects.create(subject_type="organisation", reference="C 12/26", placed_by=holder)
    retention.drop_months(now=moment)
    assert (name in _partitions(), apply_rule("events", now=moment)) == (True, 0)
    LegalHold.objects.filter(pk=held.pk).update(lifted_at=moment)
    retention.drop_months(now=moment)
    assert name not in _partitions()
    assert [apply_rule("events", now=moment) for _ in range(2)] == [1, 0]
    assert [event.payload["n"] for _, page in store.read_since(old) for event in page] == [2]


def test_stored_events_of_another_tenant_are_not_there(world: World) -> None:
    with tenant_scope(world.acme.pk):
        store.keep([_event(1, now())])
    with tenant_scope(world.globex.pk):
        assert not StoredEvent.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from analytics_event")
            assert cursor.fetchone() == (0,)


def test_each_organisation_keeps_events_for_as_long_as_it_chose(world: World, settings: Any) -> None:
    moment = now()
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            store.keep([_event(age, moment - timedelta(days=age)) for age in (10, 40, 100)])
    with tenant_scope(world.acme.pk):
        RetentionChoice.objects.create(kind="events", days=60, starts_at=moment)
    for left in ({world.acme: [10, 40], world.globex: [10, 40, 100]}, {world.acme: [10], world.globex: [10]}):
        for tenant, kept in left.items():
            with tenant_scope(tenant.pk):
                apply_rule("events", now=moment)
                found = StoredEvent.objects.order_by("number").values_list("payload", flat=True)
                assert [payload["n"] for payload in found] == kept
        settings.EVENT_DAYS = 30  # the installation's limit holds for everyone


@pytest.mark.slow
def test_events_of_a_tenant_that_are_in_the_store_alone_are_replayed(committed_world: World) -> None:
    acme, sink = committed_world.acme.pk, Sink("replayed")
    before, moment = now() - timedelta(days=90), now()
    with subscribed("replayed", sink, shadow=shadow_of(sink)):
        with tenant_scope(acme):
            store.keep([_event(n, before + timedelta(hours=n)) for n in (1, 2, 3)])
            assert not StreamEvent.objects.exists()
        assert replay("replayed", before + timedelta(hours=2)) == 2
        assert sink.numbers(acme) == [2, 3]
        assert sink.numbers(committed_world.globex.pk) == []
        count_in(acme, 4)
        take_until(lambda: sink.numbers(acme) == [2, 3, 4])
        assert replay("replayed", before) == 4  # what is in both counts once
        assert sink.numbers(acme) == [1, 2, 3, 4]
        assert replay("replayed", moment + timedelta(days=1)) == 0
