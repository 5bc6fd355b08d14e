"""What a topic of the console lets through."""

from typing import Any
from uuid import uuid4

import pytest

from channels_app.sockets.console_topics import due, parse_topic
from channels_app.sockets.sight import Listener, heard
from core.errors import Refused
from core.events import streams
from core.models import StreamEvent
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.slow]


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


async def test_what_left_somebodys_sight_is_told_in_no_scope_and_says_only_that_it_is_gone() -> None:
    own, other, talk, tenant = uuid4(), uuid4(), str(uuid4()), uuid4()
    moved = {"conversation": talk, "team": str(other), "assigned_to": None, "text": "Hello"}
    event = StreamEvent(tenant_id=tenant, stream="inbox", seq=1, type="moved", payload=moved, about=own)
    [gone] = heard(Listener(uuid4(), frozenset({own})), "inbox", [event])
    assert (gone.tenant_id, gone.payload) == (tenant, {"conversation": talk})
    assert heard(Listener(uuid4(), frozenset({uuid4()})), "inbox", [event]) == []
