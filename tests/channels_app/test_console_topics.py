"""What a topic of the console lets through."""

from typing import Any

import pytest

from channels_app.sockets.console_topics import due, parse_topic
from core.errors import Refused
from core.events import streams
from core.models import StreamEvent
from tests.world import World


def test_event_written_as_the_right_is_lost_is_not_let_through(acme: World, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, read = acme.people["viewer"], streams.read

    def read_just_after(*asked: Any) -> list[StreamEvent]:
        viewer.memberships.update(is_active=False)
        streams.append("queue", "approval.overdue", {})
        return read(*asked)

    monkeypatch.setattr(streams, "read", read_just_after)
    with pytest.raises(Refused):
        due(viewer.pk, parse_topic("queue"), "queue", 0)
