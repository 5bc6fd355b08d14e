"""Recorded answers of a Slack that nobody here wrote: ours reads each rightly."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.outcomes import Failed
from integrations.slack.client import SlackClient, answer
from integrations.slack.types import Done
from tests.integrations.test_recorded_calls import Replayer
from tests.recordings import json_of, load, names

RECORDED = {name: load(name) for name in names("slack/emulate")}
USED = set(RECORDED)


@pytest.fixture
def replayer(settings: Any) -> Iterator[Replayer]:
    """A server that answers as recorded."""
    server = Replayer()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings.SLACK_API_BASE = f"{server.url}/api"
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_answer_is_read_for_what_it_says(replayer: Replayer, name: str) -> None:
    request, response = RECORDED[name]["request"], RECORDED[name]["response"]
    said = json_of(response)
    replayer.play(response["status"], said)
    if not request["path"].startswith("/api/"):  # an incoming webhook, which answers with a text
        found = answer(f"{replayer.url}{request['path']}", {"text": "x"})
        assert isinstance(found, Done) is (response["status"] == 200)
        return
    found = SlackClient("xoxb-x", account=f"recorded-{name[-40:]}").call(request["path"].removeprefix("/api/"))
    assert replayer.asked[-1][0] == request["path"]
    if said["ok"]:
        assert isinstance(found, Done)
        assert dict(found.facts) == said
    else:
        assert found == Failed(said["error"], permanent=True)
