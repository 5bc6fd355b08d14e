"""Acme and Globex with a Slack workspace each: the stand-in on a thread, posting through Django's test client."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from channels_app.approver_channels.slack import connect, people
from channels_app.approver_channels.slack.notifier import CHANNEL, SlackNotifier
from channels_app.models import InboundDelivery
from channels_app.tasks import update_slack
from channels_app.webhooks import deliveries, wake_worker
from conversations.models import ChannelAccount
from core.errors import WalkerError
from core.jobs import queues
from core.tenancy.scope import tenant_scope
from hitl.models import Approval, Notification
from standins.slack import seed
from standins.slack.server import SlackServer
from standins.slack.slack import Slack
from standins.slack.store import Store
from standins.slack.webhooks import Poster, signed_request
from tests.console.scene import add_workflow, ask
from tests.world import OPERATOR, World

SECRET = "a secret of the tests"
ANNA, BEN, GUEST = (seed.member_id("acme", name) for name in ("Anna Lindqvist", "Ben Okafor", "Nora, a guest"))
TEAM, PUBLIC = seed.team_id("acme"), seed.channel_id("acme")
Message = dict[str, Any]


class ClientPoster(Poster):
    """Posts to the door without a socket, within the test's own transaction."""

    def post(self, workspace: seed.Workspace, payload: Any, *, age: int = 0, tampered: bool = False) -> int:
        """Post one payload."""
        body, headers = signed_request(workspace, payload, age)
        body += "&x=1" if tampered else ""
        answer: Any = Client().post(workspace.path, body, content_type=headers.pop("Content-Type"), headers=headers)
        return int(answer.status_code)


@dataclass
class Desk:
    """Acme's desk with Slack; the methods are what people do there."""

    world: World
    slack: Slack
    server: SlackServer
    account: ChannelAccount

    def ask(self, role: str = "support", **fields: Any) -> Approval:
        """Let somebody ask for something of little risk."""
        return ask(self.world, role, **{"params": {"campaign": "Small", "budget": "110.00"}, **fields})

    def link(self, role: str, member: str) -> None:
        """Let a colleague link their Slack user."""
        actor = self.world.actor(role)
        people.send_code(actor=actor, member_id=member)
        people.link(actor=actor, code=self.code_for(member))

    def code_for(self, member: str) -> str:
        """Return the newest code that a member got."""
        found = re.search(r"\d{4} \d{4}", self.direct(member)[-1]["versions"][0]["text"])
        assert found is not None
        return found[0]

    def notify(self, approval: Approval, role: str = "approver", **more: Any) -> Any:
        """Send a notification as the worker does."""
        facts = {"template": "approval_opened", "recipient": self.world.people[role], "channel": CHANNEL, **more}
        row = Notification.objects.create(approval=approval, status="sending", level=approval.level, **facts)
        return SlackNotifier().notify(row.pk)

    def messages(self, team: str = TEAM) -> list[Message]:
        """Return what the workspace shows, oldest first."""
        return self.slack.store.list_messages(team)[::-1]

    def direct(self, member: str) -> list[Message]:
        """Return a member's direct messages."""
        workspace = self.slack.workspaces[TEAM]
        place = self.slack._place_of(workspace, member)
        return [one for one in self.messages() if one["channel"] == place]

    def said_to(self, member: str) -> list[str]:
        """Return what only this member was shown."""
        return [one["versions"][-1]["text"] for one in self.messages() if one["only_for"] == member]

    def press(self, message: Message, action: str, member: str = ANNA, **more: Any) -> list[int]:
        """Press a button and let the worker work; returns what the door answered."""
        wanted = {"team": TEAM, "user": member, "channel": message["channel"], "ts": message["ts"], "action": action}
        statuses: list[int] = self.slack.press({**wanted, **more})["statuses"]
        deliveries.dispatch_due_deliveries()
        return statuses

    def submit(self, reason: str, member: str = ANNA) -> None:
        """Send the open form."""
        form = next(one for one in self.slack.store.list_forms(TEAM) if one["person"] == member and one["is_open"])
        self.slack.submit({"team": TEAM, "user": member, "form": form["id"], "value": reason})
        deliveries.dispatch_due_deliveries()

    def message(self, message: Message) -> Message:
        """Return a message as it is now."""
        found = self.slack.store.get_message(TEAM, message["channel"], message["ts"])
        assert found is not None
        return found

    def rows(self) -> list[InboundDelivery]:
        """Return what was stored."""
        return list(InboundDelivery.objects.order_by("id"))


def buttons(message: Message) -> list[str]:
    """Return the buttons that a message has now."""
    blocks = message["versions"][-1]["blocks"]
    return [one["action_id"] for block in blocks for one in block.get("elements", []) if "action_id" in one]


def shown(message: Message) -> str:
    """Return everything that a message shows now."""
    return str(message["versions"][-1])


def connect_workspace(slug: str, **more: str) -> ChannelAccount:
    """Connect the workspace of an organisation, in its scope."""
    named = {"public_key": seed.door_key(slug), "address": seed.team_id(slug)}
    ChannelAccount.objects.create(kind="slack", provider="slack", **named)
    facts = {
        "name": "Slack",
        "bot_token": seed.bot_token(slug, SECRET),
        "signing_secret": seed.signing_secret(slug, SECRET),
    }
    return connect.connect_slack(actor=OPERATOR, **{**facts, **more})


def expect(problem: type[WalkerError], call: Any, **arguments: Any) -> WalkerError:
    """Call what must be refused; returns the error."""
    with pytest.raises(problem) as caught:
        call(**arguments)
    return caught.value


@pytest.fixture
def slack(settings: Any, tmp_path: Path) -> Iterator[SlackServer]:
    """The stand-in."""
    store = Store(tmp_path / "slack.sqlite3")
    poster = ClientPoster(store, public="http://testserver", door="")
    server = SlackServer(("127.0.0.1", 0), Slack(store, poster, seed.demo_workspaces(SECRET)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    settings.SLACK_API_BASE = f"{server.slack.address}/api"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    store.close()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    monkeypatch.setitem(queues._tasks, "update_slack", update_slack)


def make_desk(world: World, slack: SlackServer) -> Desk:
    """Connect Slack and define who approves, in Acme's scope."""
    add_workflow(world, {"editable_fields": ["budget"]}, notify_by=["slack"])
    return Desk(world, slack.slack, slack, connect_workspace("acme"))


@pytest.fixture
def desk(world: World, slack: SlackServer) -> Iterator[Desk]:
    """Acme's desk, in Acme's scope; the approver's Slack user is Anna."""
    with tenant_scope(world.acme.pk):
        made = make_desk(world, slack)
        made.link("approver", ANNA)
        yield made
