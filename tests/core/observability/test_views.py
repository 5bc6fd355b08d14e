"""What the queue tells about one approval is a stream of its own to its readers, with the queue's numbers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.db.roles import as_owner
from core.events import live, streams
from core.events.publish import publish
from core.events.streams import NewEvent
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
    told = [NewEvent("queue", "b", {}, other), NewEvent("queue", "c", {}), NewEvent("queue", "d", {}, one)]
    publish(events=told)
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
        publish(events=[NewEvent("queue", "b", {}, one), NewEvent("queue", "c", {})])
    assert sorted(posted) == sorted([(name, seq) for name in ("queue", f"approval:{one}") for seq in (1, 3)])


def test_rows_of_an_earlier_version_under_the_views_name_are_not_read(acme: World) -> None:
    one = uuid4()
    StreamHead.objects.create(stream=f"approval:{one}", seq=9)
    StreamEvent.objects.create(stream=f"approval:{one}", seq=9, type="old")
    streams.append("queue", "new", {}, about=one)
    assert (read(one), streams.head(f"approval:{one}")) == ([(1, "new")], 1)


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
