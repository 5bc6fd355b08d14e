"""Every topic of the console's socket, for somebody who sees only conversations of their own teams."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from channels_app.sockets import presence
from conversations import services
from conversations.inbox import states
from conversations.models import Team
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import dial
from tests.security.test_every_frame import TOPICS, desk, heard, topic_in
from tests.security.test_team_scope import HIDDEN, hide, join, wear
from tests.security.town import Town, build_town
from tests.world import World

__all__ = ["dial"]  # a fixture
pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def committed_hidden(committed_world: World) -> tuple[Town, Team]:
    town = build_town(committed_world)
    return town, hide(town)


@sync_to_async
def move(town: Town, actor: str, team: Team | None) -> None:
    with tenant_scope(town.world.acme.pk):
        key = town.ids["conversations.conversation"]
        services.move_to_team(actor=town.world.actor(actor), conversation_id=key, team_id=team.pk if team else None)


def topic_of(town: Town, team: Team, kind: str) -> str:
    return f"team:{team.pk}" if kind == "team" else topic_in(town, kind)


async def test_no_topic_tells_of_another_teams_conversation(dial: Any, committed_hidden: tuple[Town, Team]) -> None:
    town, other = committed_hidden
    line, third = await desk(dial, town.world.people["support"]), await another_team(town)
    key = str(town.ids["conversations.conversation"])
    for kind in TOPICS:
        if kind in ("approval", "queue", "notices"):
            continue
        await line.say({"type": "subscribe", "topic": topic_of(town, other, kind), "after": 0})
        told = await heard(line)
        assert key not in told.replace(topic_of(town, other, kind), ""), kind
        # Who is there is no secret; what happens in conversations is.
        assert kind == "presence" or '"type":"event"' not in told, kind
        assert ("not_found" in told) == (kind in ("conversation", "team")), told
    await move(town, "admin", third)
    await say_typing(town)
    assert await heard(line) == ""


async def test_topics_follow_a_conversation_into_the_team_and_out_of_it(
    dial: Any, committed_hidden: tuple[Town, Team]
) -> None:
    town, other = committed_hidden
    own = await team_of(town, "support")
    line, key = await desk(dial, town.world.people["support"]), str(town.ids["conversations.conversation"])
    for topic in ("inbox", f"team:{own.pk}"):
        await line.say({"type": "subscribe", "topic": topic})
        await line.hear_type("subscribed")
    await move(town, "admin", own)
    told = await heard(line, 1.5)
    assert told.count(key) >= 2  # in the list, and in the team's
    await line.say({"type": "subscribe", "topic": f"conversation:{key}", "after": 0})
    assert HIDDEN not in await heard(line)  # events carry what was said then, and say it
    await move(town, "admin", other)
    told = await heard(line, 1.5)
    assert str(other.pk) not in told  # it is gone, not where it went
    assert key in told
    assert "not_found" in told  # the conversation's topic is over
    await say_typing(town)
    assert "typing" not in await heard(line)


async def test_own_role_that_sees_what_is_assigned_hears_no_more_of_its_persons_team(
    dial: Any, committed_hidden: tuple[Town, Team]
) -> None:
    town, other = committed_hidden
    await sync_to_async(wear)(town, "assigned")
    await sync_to_async(join)(town, other, "support")
    line, key = await desk(dial, town.world.people["support"]), str(town.ids["conversations.conversation"])
    for topic in ("inbox", "mine", f"team:{other.pk}", f"conversation:{key}"):
        await line.say({"type": "subscribe", "topic": topic, "after": 0})
        told = await heard(line)
        assert key not in told.replace(topic, ""), topic
        assert ("not_found" in told) == (topic not in ("inbox", "mine")), told
    await say_typing(town)
    assert await heard(line) == ""
    await assign(town, "support")
    assert key in await heard(line, 1.5)


@sync_to_async
def assign(town: Town, role: str) -> None:
    with tenant_scope(town.world.acme.pk):
        key, person = town.ids["conversations.conversation"], town.world.people[role].pk
        states.assign(actor=town.world.actor("admin"), conversation_id=key, user_id=person)


@sync_to_async
def another_team(town: Town) -> Team:
    with tenant_scope(town.world.acme.pk):
        return Team.objects.create(name="Third team")


@sync_to_async
def team_of(town: Town, role: str) -> Team:
    with tenant_scope(town.world.acme.pk):
        found: Team = Team.objects.get(name=f"Team of {role}")
        return found


@sync_to_async
def say_typing(town: Town) -> None:

    person: UUID = town.world.people["admin"].pk
    presence.say_typing(town.world.acme.pk, town.ids["conversations.conversation"], person, "Ada")
