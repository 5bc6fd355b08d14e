"""What a topic of the console lets through."""

from typing import Any

import pytest

from channels_app.sockets.console_topics import due, parse_topic
from core.errors import Refused
from core.events import streams
from core.models import StreamEvent
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


async def test_event_written_as_the_right_is_lost_is_not_let_through(
    committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, viewer, read = committed_world.acme.pk, committed_world.people["viewer"], streams.read

    def read_just_after(*asked: Any) -> list[StreamEvent]:
        with tenant_scope(acme):
            viewer.memberships.update(is_active=False)
            streams.append("queue", "test", {})
        return read(*asked)

    assert (await due(acme, viewer.pk, parse_topic("queue"), "queue", 0)).frames == []
    monkeypatch.setattr(streams, "read", read_just_after)
    with pytest.raises(Refused):
        await due(acme, viewer.pk, parse_topic("queue"), "queue", 0)
