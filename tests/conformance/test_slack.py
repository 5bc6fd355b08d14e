"""Our Slack client and our door before a stateful Slack that nobody here wrote; skipped where it can't be had.

It signs as Slack does, but only events: it presses no button. So the door takes its signature, keeps what it can't read
as a press and does nothing with it; presses are tried with our own stand-in, and a recorded signature of Slack's with
`tests/channels_app/approver_channels/slack/test_door.py`. Neither its seed nor its commands subscribe to events, so a
module that is loaded before it does.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries, wake_worker
from channels_app.webhooks.intake import REFUSED
from conversations.models import ChannelAccount, Message
from core.tenancy.scope import tenant_scope
from hitl.models import Decision
from integrations.outcomes import Failed
from integrations.slack.client import SlackClient
from integrations.slack.types import Done
from tests.conformance.conftest import serving
from tests.edge.ports import free_port
from tests.world import World

pytestmark = [pytest.mark.long, pytest.mark.django_db]
SECRET, KEY = "8f742231b10e8888abcd99yyyzzz85a5", "acme-emulated-slack"
SUBSCRIBE = """
import {{ slackPlugin }} from {module};
const register = slackPlugin.register;
slackPlugin.register = (app, store, webhooks, ...more) => {{
  register(app, store, webhooks, ...more);
  webhooks.register({{ url: {url}, events: ["*"], active: true, owner: "slack" }});
}};
"""


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


@pytest.fixture
def signing(
    node_tools: Path, tmp_path: Path, settings: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], SlackClient]]:
    """Start an emulator that signs its events with a secret, and posts them to our door."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    package = node_tools / "node_modules" / "emulate" / "dist"
    module = next(path for path in sorted(package.glob("dist-*.js")) if "slackWebhookHeaders" in path.read_text())
    with ExitStack() as running:

        def start(secret: str) -> SlackClient:
            port, folder = free_port(), tmp_path / secret
            folder.mkdir()
            (folder / "seed.json").write_text(
                json.dumps({"slack": {"channels": [{"name": "approvals"}], "signing_secret": secret}})
            )
            door = json.dumps(f"{live_server.url}/channels/slack/{KEY}/interactivity/")
            hook = folder / "subscribe.mjs"
            hook.write_text(SUBSCRIBE.format(module=json.dumps(module.as_uri()), url=door))
            command = [str(node_tools / "node_modules" / "node" / "bin" / "node"), "--import", hook.as_uri()]
            command += [str(package / "index.js"), "start", "-p", str(port), "-s", "slack"]
            command += ["--seed", str(folder / "seed.json")]
            url = running.enter_context(serving(command, f"http://127.0.0.1:{port}", folder / "log"))
            settings.SLACK_API_BASE = f"{url}/api"
            return SlackClient("xoxb-x", account="conformance")

        yield start


def say_something(api: SlackClient) -> None:
    """Post a message, of which the emulator tells its subscribers before it answers."""
    listed = api.call("conversations.list")
    assert isinstance(listed, Done)
    assert isinstance(
        api.call("chat.postMessage", channel=listed.facts["channels"][0]["id"], text="Olá 😀 & co=1"), Done
    )


def test_signature_of_another_hand_is_taken_and_one_by_another_secret_is_not(
    committed_world: World, signing: Callable[[str], SlackClient]
) -> None:
    with tenant_scope(committed_world.acme.pk):
        kept = {"team": "T000000001", "signing_secret": SECRET, "bot_token": "xoxb-x"}
        ChannelAccount.objects.create(
            kind="slack", provider="slack", name="Slack", public_key=KEY, address="T000000001", credentials=kept
        )
    refused = REFUSED.labels("slack", "bad_signature")
    before = refused._value.get()
    say_something(signing("another-secret"))
    assert refused._value.get() == before + 1
    with tenant_scope(committed_world.acme.pk):
        assert not InboundDelivery.objects.exists()
    say_something(signing(SECRET))
    deliveries.dispatch_due_deliveries()
    assert refused._value.get() == before + 1
    with tenant_scope(committed_world.acme.pk):
        row = InboundDelivery.objects.get()
        assert json.loads(str(row.body).encode("latin-1"))["type"] == "event_callback"
        # No press: kept and shown, and nothing is done with it.
        assert (row.state, row.error) == ("parked", "not_json")
        assert not Message.objects.exists()
        assert not Decision.objects.exists()
