"""What the queue tells about one approval is a stream of its own to its readers, with the queue's numbers."""

import importlib
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.db.owner import as_owner
from core.events import live, streams
from core.events.publish import Told, tell
from core.models import StreamEvent, StreamHead
from core.tenancy.scope import tenant_scope
from tests.world import World

MANY = """
insert into core_streamevent (id, tenant_id, stream, seq, type, payload, created_at, about)
select gen_random_uuid(), %(tenant)s, 'queue', n, 'approval.updated', '{}', now(),
  case when n %% 10 > 0 then ('00000000-0000-7000-8000-' || lpad((n / 5)::text, 12, '0'))::uuid end
from generate_series(1, %(count)s) n
"""


def read(about: UUID, after: int = 0) -> list[tuple[int, str]]:
    return [(event.seq, event.type) for event in streams.read(f"approval:{about}", after)]


def test_view_shows_what_is_about_one_thing_under_the_numbers_of_the_whole(acme: World) -> None:
    one, other = uuid4(), uuid4()
    streams.append("queue", "a", {}, about=one)
    told = [Told("queue", "b", {}, other), Told("queue", "c", {}), Told("queue", "d", {}, one)]
    tell(announced=[], told=told, audited=[])
    assert (read(one), read(other)) == ([(1, "a"), (4, "d")], [(2, "b")])
    assert read(one, after=1) == [(4, "d")]
    assert [event.seq for event in streams.read("queue", 0)] == [1, 2, 3, 4]
    assert (streams.head(f"approval:{one}"), streams.head(f"approval:{uuid4()}")) == (4, 4)


def test_view_of_another_tenant_is_empty(world: World) -> None:
    one = uuid4()
    with tenant_scope(world.acme.pk):
        streams.append("queue", "a", {}, about=one)
    with tenant_scope(world.globex.pk):
        assert (read(one), streams.head(f"approval:{one}")) == ([], 0)


def test_listeners_of_view_and_whole_are_told_the_same_number(
    acme: World, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    one, posted = uuid4(), []
    monkeypatch.setattr(live, "post", lambda _, message: posted.append((message["stream"], message["seq"])))
    with django_capture_on_commit_callbacks(execute=True):
        streams.append("queue", "a", {}, about=one)
        tell(announced=[], told=[Told("queue", "b", {}, one), Told("queue", "c", {})], audited=[])
    assert sorted(posted) == sorted([(name, seq) for name in ("queue", f"approval:{one}") for seq in (1, 3)])


def test_rows_of_an_earlier_version_under_the_views_name_are_not_read(acme: World) -> None:
    one = uuid4()
    StreamHead.objects.create(stream=f"approval:{one}", seq=9)
    StreamEvent.objects.create(stream=f"approval:{one}", seq=9, type="old")
    streams.append("queue", "new", {}, about=one)
    assert (read(one), streams.head(f"approval:{one}")) == ([(1, "new")], 1)


def as_before(one: UUID) -> None:
    """Tell in the queue and under the approval's own name, as was done before there were views."""
    for stream in ("queue", f"approval:{one}"):
        streams.append(stream, "approval.updated", {"approval_id": str(one)})


@pytest.mark.django_db(transaction=True)
def test_upgrade_finds_what_was_told_before(committed_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    migration = importlib.import_module("core.migrations.0008_events_say_what_they_are_about")
    monkeypatch.setattr(migration, "BATCH", 2)
    ones = {committed_world.acme.pk: uuid4(), committed_world.globex.pk: uuid4()}
    for tenant_id, one in ones.items():
        with tenant_scope(tenant_id):
            streams.append("queue", "killswitch.thrown", {"switch_id": "x"})
            as_before(one)
            as_before(one)
    with as_owner(), connection.cursor() as cursor:
        for _ in range(2):  # killed and run again
            migration.mark_all(None, connection.schema_editor())
            cursor.execute(migration._HEADS)
    for tenant_id, one in ones.items():
        with tenant_scope(tenant_id):
            assert [seq for seq, _ in read(one)] == [2, 3]
            assert set(StreamEvent.objects.values_list("stream")) == {("queue",)}
            assert set(StreamHead.objects.values_list("stream")) == {("queue",)}


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_statistics", [False, True])
def test_view_is_read_from_its_index_among_many_events(committed_world: World, has_statistics: bool) -> None:
    one = UUID("00000000-0000-7000-8000-000000000021")
    with tenant_scope(committed_world.acme.pk), connection.cursor() as cursor:
        cursor.execute(MANY, {"tenant": committed_world.acme.pk, "count": 100_000})
    if has_statistics:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("analyze core_streamevent")
    with tenant_scope(committed_world.acme.pk), CaptureQueriesContext(connection) as asked:
        assert [seq for seq, _ in read(one)] == [105, 106, 107, 108, 109]
    with tenant_scope(committed_world.acme.pk), connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, buffers) {asked[0]['sql'].rpartition(';')[2]}")
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert "Index Scan using events_about" in plan, plan
    assert "Rows Removed" not in plan, plan
