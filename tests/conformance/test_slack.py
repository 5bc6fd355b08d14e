"""Our Slack client before a stateful Slack that nobody here wrote; skipped and counted where it can't be had."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.slack.client import SlackClient
from integrations.slack.types import Done, Failed
from tests.conformance.conftest import serving
from tests.ports import free_port

pytestmark = [pytest.mark.long, pytest.mark.django_db]


@pytest.fixture
def api(node_tools: Path, tmp_path: Path, settings: Any) -> Iterator[SlackClient]:
    """A client of the emulator's workspace."""
    port, seed = free_port(), tmp_path / "seed.json"
    seed.write_text(json.dumps({"slack": {"channels": [{"name": "approvals"}]}}))
    modules = node_tools / "node_modules"
    command = [str(modules / "node" / "bin" / "node"), str(modules / "emulate" / "dist" / "index.js")]
    command += ["start", "-p", str(port), "-s", "slack", "--seed", str(seed)]
    with serving(command, f"http://127.0.0.1:{port}", tmp_path / "log") as url:
        settings.SLACK_API_BASE = f"{url}/api"
        yield SlackClient("xoxb-x", account="conformance")


def test_message_is_posted_updated_and_errors_are_read(api: SlackClient) -> None:
    known = api.call("auth.test")
    assert isinstance(known, Done)
    assert str(known.facts["team_id"]).startswith("T")
    listed = api.call("conversations.list")
    assert isinstance(listed, Done)
    channel = listed.facts["channels"][0]["id"]
    button = {"type": "button", "action_id": "walker_approve", "text": {"type": "plain_text", "text": "Approve"}}
    blocks = [{"type": "actions", "block_id": "approval:1", "elements": [{**button, "value": "1:2"}]}]
    posted = api.call("chat.postMessage", channel=channel, text="BR-1 needs your approval", blocks=blocks)
    assert isinstance(posted, Done)
    place = {"channel": posted.facts["channel"], "ts": posted.facts["ts"]}
    assert isinstance(api.call("chat.update", **place, text="Approved", blocks=[]), Done)
    assert api.call("chat.postMessage", channel="C404", text="x") == Failed("channel_not_found", permanent=True)
    assert api.call("chat.postMessage", channel=channel) == Failed("no_text", permanent=True)
