"""Every client frame of both sockets, sent by somebody of another tenant with the first tenant's ids."""

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client

from accounts.models import Membership
from channels_app.sockets import console_topics, presence
from channels_app.sockets.console import ConsoleConsumer
from channels_app.web_chat import frames
from conversations.models import Message, Survey
from core import notices
from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl.approvals.change import holds
from tests.channels_app.conftest import Line, Widgets, chat, dial, live_widgets, session_of
from tests.security.permissions import add_people
from tests.security.rows import MARK, changed, snapshot
from tests.security.town import SECRETS, Town, build_town
from tests.world import World

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.slow]
__all__ = ["chat", "dial", "live_widgets"]  # fixtures

# What a frame of the chat carries besides its type, made from what belongs to the first tenant.
CHAT: dict[str, Callable[["Theirs"], dict[str, Any]]] = {
    "auth": lambda theirs: {"token": theirs.token},
    "resume": lambda theirs: {"after": 0, "conversation": str(theirs.conversation), "tenant": str(theirs.tenant)},
    "send_message": lambda theirs: {
        "id": str(theirs.message),
        "message": "x",
        "conversation": str(theirs.conversation),
    },
    "typing": lambda theirs: {"value": True, "conversation": str(theirs.conversation)},
    "read": lambda theirs: {"seq": 1, "conversation": str(theirs.conversation)},
    "rate": lambda theirs: {"survey": str(theirs.survey), "rating": 1, "comment": "x"},
    "stop": lambda theirs: {"conversation": str(theirs.conversation)},
}
TOPICS = {
    "queue": "queue",
    "inbox": "inbox",
    "conversation": "conversation:{conversations.conversation}",
    "approval": "approval:{hitl.approval}",
    "notices": "notices",
    "team": "team:{conversations.team}",
    "team-chat": "team-chat:{conversations.team}",
    "mine": "mine",
    "presence": "presence",
}
CONSOLE = {"subscribe", "unsubscribe", "typing"}


class Theirs:
    """A guest of the first tenant in the middle of a conversation."""

    tenant: UUID
    message: UUID
    token: str
    conversation: UUID
    survey: UUID

    def __init__(self, account: Any, line: Line) -> None:
        self.tenant, self.message, self.line = account.tenant_id, uuid4(), line
        self.account = account

    async def begin(self) -> "Theirs":
        await self.line.send(f"{MARK} speaks", self.message)
        self.token = (await sync_to_async(session_of)(self.account)).token
        self.conversation = await self._conversation()
        self.survey = await self._survey()
        return self

    @sync_to_async
    def _survey(self) -> UUID:
        with tenant_scope(self.tenant):
            asked = Survey.objects.create(
                conversation_id=self.conversation, asked_at=now(), ends_at=now() + timedelta(days=1)
            )
            return UUID(str(asked.pk))

    @sync_to_async
    def _conversation(self) -> UUID:
        with tenant_scope(self.tenant):
            found: UUID = Message.objects.get(client_id=self.message).conversation_id
            return found


@sync_to_async
def rows_of(tenant_id: UUID) -> dict[str, str]:
    with tenant_scope(tenant_id):
        return snapshot()


async def heard(line: Line, seconds: float = 0.4) -> str:
    """Return all that a line hears within a moment."""
    told = ""
    while not await line.socket.receive_nothing(timeout=seconds):
        told += str((await line.socket.receive_output()).get("text", ""))
    return told


async def test_every_frame_has_a_row() -> None:
    known = set(re.findall(r'get\("type"\) == "(\w+)"', inspect.getsource(ConsoleConsumer.dispatch_frame)))
    assert (set(CHAT), CONSOLE) == (set(frames.READERS), known)


async def test_every_topic_has_a_row() -> None:
    assert set(TOPICS) == set(console_topics.PERMISSIONS)


@pytest.mark.parametrize("kind", sorted(CHAT))
async def test_chat_frame_with_anothers_ids_tells_and_changes_nothing(
    chat: Any, live_widgets: Widgets, kind: str
) -> None:
    theirs = await Theirs(live_widgets.acme, await chat(live_widgets.acme)).begin()
    line = await chat(live_widgets.globex)
    before = await rows_of(theirs.tenant)
    await line.say({"type": kind, **CHAT[kind](theirs)})
    assert MARK not in await heard(line)
    assert changed(before, await rows_of(theirs.tenant)) == set()


@pytest.fixture
def committed_town(committed_world: World) -> Town:
    add_people(committed_world)
    return build_town(committed_world)


async def desk(dial: Any, user: Any) -> Line:
    """Open the console line of a person."""
    client = Client()
    await sync_to_async(client.force_login)(user, backend="accounts.backends.RoleBackend")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    line: Line = await dial("/ws/console/", origin="http://localhost", cookie=f"{cookie.key}={cookie.value}")
    await line.hear_type("connected")
    return line


def topic_in(town: Town, kind: str) -> str:
    found = TOPICS[kind]
    for label, key in town.ids.items():
        found = found.replace(f"{{{label}}}", str(key))
    return found


async def test_console_frames_with_anothers_ids_tell_and_change_nothing(dial: Any, committed_town: Town) -> None:
    acme, wrong = committed_town.world.acme.pk, []
    before = await rows_of(acme)
    for kind in sorted(TOPICS):
        line = await desk(dial, committed_town.world.outsiders["owner"])
        for frame in sorted(CONSOLE):
            await line.say({"type": frame, "topic": topic_in(committed_town, kind), "after": 0})
            told = await heard(line)
            if '"type":"event"' in told or any(secret in told for secret in SECRETS):
                wrong.append(f"{kind} {frame} told {told}")
    assert wrong == []
    assert changed(before, await rows_of(acme)) == set()


async def test_outsider_is_not_present_in_anothers_conversation(dial: Any, committed_town: Town) -> None:
    line = await desk(dial, committed_town.world.outsiders["owner"])
    await line.say({"type": "subscribe", "topic": topic_in(committed_town, "conversation")})
    await line.hear_type("error")
    there = committed_town.ids["conversations.conversation"]
    assert (await presence.count(committed_town.world.acme.pk, there))["staff"] == 0


async def test_same_topics_tell_the_insider(dial: Any, committed_town: Town) -> None:
    line = await desk(dial, committed_town.world.people["viewer"])
    await line.say({"type": "subscribe", "topic": topic_in(committed_town, "conversation"), "after": 0})
    told = await heard(line, 1)
    assert MARK in told
    assert '"type":"event"' in told
    assert [secret for secret in SECRETS if secret != MARK and secret in told] == []


async def test_right_that_is_lost_on_an_open_line_ends_its_topics_before_they_tell_more(
    dial: Any, committed_town: Town
) -> None:
    acme, person = committed_town.world.acme.pk, committed_town.world.people["night"]
    topics = [topic_in(committed_town, kind) for kind in ("queue", "approval", "notices")]
    line = await desk(dial, person)
    for topic in topics:
        await line.say({"type": "subscribe", "topic": topic})
        assert (await line.hear_type("subscribed"))["topic"] == topic

    @sync_to_async
    def lose_and_tell() -> None:
        with tenant_scope(acme):
            Membership.objects.filter(user=person).update(role="own-desk")
            one = committed_town.ids["hitl.approval"]
            holds.hold(actor=committed_town.world.actor("compliance"), approval_id=one, reason="Wait.")
            notices.leave(people=[person.pk], kind="approval", title=f"{MARK} needs you", link="/admin/")

    await lose_and_tell()
    told: list[dict[str, Any]] = []
    while len(errors := {frame["topic"]: frame["code"] for frame in told if frame["type"] == "error"}) < len(topics):
        told.append(await line.hear())
    assert errors == dict.fromkeys(topics, "not_allowed")
    await line.say({"type": "subscribe", "topic": "queue"})
    assert (await line.hear_type("error"))["code"] == "not_allowed"
    assert '"event"' not in f"{told}{await heard(line)}".replace("'", '"')
