"""Old rows go, some at a time; what is young and what is another tenant's stays."""

from datetime import timedelta

import pytest

from core import retention
from core.clock import now
from core.events import streams
from core.ids import uuid7
from core.models import StreamEvent
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db
OLD = now() - timedelta(days=31)


def age(stream: str, upto: int) -> None:
    """Make the first events of a stream as old as their new ids say."""
    for row in StreamEvent.objects.filter(stream=stream, seq__lte=upto):
        aged = retention.made_before(OLD).children[0][1].int + row.seq  # type: ignore[index,union-attr]
        StreamEvent.objects.filter(pk=row.pk).update(id=type(row.pk)(int=aged), created_at=OLD)


@pytest.fixture
def five(acme: World) -> None:
    """Five events, three of them old."""
    for _ in range(5):
        streams.append("queue", "test", {})
    age("queue", 3)


@pytest.mark.usefixtures("five")
def test_old_events_of_a_stream_are_pruned_and_numbers_go_on() -> None:
    assert retention.prune_streams() == 3
    assert [event.seq for event in streams.read("queue", 0)] == [4, 5]
    assert streams.append("queue", "test", {}).seq == 6


@pytest.mark.usefixtures("five")
def test_a_batch_is_bounded() -> None:
    assert [retention.prune_streams(limit=2) for _ in range(3)] == [2, 1, 0]


def test_each_tenant_keeps_its_young_events(world: World) -> None:
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            streams.append("queue", "test", {})
    assert retention.prune_streams() == 0


def test_row_made_now_is_not_older_than_now() -> None:
    bound = retention.made_before(now() - timedelta(seconds=1)).children[0][1]  # type: ignore[index]
    assert bound < uuid7()  # type: ignore[operator]
