"""What one transaction tells at its end: numbers in order, one chain, announcements once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from core.actors import system
from core.audit import chain
from core.events import live, streams
from core.events.outbox import Announcement
from core.events.publish import publish
from core.events.streams import NewEvent
from core.ids import uuid7
from core.models import AuditEntry, AuditHead, Outbox
from core.tenancy.scope import tenant_scope
from tests.world import World


def fact(ref: UUID, action: str) -> chain.Fact:
    return chain.Fact(system("test"), action, "test.thing", ref)


def test_events_of_a_stream_keep_their_order_and_go_on_from_its_head(acme: World) -> None:
    streams.append("queue", "test", {"n": 0})
    publish(events=[NewEvent("queue", "test", {"n": n}) for n in (1, 2)] + [NewEvent("other", "x", {})])
    assert [(row.seq, row.payload["n"]) for row in streams.read("queue", 0)] == [(1, 0), (2, 1), (3, 2)]
    assert streams.head("other") == 1


def test_listeners_of_each_stream_are_told_its_own_number(
    acme: World, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    posted = []
    monkeypatch.setattr(live, "post", lambda _, message: posted.append((message["stream"], message["seq"])))
    streams.append("b", "test", {})
    with django_capture_on_commit_callbacks(execute=True):
        publish(events=[NewEvent(stream, "test", {}) for stream in "bcab"])
    assert posted == [("a", 1), ("b", 3), ("c", 1)]


def test_all_of_it_is_written_in_order(acme: World) -> None:
    ref = uuid4()
    announced = [Announcement("approval_opened", ref, {"reference": "BR-1"})]

    def whole() -> None:
        publish(announcements=announced, events=[NewEvent("queue", "test", {})], audit=[fact(ref, "A"), fact(ref, "B")])

    whole()
    whole()
    assert Outbox.objects.filter(event="approval_opened", ref=ref, payload={"reference": "BR-1"}).count() == 2
    assert list(AuditEntry.objects.filter(object_id=ref).order_by("seq").values_list("action", flat=True)) == [
        "A", "B", "A", "B",
    ]  # fmt: skip
    assert chain.verify().ok


@pytest.mark.django_db
def test_first_entry_of_a_tenant_begins_its_chain() -> None:
    new, ref = uuid7(), uuid4()
    with tenant_scope(new):
        Tenant.objects.create(id=new, name="New", slug="new")
        publish(events=[NewEvent("first", "test", {})], audit=[fact(ref, "A")])
        assert AuditEntry.objects.get(object_id=ref).seq == 1
        assert streams.head("first") == 1
        assert chain.verify().ok


@pytest.mark.django_db
def test_stream_that_is_older_than_the_chain_goes_on_once() -> None:
    new, ref = uuid7(), uuid4()
    with tenant_scope(new):
        Tenant.objects.create(id=new, name="New", slug="new")
        streams.append("queue", "test", {})
        publish(events=[NewEvent("queue", "test", {})], audit=[fact(ref, "A")])
        assert [row.seq for row in streams.read("queue", 0)] == [1, 2]
        assert chain.verify().entries == 1


def test_what_is_told_is_the_same_whether_its_stream_begins_or_goes_on(acme: World) -> None:
    ref, about = uuid4(), uuid4()
    announced = [Announcement(name, ref, {"reference": "BR-1"}) for name in ("approval_closed", "action_finished")]
    for _ in range(2):
        publish(
            announcements=announced, events=[NewEvent("queue", "it's", {"n": "\\'\n"}, about)], audit=[fact(ref, "A")]
        )
    first, second = streams.read("queue", 0)
    for name in ("stream", "type", "payload", "about", "tenant_id"):
        assert getattr(first, name) == getattr(second, name)
    assert (first.payload, first.about, second.seq) == ({"n": "\\'\n"}, about, 2)
    rows = Outbox.objects.filter(ref=ref).values_list("event", "payload__reference", "attempts", "done_at")
    assert sorted(rows) == sorted([(one.event, "BR-1", 0, None) for one in announced] * 2)


def test_nothing_to_tell_writes_nothing(acme: World) -> None:
    with CaptureQueriesContext(connection) as sent:
        publish(audit=[])
    assert len(sent) == 0


def test_unknown_announcement_is_refused(acme: World) -> None:
    with pytest.raises(ValueError, match="unknown"):
        publish(announcements=[Announcement("approval_dreamt", uuid4(), {})])


@pytest.fixture
def committed(committed_world: World) -> Iterator[World]:
    with tenant_scope(committed_world.acme.pk):
        yield committed_world


def _publish_elsewhere(tenant_id: UUID, times: int) -> None:
    """Publish as a transition does, each time in a transaction of its own, on another connection."""
    try:
        with tenant_scope(tenant_id):
            for _ in range(times):
                with transaction.atomic():
                    publish(events=[NewEvent("queue", "test", {})], audit=[fact(uuid4(), "B")])
    finally:
        connection.close()


@pytest.mark.slow
def test_chain_and_stream_are_whole_where_many_write_at_once(committed: World) -> None:
    before = AuditHead.objects.get().seq
    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(_publish_elsewhere, committed.acme.pk, 12) for _ in range(4)]:
            job.result()
    assert chain.verify().ok
    assert AuditHead.objects.get().seq == before + 48
    moments = list(AuditEntry.objects.filter(seq__gt=before).order_by("seq").values_list("at", flat=True))
    assert moments == sorted(moments)
    assert [row.seq for row in streams.read("queue", 0)] == [*range(1, 49)]


def test_head_that_was_rewritten_breaks_the_chain_at_the_next_entry(
    committed: World, tampering: Callable[[str], None]
) -> None:
    seq = AuditHead.objects.get().seq
    tampering(f"update core_audithead set hash = '{'f' * 64}' where tenant_id = '{committed.acme.pk}'")
    _publish_elsewhere(committed.acme.pk, 1)
    assert AuditEntry.objects.get(seq=seq + 1).previous_hash == "f" * 64
    assert chain.verify().first_bad == seq + 1


def test_chain_continues_after_a_transaction_that_was_undone(acme: World) -> None:
    for undo in (False, True, False):
        with transaction.atomic():
            publish(audit=[fact(uuid4(), "A")])
            transaction.set_rollback(undo)
    assert chain.verify().ok
