"""The console's socket: staff subscribe to queue, inbox, conversations and approvals."""

import asyncio
import time
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from accounts.notices import UPDATED
from accounts.sessions import store as sessions
from accounts.tokens import access
from channels_app.sockets import console_topics as topics
from channels_app.sockets import places, presence, shared_events
from channels_app.sockets.connection import (
    AGAIN_AFTER,
    BAD,
    BAD_FRAMES,
    NOT_ALLOWED,
    NOT_SIGNED_IN,
    RESTART,
    TOO_MANY,
    SocketConnection,
)
from channels_app.sockets.console_topics import Topic
from channels_app.sockets.layer import hints_lost_listeners
from channels_app.sockets.sign_ins import Key, sign_ins
from channels_app.sockets.thread_pool import in_scope, unscoped
from channels_app.web_chat import frames
from channels_app.web_chat.settings import origins
from core.errors import Invalid, Refused, WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)

PROTOCOL: Final = "walker.v1"
TOPICS: Final = 50
POLL_EVERY: Final = 60.0
SIGN_IN_EVERY: Final = 10.0
NOTE_EVERY: Final = 50.0
TYPING_EVERY: Final = 1.0


class ConsoleConsumer(SocketConnection):
    """The connection of one console page, or of an app that a person has signed in to."""

    route = "console"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key: Key | None = None
        self.user_id: UUID | None = None
        self.name = ""
        self.tenant_id: UUID | None = None
        self.topics: dict[str, Topic] = {}
        self.sent: dict[tuple[str, str], int] = {}  # by topic and stream
        self.counting: dict[str, asyncio.Task[None]] = {}
        self.present: dict[str, presence.Present] = {}
        self.watching: asyncio.Task[None] | None = None
        self.sign_in_at = 0.0
        self.noted_at = -NOTE_EVERY
        self.typed_at = -TYPING_EVERY

    # ---- coming and going

    async def connect(self) -> None:
        """Accept the connection; close it at once for strangers and for foreign pages.

        A page brings its session's cookie, an app its access token as the subprotocol after ours.
        """
        offered = [str(name) for name in self.scope.get("subprotocols", [])]
        token = next((name for name in offered if name != PROTOCOL), "") if PROTOCOL in offered else ""
        await self.accept(PROTOCOL if token else None)
        own = origins.own_origins(self.header("host"), secure=self.scope.get("scheme") == "wss")
        # A cookie authenticates any page that opens the connection, so another site's must not. An app has no origin.
        is_named = bool(self.header("origin") or token)
        if not is_named or not origins.is_allowed(self.header("origin"), registered=(), own=own):
            await self.hang_up(NOT_ALLOWED)
            return
        self.key = await self.device_of(token) if token else self.scope["session"].session_key
        code = await self.sign_in()
        if code:
            await self.hang_up(code)
            return
        if not await places.take(self.who()[0], self.channel_name):
            await self.hang_up(TOO_MANY)
            return
        await self.hear_of_sign_outs()
        await self.say({"type": "connected"})
        await self.note_presence()
        self.watching = asyncio.create_task(self.watch())

    async def sign_in(self, *, younger_than: float = 0.0) -> int:
        """Set user and tenant, as found less than so many seconds ago; return a close code, or 0."""
        look = await sign_ins.of(self.key, younger_than=younger_than) if self.key else None
        found = look.found if look else None
        if look is None or found is None:
            return NOT_SIGNED_IN
        # All pages of a session ask again at the same time, of which one reads.
        self.sign_in_at = look.at + SIGN_IN_EVERY
        if found.tenant_id is None:
            return NOT_ALLOWED
        if self.tenant_id is not None and (self.tenant_id, self.user_id) != (found.tenant_id, found.user_id):
            return NOT_SIGNED_IN
        self.user_id, self.tenant_id = found.user_id, found.tenant_id
        # The entries in the presence lists are found by it: it stays as it was when the page was opened.
        self.name = self.name or found.name
        return 0

    async def device_of(self, token: str) -> Key | None:
        """Return what an access token says, None for one that isn't valid."""
        try:
            return await unscoped(access.read, token)
        except Refused:
            return None

    async def disconnect(self, code: int) -> None:
        """Unsubscribe from everything and leave the presence lists."""
        self.gone = True
        for task in (self.watching, *self.counting.values()):
            if task is not None:
                task.cancel()
        for topic in list(self.topics.values()):
            await self.drop(topic)
        if self.user_id is not None and self.tenant_id is not None:
            await self.end_hints(self.tenant_id, [sessions.stream_of(self.user_id)])
            await places.leave(self.tenant_id, self.channel_name)

    # ---- frames in

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Handle one frame; errors are answered, not raised."""
        if self.gone or self.tenant_id is None:
            return
        if text_data is None or len(text_data) > frames.FRAME_LIMIT:
            await self.hang_up(BAD)
            return
        topic = ""
        try:
            frame = frames.load(text_data)
            topic = str(frame.get("topic", ""))[:80]
            await self.dispatch_frame(frame)
        except Invalid as problem:
            self.bad += 1
            await self.say({"type": "error", **problem.as_dict(), "topic": topic})
            if self.bad >= BAD_FRAMES:
                await self.hang_up(BAD)
        except WalkerError as problem:
            await self.say({"type": "error", **problem.as_dict(), "topic": topic})
        except (OperationalError, InterfaceError):
            log.warning("console_database_unavailable")
            await self.hang_up(RESTART)

    async def dispatch_frame(self, frame: dict[str, Any]) -> None:
        """Subscribe or unsubscribe, or let colleagues know that one writes an answer."""
        if frame.get("type") == "subscribe":
            after = frame.get("after")
            await self.subscribe(
                topics.parse_topic(frame.get("topic"), person=self.user_id),
                frames.read_number(frame, "after") if after is not None else None,
            )
        elif frame.get("type") == "unsubscribe":
            topic = topics.parse_topic(frame.get("topic"), person=self.user_id)
            if topic.name in self.topics:
                await self.drop(topic)
            await self.say({"type": "unsubscribed", "topic": topic.name})
        elif frame.get("type") == "typing":
            await self.say_typing(topics.parse_topic(frame.get("topic"), person=self.user_id))
        else:
            raise Invalid("This frame type isn't supported.", code="unknown_type")

    async def say_typing(self, topic: Topic) -> None:
        """Let customer and colleagues of a conversation know that this one writes; needs the right to reply."""
        if topic.kind != "conversation" or topic.ref is None or topic.name not in self.topics:
            raise Invalid("Subscribe to this conversation first.", code="not_subscribed")
        if time.monotonic() < self.typed_at + TYPING_EVERY:
            return
        self.typed_at = time.monotonic()
        tenant_id, user_id = self.who()
        first_name = await in_scope(tenant_id, topics.writer, user_id, topic.ref)
        presence.say_typing(tenant_id, topic.ref, user_id, self.name)
        presence.say_answering(tenant_id, topic.ref, first_name)

    async def subscribe(self, topic: Topic, after: int | None) -> None:
        """Subscribe to a topic from now or after a number. The permission is checked here and at each send."""
        if len(self.topics) >= TOPICS and topic.name not in self.topics:
            raise Invalid(f"One connection can subscribe to at most {TOPICS} topics.", code="too_many_topics")
        tenant_id, user_id = self.who()
        await in_scope(tenant_id, topics.heads, user_id, topic)
        self.topics[topic.name] = topic
        await self.listen(topic)
        # Read after subscribing, so that nothing is lost between the number and the first hint.
        heads = await in_scope(tenant_id, topics.heads, user_id, topic)
        if topic.kind == "notices":
            number = await in_scope(tenant_id, topics.bell_number, user_id)
            await self.say({"type": "subscribed", "topic": topic.name, "seq": number})
            if after is not None and after != number:
                await self.say_passing(topic, UPDATED, {})
            return
        first = topic.streams[0]
        for stream, head in heads.items():
            self.sent[topic.name, stream] = head if after is None or stream != first else min(after, head)
        await self.say({"type": "subscribed", "topic": topic.name, "seq": heads[first]})
        self.count_soon(topic)
        await self.pump(topic)

    # ---- frames out

    async def stream_event(self, hint: dict[str, Any]) -> None:
        """Send the new rows of a stream."""
        for topic in self.topics_of(hint["stream"]):
            if hint["seq"] > self.sent.get((topic.name, hint["stream"]), 0):
                await self.pump(topic)

    async def stream_transient(self, message: dict[str, Any]) -> None:
        """Forward a transient frame: typing, presence, a change of one's notices. Hang up where the session ended."""
        if message["event"] == sessions.ENDED:
            await self.look_whether_signed_in()
        if message["event"] not in topics.PASSING:
            return
        for topic in self.topics_of(message["stream"]):
            await self.pass_on(topic, message)

    async def look_whether_signed_in(self) -> None:
        """Close the connection if one of the person's sessions that ended is its own."""
        try:
            code = await self.sign_in()
        except (OperationalError, InterfaceError):
            log.warning("console_database_unavailable")
            return  # the next regular look finds it
        if code:
            await self.hang_up(code)

    async def pass_on(self, topic: Topic, message: dict[str, Any]) -> None:
        """Forward a transient frame to one topic, if the person still has its permission."""
        tenant_id, user_id = self.who()
        try:
            await in_scope(tenant_id, topics.require_topic, user_id, topic)
        except WalkerError as problem:
            await self.drop(topic)
            await self.say({"type": "error", **problem.as_dict(), "topic": topic.name})
            return
        if message["event"] == "agent.presence" and topic.kind == "conversation":
            self.present[topic.name] = message["payload"]
        await self.say_passing(topic, message["event"], message["payload"])

    async def say_passing(self, topic: Topic, event: str, payload: dict[str, Any]) -> None:
        """Send a frame that has no number."""
        name = topics.NAMES.get(event, event)
        payload = {**payload, "conversation": str(topic.ref)} if topic.kind == "conversation" else payload
        await self.say({"type": "event", "topic": topic.name, "event": name, "seq": None, "payload": payload})

    async def pump(self, topic: Topic) -> None:
        """Send what is due on a topic's streams. Unsubscribe a person who lost the permission."""
        tenant_id, user_id = self.who()
        async with self.sending:
            for stream in topic.streams:
                while topic.name in self.topics:
                    after = self.sent[topic.name, stream]
                    try:
                        found = await topics.due(tenant_id, user_id, topic, stream, after)
                    except WalkerError as problem:
                        await self.drop(topic)
                        await self.say({"type": "error", **problem.as_dict(), "topic": topic.name})
                        return
                    for frame in found.frames:
                        await self.say(frame)
                    self.sent[topic.name, stream] = found.head
                    if found.frames:
                        self.count_soon(topic)
                    if not found.more:
                        break

    def count_soon(self, topic: Topic) -> None:
        """Send a team's counts within about a second, once for everything that happens until then."""
        if topic.kind == "team" and topic.name not in self.counting:
            self.counting[topic.name] = asyncio.create_task(self.say_counts(topic))

    async def say_counts(self, topic: Topic) -> None:
        """Send how many wait in a team, and since when the oldest does."""
        tenant_id, user_id = self.who()
        try:
            found = await shared_events.counts.of(tenant_id, topic.ref or tenant_id)
            await shared_events.events.require(tenant_id, user_id, topics.PERMISSIONS[topic.kind], topic.name)
        except WalkerError:
            return  # the next event unsubscribes this person
        except (OperationalError, InterfaceError):
            log.warning("console_database_unavailable")
            return
        finally:
            self.counting.pop(topic.name, None)
        if topic.name in self.topics:
            await self.say_passing(topic, "queue.updated", found)

    async def watch(self) -> None:
        """Poll seldom beside the hints, and at once after a loss. Close the connection of who signed out or left."""
        hints_lost_listeners.add(self)
        self.look_after(POLL_EVERY)
        while not self.gone:
            await self.rest_for(min(self.sign_in_at, self.look_at) - time.monotonic())
            try:
                if time.monotonic() >= self.sign_in_at:
                    code = await self.sign_in(younger_than=SIGN_IN_EVERY)
                    if code:
                        await self.hang_up(code)
                        return
                    await self.note_presence()
                if time.monotonic() >= self.look_at:
                    self.look_after(POLL_EVERY)
                    await self.look_again()
            except (OperationalError, InterfaceError):
                log.warning("console_database_unavailable")
                self.look_at = 0.0
                await asyncio.sleep(AGAIN_AFTER)

    async def look_again(self) -> None:
        """Send what hints missed on each topic, and renew subscription and presence."""
        await self.hear_of_sign_outs()
        for topic in list(self.topics.values()):
            present = await self.listen(topic)
            if present is not None and present != self.present.get(topic.name):
                # The frame that said so was lost.
                self.present[topic.name] = present
                await self.say_passing(topic, "agent.presence", dict(present))
            await self.pump(topic)

    async def note_presence(self) -> None:
        """Note about once a minute that the person has a page open: conversations may be given to them."""
        if time.monotonic() < self.noted_at + NOTE_EVERY:
            return
        self.noted_at = time.monotonic()
        tenant_id, user_id = self.who()
        await places.renew(tenant_id, self.channel_name)
        await in_scope(tenant_id, topics.note_open_page, user_id)

    # ---- groups

    async def listen(self, topic: Topic) -> presence.Present | None:
        """Subscribe to a topic's hints; on a conversation also register presence, and return who is present."""
        tenant_id, user_id = self.who()
        await self.ask_for_hints(tenant_id, topic.heard)
        if topic.kind == "conversation" and topic.ref is not None:
            return await presence.arrive(
                tenant_id, topic.ref, "staff", self.channel_name, person=user_id, name=self.name
            )
        return None

    async def hear_of_sign_outs(self) -> None:
        """Subscribe to hints that a session of the person ended."""
        tenant_id, user_id = self.who()
        await self.ask_for_hints(tenant_id, [sessions.stream_of(user_id)])

    async def drop(self, topic: Topic) -> None:
        """Unsubscribe from a topic."""
        tenant_id, user_id = self.who()
        self.topics.pop(topic.name, None)
        self.present.pop(topic.name, None)
        still_heard = {stream for other in self.topics.values() for stream in other.heard}
        await self.end_hints(tenant_id, [stream for stream in topic.heard if stream not in still_heard])
        if topic.kind == "conversation" and topic.ref is not None:
            await presence.leave(tenant_id, topic.ref, "staff", self.channel_name, person=user_id, name=self.name)

    # ---- small

    def topics_of(self, stream: str) -> list[Topic]:
        return [one for one in self.topics.values() if stream in one.heard]

    def who(self) -> tuple[UUID, UUID]:
        """Return tenant and user of a signed-in connection."""
        if self.tenant_id is None or self.user_id is None:
            raise RuntimeError("this connection is not signed in")
        return self.tenant_id, self.user_id
