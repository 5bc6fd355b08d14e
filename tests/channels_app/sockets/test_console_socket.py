"""The console socket: who may subscribe to which topic, and what they receive."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.conf import settings
from django.test import Client
from redis.asyncio import Redis

from accounts.models import BrowserSession, Membership, User
from accounts.organisation import tiers
from accounts.services import remove_member
from accounts.sessions import families
from accounts.sign_in.sessions import end_device, end_session
from accounts.tokens import access
from channels_app.sockets import connection, console, places, shared_events, sign_ins, thread_pool
from channels_app.web_chat.settings import limits
from conversations.inbox import assignment, states
from conversations.inbox.teams import availability, teams
from conversations.inbox.threads import team_chat
from conversations.models import TeamMember
from core import notices
from core.events import streams
from core.tenancy.models import tenant_scope
from hitl.approvals.change import holds
from tests.channels_app.conftest import Line, OwnRedis, Widgets, session_of
from tests.console import scene
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
OWN = "http://localhost"


@pytest.fixture
def desk(dial: Any, live_widgets: Widgets) -> Callable[..., Any]:
    """Open a console line of a user."""

    async def make(user: User | None, origin: str = OWN) -> Line:
        client = Client()
        if user is not None:
            await sync_to_async(client.force_login)(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
        sent = {"cookie": f"{cookie.key}={cookie.value}"} if cookie else {}
        line: Line = await dial("/ws/console/", origin=origin, **sent)
        return line

    return make


@pytest.fixture
def watch(desk: Any) -> Callable[..., Any]:
    """Open a console line of a colleague and wait until it is connected."""

    async def make(user: User, topic: str = "") -> Line:
        line: Line = await desk(user)
        await line.hear_type("connected")
        if topic:
            await subscribe(line, topic)
        return line

    return make


@sync_to_async
def append(world: World, stream: str, type: str, payload: dict[str, Any]) -> int:
    with tenant_scope(world.acme.pk):
        return streams.append(stream, type, payload).seq


async def conversation_of(chat: Any, account: Any) -> tuple[Line, UUID]:
    line = await chat(account)
    await line.send("Hello from ann@example.com")
    session = await sync_to_async(session_of)(account, visitor=line.visitor)
    from channels_app.web_chat import conversation as work

    with tenant_scope(account.tenant_id):
        place = await sync_to_async(work.find_place)(session.guest)
    assert place is not None
    return line, place.conversation_id


async def subscribe(line: Line, topic: str, **more: Any) -> dict[str, Any]:
    await line.say({"type": "subscribe", "topic": topic, **more})
    return await line.hear()


async def test_stranger_is_not_signed_in(desk: Any) -> None:
    assert await (await desk(None)).close_code() == 4401


async def test_person_without_a_membership_is_not_allowed(desk: Any, committed_world: World) -> None:
    nobody = await User.objects.acreate(email="nobody@example.com")
    assert await (await desk(nobody)).close_code() == 4403


@pytest.mark.parametrize("origin", ["", "https://evil.example", "https://localhost", "null"])
async def test_page_that_is_not_ours_is_not_allowed(desk: Any, committed_world: World, origin: str) -> None:
    line = await desk(committed_world.people["owner"], origin=origin)
    assert await line.close_code() == 4403


@sync_to_async
def allow_connections(world: World, most: int) -> None:
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"sockets": most})
    tiers.give_tier(actor=OPERATOR, slug=world.acme.slug, tier_id=tier.pk)


async def test_connection_beyond_the_tier_is_closed_until_another_goes(
    watch: Any, desk: Any, committed_world: World
) -> None:
    await allow_connections(committed_world, 1)
    first = await watch(committed_world.people["support"])
    assert await (await desk(committed_world.people["viewer"])).close_code() == 4429
    await watch(committed_world.outsiders["owner"])  # of another organisation
    await first.socket.disconnect()
    await watch(committed_world.people["viewer"])


@pytest.mark.slow
async def test_open_connection_is_counted_again_after_redis_forgot_it_and_without_redis_all_are_let_in(
    watch: Any, desk: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SIGN_IN_EVERY", 0.1)
    monkeypatch.setattr(console, "NOTE_EVERY", 0.0)
    await allow_connections(committed_world, 1)
    people, tenant_id = committed_world.people, committed_world.acme.pk
    await watch(people["support"])
    await limits.async_redis().delete(limits.key(tenant_id.hex, "places"))
    assert await places.renew(tenant_id, "of another page") in (1, 2)
    async with asyncio.timeout(10):  # it stays open, although there is one too many
        while await thread_pool.in_scope(tenant_id, places.SocketLimit().used) != 2:
            await asyncio.sleep(0.05)
    assert await (await desk(people["viewer"])).close_code() == 4429
    monkeypatch.setattr(places, "async_redis", lambda: Redis.from_url("redis://127.0.0.1:1"))
    await watch(people["viewer"])


async def test_queue_event_arrives_with_its_number(watch: Any, committed_world: World) -> None:
    line = await watch(committed_world.people["viewer"], "queue")
    seq = await append(committed_world, "queue", "approval.overdue", {"approval_id": str(uuid4()), "reference": "BR-3"})
    frame = await line.hear_type("event")
    assert (frame["event"], frame["seq"], frame["payload"]["reference"]) == ("queue.updated", seq, "BR-3")


@pytest.mark.slow
async def test_inbox_tells_of_a_new_conversation_and_of_whom_it_went_to(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    line = await watch(committed_world.people["support"], "inbox")
    _, conversation = await conversation_of(chat, live_widgets.acme)
    assert (await line.hear_type("event"))["event"] == "conversation.new"
    with tenant_scope(committed_world.acme.pk):
        actor = await sync_to_async(committed_world.actor)("support")
        await sync_to_async(states.take_over)(actor=actor, conversation_id=conversation)
    assert (await line.hear_type("event"))["event"] == "conversation.assigned"


async def test_events_missed_are_sent_after_the_number(watch: Any, committed_world: World) -> None:
    line = await watch(committed_world.people["viewer"])
    sent = [await append(committed_world, "queue", "test", {}) for _ in range(3)]
    assert (await subscribe(line, "queue", after=1))["seq"] == 3
    assert [(await line.hear())["seq"] for _ in range(2)] == sent[1:]


@pytest.mark.slow
async def test_event_of_another_tenant_is_never_heard(watch: Any, committed_world: World) -> None:
    line = await watch(committed_world.outsiders["owner"], "queue")
    await append(committed_world, "queue", "test", {})
    assert await line.socket.receive_nothing(timeout=0.3)


@pytest.mark.slow
async def test_message_reaches_the_watching_staff_masked(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    customer, conversation = await conversation_of(chat, live_widgets.acme)
    line = await watch(committed_world.people["support"], f"conversation:{conversation}")
    await customer.send("Call me: ben@example.com")
    frame = await line.hear_type("event")
    while frame["event"] != "message.received":
        frame = await line.hear_type("event")
    assert "ben@example.com" not in str(frame)


@pytest.mark.slow
async def test_conversation_of_another_tenant_is_like_an_absent_one(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    _, conversation = await conversation_of(chat, live_widgets.acme)
    line = await watch(committed_world.outsiders["owner"])
    foreign, absent = [await subscribe(line, f"conversation:{one}") for one in (conversation, uuid4())]
    assert {**foreign, "topic": ""} == {**absent, "topic": ""}
    assert foreign["code"] == "not_found"


async def test_approval_unknown_is_not_found(watch: Any, committed_world: World) -> None:
    line = await watch(committed_world.people["approver"])
    assert (await subscribe(line, f"approval:{uuid4()}"))["code"] == "not_found"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["queue", "approval"])
async def test_person_who_lost_the_membership_hears_no_more(
    watch: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(console, "SIGN_IN_EVERY", 600)  # the check would close the line instead
    [one] = await ask(committed_world)
    user = committed_world.people["viewer"]
    line = await watch(user, "queue" if kind == "queue" else f"approval:{one}")
    with tenant_scope(committed_world.acme.pk):
        await user.memberships.aupdate(is_active=False)
    await hold(committed_world, one)
    assert (await line.hear())["type"] == "error"


async def test_person_who_signed_out_is_cut_off(
    watch: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SIGN_IN_EVERY", 0.1)
    line = await watch(committed_world.people["viewer"])
    from django.contrib.sessions.models import Session

    await Session.objects.all().adelete()
    assert await line.close_code() == 4401


async def test_pages_of_a_session_that_is_ended_close_at_once_and_others_stay(
    watch: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SIGN_IN_EVERY", 600)  # nobody asks by themselves
    person = committed_world.people["viewer"]
    ended, stays = await watch(person), await watch(person)
    colleague = await watch(committed_world.people["owner"])

    @sync_to_async
    def end_first() -> None:
        with tenant_scope(committed_world.acme.pk):
            first = BrowserSession.objects.filter(user=person).earliest("pk")
            end_session(actor=committed_world.actor("viewer"), session_id=first.pk)

    await end_first()
    assert await ended.close_code(timeout=5) == 4401
    assert [await one.socket.receive_nothing(timeout=0.3) for one in (stays, colleague)] == [True, True]

    @sync_to_async
    def remove() -> None:
        with tenant_scope(committed_world.acme.pk):
            membership = Membership.objects.get(user=person)
            remove_member(actor=committed_world.actor("owner"), membership_id=membership.pk)

    await remove()
    assert await stays.close_code(timeout=5) in (4401, 4403)
    assert await colleague.socket.receive_nothing(timeout=0.3)


@pytest.mark.slow
async def test_app_is_signed_in_by_its_token_and_cut_off_when_its_device_ends(
    dial: Any, live_widgets: Widgets, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SIGN_IN_EVERY", 600)  # nobody asks by themselves
    person = committed_world.people["viewer"]

    @sync_to_async
    def sign_in() -> tuple[UUID, str]:
        with tenant_scope(committed_world.acme.pk):
            grant = families.begin(user=person, strength="password", address="", user_agent="")
            return grant.family_id, access.issue(grant)[0]

    @sync_to_async
    def end(family_id: UUID) -> None:
        with tenant_scope(committed_world.acme.pk):
            end_device(actor=committed_world.actor("viewer"), family_id=family_id)

    family_id, token = await sign_in()
    _, other = await sign_in()

    async def open_line(*protocols: str, origin: str = "") -> Line:
        line: Line = await dial("/ws/console/", origin=origin, protocols=protocols)
        return line

    ended, stays = await open_line("walker.v1", token), await open_line("walker.v1", other, origin=OWN)
    for line in (ended, stays):
        await line.hear_type("connected")
        assert line.protocol == "walker.v1"
    assert (await subscribe(ended, "queue"))["type"] == "subscribed"
    refused = {
        await open_line("walker.v1", f"{token}x"): 4401,
        await open_line(token): 4403,
        await open_line("walker.v1", token, origin="https://evil.example"): 4403,
        await dial(f"/ws/console/?token={token}", origin=OWN): 4401,
    }
    assert [await line.close_code() for line in refused] == list(refused.values())
    await end(family_id)
    assert await ended.close_code(timeout=5) == 4401
    assert await stays.socket.receive_nothing(timeout=0.3)
    assert await (await open_line("walker.v1", token)).close_code() == 4401


@pytest.mark.slow
async def test_pages_of_one_browser_share_the_check_of_its_sign_in_and_all_end_in_time(
    dial: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SIGN_IN_EVERY", 1.0)
    read, reads = sign_ins.read, list[str]()

    def counted(key: str) -> Any:
        reads.append(key)
        return read(key)

    monkeypatch.setattr(sign_ins, "read", counted)
    client = Client()
    viewer = committed_world.people["viewer"]
    await sync_to_async(client.force_login)(viewer, backend=settings.AUTHENTICATION_BACKENDS[0])
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    lines = [await dial("/ws/console/", origin=OWN, cookie=f"{cookie.key}={cookie.value}") for _ in range(5)]
    for line in lines:
        await line.hear_type("connected")
    await asyncio.sleep(1.2)  # all have asked again
    reads.clear()
    await asyncio.sleep(3.0)
    assert 2 <= len(reads) <= 4
    with tenant_scope(committed_world.acme.pk):
        await viewer.memberships.aupdate(is_active=False)
    ended = asyncio.get_running_loop().time()
    assert [await line.close_code() for line in lines] == [4403] * 5
    assert asyncio.get_running_loop().time() - ended < 3.0


@pytest.mark.slow
async def test_page_hears_at_once_what_happened_while_redis_was_away(
    watch: Any, committed_world: World, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "POLL_EVERY", 600)  # hints, or having noticed that some were lost
    monkeypatch.setattr(connection, "SPREAD", 0.0)
    layer = settings.CHANNEL_LAYERS["default"]
    own = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [own_redis.host]}}}
    monkeypatch.setattr(settings, "CHANNEL_LAYERS", own)
    channel_layers.backends = {}
    line = await watch(committed_world.people["viewer"], "queue")
    seq = await append(committed_world, "queue", "test", {})
    assert (await line.hear_type("event", timeout=8))["seq"] == seq
    own_redis.kill()
    seq = await append(committed_world, "queue", "test", {})
    late = await watch(committed_world.people["viewer"], "queue")
    own_redis.start()
    assert (await line.hear_type("event", timeout=8))["seq"] == seq
    seq = await append(committed_world, "queue", "test", {})
    for each in (line, late):
        assert (await each.hear_type("event", timeout=8))["seq"] == seq


@pytest.mark.parametrize("topic", ["", "all", "conversation:", "conversation:x", "queue:1", None, {"a": 1}])
async def test_topic_unknown_is_refused(watch: Any, committed_world: World, topic: Any) -> None:
    line = await watch(committed_world.people["owner"])
    assert (await subscribe(line, topic))["code"] == "unknown_topic"


async def test_third_bad_frame_closes_the_console_line(desk: Any, committed_world: World) -> None:
    line = await desk(committed_world.people["owner"])
    for _ in range(3):
        await line.say("{")
    assert await line.close_code() == 4400


@pytest.mark.slow
async def test_presence_is_told_and_taken_back(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    customer, conversation = await conversation_of(chat, live_widgets.acme)
    line = await watch(committed_world.people["support"], f"conversation:{conversation}")
    await customer.socket.disconnect()
    while (await line.hear_type("event"))["payload"].get("customer") != 0:
        pass


@pytest.mark.slow
async def test_colleague_who_writes_is_named_to_those_who_watch(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    people = committed_world.people
    guest, conversation = await conversation_of(chat, live_widgets.acme)
    topic = f"conversation:{conversation}"
    first, second = await watch(people["support"], topic), await watch(people["admin"], topic)
    while (frame := await first.hear_type("event"))["event"] != "agent.presence" or frame["payload"]["staff"] < 2:
        pass
    assert {each["name"] for each in frame["payload"]["people"]} == {"Support Acme", "Admin Acme"}
    for _ in range(5):  # one a second counts
        await second.say({"type": "typing", "topic": topic})
    heard = await first.hear_type("event")
    assert (heard["event"], heard["payload"]["person"]) == ("agent.typing", str(people["admin"].pk))
    assert heard["payload"]["name"] == "Admin Acme"
    # The customer learns no more than the first name.
    assert await guest.hear_type("person_typing") == {"name": "Admin", "type": "person_typing"}
    assert "Support Acme" not in str(heard)
    viewer = await watch(people["viewer"], topic)
    await viewer.say({"type": "typing", "topic": topic})
    assert (await viewer.hear_type("error"))["code"] != ""
    await viewer.say({"type": "typing", "topic": "inbox"})
    assert (await viewer.hear_type("error"))["code"] == "not_subscribed"


@pytest.mark.slow
async def test_passing_frame_is_kept_from_somebody_who_lost_the_right(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "POLL_EVERY", 600)
    guest, ref = await conversation_of(chat, live_widgets.acme)
    line = await watch(committed_world.people["support"], f"conversation:{ref}")
    with tenant_scope(committed_world.acme.pk):
        await committed_world.people["support"].memberships.aupdate(is_active=False)
    await guest.say({"type": "typing"})
    assert (await line.hear_type("error"))["code"] == "no_membership"


# ---- one's own notices


@sync_to_async
def notice(world: World, user: User) -> None:
    """Leave a notice for a person in the first tenant."""
    with tenant_scope(world.acme.pk):
        notices.leave(people=[user.pk], kind="approval", title="BR-1042 needs you", link="/admin/")


@pytest.mark.slow
async def test_person_hears_that_their_notices_changed_and_nothing_of_what_they_say(
    watch: Any, committed_world: World
) -> None:
    viewer, owner = committed_world.people["viewer"], committed_world.people["owner"]
    line, other = await watch(viewer), await watch(owner, "notices")
    assert await subscribe(line, "notices", after=0) == {"type": "subscribed", "topic": "notices", "seq": 0}
    await notice(committed_world, viewer)
    frame = {"type": "event", "topic": "notices", "event": "notices.updated", "seq": None, "payload": {}}
    assert await line.hear() == frame
    assert await other.socket.receive_nothing(timeout=0.3)
    await line.say({"type": "unsubscribe", "topic": "notices"})
    assert (await line.hear())["type"] == "unsubscribed"
    await notice(committed_world, viewer)
    assert await line.socket.receive_nothing(timeout=0.3)
    assert (await subscribe(line, "notices", after=0))["seq"] > 0  # what was missed is told at once
    assert await line.hear() == frame


@pytest.mark.slow
async def test_notices_of_another_tenant_are_not_heard(watch: Any, committed_world: World) -> None:
    outsider = committed_world.outsiders["owner"]
    line = await watch(outsider, "notices")
    await notice(committed_world, outsider)
    assert await line.socket.receive_nothing(timeout=0.3)


async def test_person_who_lost_the_membership_hears_of_no_notice(
    watch: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SIGN_IN_EVERY", 600)  # the check would close the line instead
    viewer = committed_world.people["viewer"]
    line = await watch(viewer, "notices")
    with tenant_scope(committed_world.acme.pk):
        await viewer.memberships.aupdate(is_active=False)
    await notice(committed_world, viewer)
    assert (await line.hear())["code"] == "no_membership"


# ---- one approval: what the queue tells about it


@sync_to_async
def ask(world: World, count: int = 1) -> list[UUID]:
    """Let requests be made that the approver and the admin may sign."""
    with tenant_scope(world.acme.pk):
        scene.add_workflow(world)
        return [scene.ask(world, params={"campaign": f"Sale {number}"}).pk for number in range(count)]


@sync_to_async
def hold(world: World, approval: UUID) -> int:
    """Move an approval; returns the queue's newest number."""
    with tenant_scope(world.acme.pk):
        holds.hold(actor=world.actor("compliance"), approval_id=approval, reason="Wait.")
        return streams.head("queue")


@pytest.mark.slow
async def test_approval_tells_what_the_queue_tells_about_it(watch: Any, committed_world: World) -> None:
    one, other = await ask(committed_world, 2)
    line = await watch(committed_world.people["viewer"])
    topic = f"approval:{one}"
    assert await subscribe(line, topic) == {"type": "subscribed", "topic": topic, "seq": 2}
    await hold(committed_world, other)
    seq = await hold(committed_world, one)
    frame = await line.hear()
    assert (frame["topic"], frame["stream"], frame["event"], frame["seq"]) == (topic, topic, "approval.updated", seq)
    assert frame["payload"]["approval_id"] == str(one)
    assert await line.socket.receive_nothing(timeout=0.3)


@pytest.mark.slow
async def test_topics_of_an_approval_and_of_the_queue_go_on_beside_each_other(
    watch: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "POLL_EVERY", 600)  # only hints may wake the line
    one, other = await ask(committed_world, 2)
    line = await watch(committed_world.people["viewer"], f"approval:{one}")
    await subscribe(line, "queue")
    seqs = [await hold(committed_world, each) for each in (one, other)]
    heard = sorted([(frame["topic"], frame["seq"]) for frame in [await line.hear() for _ in range(3)]])
    assert heard == [(f"approval:{one}", seqs[0]), ("queue", seqs[0]), ("queue", seqs[1])]


@pytest.mark.slow
async def test_events_of_an_approval_that_were_missed_are_sent_after_the_number(
    watch: Any, committed_world: World
) -> None:
    other, one = await ask(committed_world, 2)
    seq = await hold(committed_world, one)
    await hold(committed_world, other)
    line = await watch(committed_world.people["viewer"])
    for after, missed in ((2, [seq]), (1, [2, seq]), (seq, [])):  # 1: of the numbers of its own that it once had
        assert (await subscribe(line, f"approval:{one}", after=after))["seq"] == seq + 1
        assert [(await line.hear())["seq"] for _ in missed] == missed
        await line.say({"type": "unsubscribe", "topic": f"approval:{one}"})
        assert (await line.hear())["type"] == "unsubscribed"


@pytest.mark.slow
async def test_approval_of_another_tenant_is_like_an_absent_one(watch: Any, committed_world: World) -> None:
    [one] = await ask(committed_world)
    line = await watch(committed_world.outsiders["owner"])
    assert (await subscribe(line, f"approval:{one}", after=0))["code"] == "not_found"
    await hold(committed_world, one)
    assert await line.socket.receive_nothing(timeout=0.3)


@sync_to_async
def make_team(world: World, name: str, **more: Any) -> UUID:
    with tenant_scope(world.acme.pk):
        seats = [teams.Seat(world.people["support"].pk)]
        settings = teams.TeamSettings(name=name, **more)
        found: UUID = teams.create_team(actor=world.actor("admin"), settings=settings, seats=seats).pk
        return found


@sync_to_async
def move(world: World, role: str, do: Callable[..., Any], **said: Any) -> None:
    """Let somebody do something with a conversation."""
    with tenant_scope(world.acme.pk):
        do(actor=world.actor(role), **said)


async def heard_of(line: Line, seconds: float = 1.6) -> list[tuple[str, str]]:
    """Return topic and name of all events that a line hears within a moment."""
    told = []
    while not await line.socket.receive_nothing(timeout=seconds):
        frame = json.loads((await line.socket.receive_output())["text"])
        told += [(frame["topic"], frame["event"])] if frame["type"] == "event" else []
    return told


@pytest.mark.slow
async def test_topics_of_team_and_own_work_tell_what_comes_and_goes(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets
) -> None:
    world = committed_world
    care, sales = await make_team(world, "Care"), await make_team(world, "Sales")
    _, ref = await conversation_of(chat, live_widgets.acme)
    support, admin = (world.people[role] for role in ("support", "admin"))
    mine, theirs = await watch(support, "mine"), await watch(admin, "mine")
    here, there = await watch(support, f"team:{care}"), await watch(support, f"team:{sales}")
    counted = await here.hear_type("event")
    assert (counted["event"], counted["payload"]) == (
        "queue.updated", {"team": str(care), "waiting": 0, "oldest_since": None},
    )  # fmt: skip
    await there.hear_type("event")
    await move(world, "admin", assignment.move_to_team, conversation_id=ref, team_id=care)
    await move(world, "admin", states.assign, conversation_id=ref, user_id=support.pk)
    await move(world, "admin", states.assign, conversation_id=ref, user_id=admin.pk)
    moved, assigned, counts = "conversation.assigned", "conversation.assigned", "queue.updated"
    assert await heard_of(here) == [(f"team:{care}", name) for name in (moved, assigned, assigned, counts)]
    assert await heard_of(mine) == [("mine", assigned), ("mine", assigned)]  # it came, and went
    assert await heard_of(theirs) == [("mine", assigned)]
    await move(world, "admin", states.escalate, conversation_id=ref, reason="complaint")
    await move(world, "admin", assignment.move_to_team, conversation_id=ref, team_id=sales)
    gone = [f"team:{care}", "conversation.needs_person"], [f"team:{care}", moved], [f"team:{care}", counts]
    assert await heard_of(here) == [tuple(one) for one in gone]
    assert (await heard_of(there)) == [(f"team:{sales}", moved), (f"team:{sales}", counts)]
    assert await heard_of(mine) == []
    # Resumed from a number, nothing is lost.
    last = (await subscribe(mine, "mine", after=0))["seq"]
    assert last > 0
    assert [topic for topic, _ in await heard_of(mine)] == ["mine", "mine"]


@pytest.mark.slow
async def test_topic_of_a_foreign_team_is_absent_and_presence_tells_who_is_there(
    watch: Any, committed_world: World
) -> None:
    world = committed_world
    care = await make_team(world, "Care")
    outsider = await watch(world.outsiders["owner"])
    await outsider.say({"type": "subscribe", "topic": f"team:{care}"})
    assert (await outsider.hear_type("error"))["code"] == "not_found"
    line = await watch(world.people["viewer"], "presence")
    await move(world, "support", availability.set_availability, state="away", reason="Lunch")
    told = [frame async for frame in _two(line)]
    assert [frame["event"] for frame in told] == ["agent.presence"] * len(told)
    assert (told[-1]["payload"]["state"], "Lunch" in str(told)) == ("away", False)
    assert told[-1]["seq"] > 0


async def _two(line: Line) -> Any:
    while not await line.socket.receive_nothing(timeout=0.5):
        yield json.loads((await line.socket.receive_output())["text"])


@pytest.mark.slow
async def test_many_who_hear_one_event_read_it_once(
    watch: Any, chat: Any, committed_world: World, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "POLL_EVERY", 600)
    await conversation_of(chat, live_widgets.acme)
    lines = [await watch(committed_world.people["support"], "inbox") for _ in range(12)]
    batches: list[int] = []
    read = shared_events.read_batch

    def counted(asks: Any) -> Any:
        batches.append(len(asks))
        return read(asks)

    monkeypatch.setattr(shared_events, "read_batch", counted)
    await append(committed_world, "inbox", "test", {})
    for line in lines:
        assert (await line.hear_type("event"))["event"] == "test"
    assert (sum(batches), len(batches) <= 4) == (12, True)


@pytest.mark.slow
async def test_chat_of_a_team_is_heard_by_its_people_until_their_seat_ends(
    watch: Any, committed_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "POLL_EVERY", 600)
    world, care = committed_world, await make_team(committed_world, "Care")
    await seat(world, care, "support")
    topic = f"team-chat:{care}"
    await move(world, "support", team_chat.write_to_team, team_id=care, text="Call ana@customer.example")
    for person, code in (
        (world.people["viewer"], "not_allowed"),
        (world.people["approver"], "not_allowed"),
        (world.outsiders["owner"], "not_found"),
    ):
        line = await watch(person)
        await line.say({"type": "subscribe", "topic": topic, "after": 0})
        assert (await line.hear_type("error"))["code"] == code
    line = await watch(world.people["support"])
    assert (await subscribe(line, topic, after=0))["seq"] == 1
    assert ((await line.hear_type("event"))["seq"], "ana@" in str(line)) == (1, False)
    await move(world, "admin", team_chat.write_to_team, team_id=care, text="Done")
    told = await line.hear_type("event")
    assert (told["event"], told["seq"], set(told["payload"])) == ("team.message", 2, {"message", "author"})
    await seat(world, care)
    await move(world, "admin", team_chat.write_to_team, team_id=care, text="Without you")
    assert (await line.hear_type("error"))["code"] == "not_in_team"
    await move(world, "admin", team_chat.write_to_team, team_id=care, text="And more")
    assert await line.socket.receive_nothing(timeout=0.5)


@sync_to_async
def seat(world: World, team_id: UUID, *people: str) -> None:
    with tenant_scope(world.acme.pk):
        TeamMember.objects.filter(team_id=team_id).delete()
        for one in people:
            TeamMember.objects.create(team_id=team_id, user=world.people[one])
