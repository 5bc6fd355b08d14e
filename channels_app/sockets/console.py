"""The console's socket: staff subscribe to queue, inbox, conversations and approvals."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from typing import Any, Final
from uuid import UUID

from channels.auth import get_user
from django.conf import settings
from django.db import InterfaceError, OperationalError

from accounts import selectors as accounts
from accounts.middleware import SESSION_TENANT
from accounts.models import User
from accounts.notices import UPDATED
from channels_app.sockets import console_topics as topics
from channels_app.sockets import presence
from channels_app.sockets.connection import BAD, BAD_FRAMES, NOT_ALLOWED, NOT_SIGNED_IN, RESTART, SocketConnection
from channels_app.sockets.console_topics import Topic
from channels_app.sockets.thread_pool import in_scope, unscoped
from channels_app.webchat import frames, origins
from core.errors import Invalid, WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)

TOPICS: Final = 50
POLL_EVERY: Final = 10.0
NOTE_EVERY: Final = 50.0


class ConsoleConsumer(SocketConnection):
    """The connection of one console page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user_id: UUID | None = None
        self.tenant_id: UUID | None = None
        self.topics: dict[str, Topic] = {}
        self.sent: dict[str, int] = {}
        self.present: dict[str, dict[str, int]] = {}
        self.watching: asyncio.Task[None] | None = None
        self.noted_at = -NOTE_EVERY

    # ---- coming and going

    async def connect(self) -> None:
        """Accept the connection; close it at once for strangers and for foreign pages."""
        await self.accept()
        own = origins.own_origins(self.header("host"), secure=self.scope.get("scheme") == "wss")
        # The connection is authenticated by a cookie, so another site's page must not open it.
        if not self.header("origin") or not origins.is_allowed(self.header("origin"), registered=(), own=own):
            await self.hang_up(NOT_ALLOWED)
            return
        code = await self.sign_in()
        if code:
            await self.hang_up(code)
            return
        await self.say({"type": "connected"})
        await self.note_presence()
        self.watching = asyncio.create_task(self.watch())

    async def sign_in(self) -> int:
        """Set the session's user and tenant; return a close code, or 0."""
        # Load the session each time: the handshake's copy would never notice a sign-out.
        store = import_module(settings.SESSION_ENGINE).SessionStore
        session = store(self.scope["session"].session_key)
        user = await get_user({"session": session})
        if not isinstance(user, User) or not user.is_active:
            return NOT_SIGNED_IN
        found = await unscoped(accounts.memberships_of, user.pk)
        wanted = await unscoped(session.get, SESSION_TENANT)
        chosen = next((membership for membership in found if str(membership.tenant_id) == wanted), None)
        membership = chosen or (found[0] if found else None)
        if membership is None:
            return NOT_ALLOWED
        if self.tenant_id is not None and (self.tenant_id, self.user_id) != (membership.tenant_id, user.pk):
            return NOT_SIGNED_IN
        self.user_id, self.tenant_id = user.pk, membership.tenant_id
        return 0

    async def disconnect(self, code: int) -> None:
        """Unsubscribe from everything and leave the presence lists."""
        self.gone = True
        if self.watching is not None:
            self.watching.cancel()
        for topic in list(self.topics.values()):
            await self.drop(topic)

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
        """Subscribe or unsubscribe."""
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
        else:
            raise Invalid("This frame type isn't supported.", code="unknown_type")

    async def subscribe(self, topic: Topic, after: int | None) -> None:
        """Subscribe to a topic from now or after a number.

        The permission is checked here and at each send.
        """
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
            self.sent[stream] = head if after is None or stream != first else min(after, head)
        await self.say({"type": "subscribed", "topic": topic.name, "seq": heads[first]})
        await self.pump(topic)

    # ---- frames out

    async def stream_event(self, hint: dict[str, Any]) -> None:
        """Send the new rows of a stream."""
        topic = self.topic_of(hint["stream"])
        if topic is not None and hint["seq"] > self.sent.get(hint["stream"], 0):
            await self.pump(topic)

    async def stream_transient(self, message: dict[str, Any]) -> None:
        """Forward a transient frame: typing, presence, a change of one's notices."""
        topic = self.topic_of(message["stream"])
        if topic is None or message["event"] not in topics.PASSING:
            return
        tenant_id, user_id = self.who()
        try:
            await in_scope(tenant_id, topics.require_topic, user_id, topic)
        except WalkerError as problem:
            await self.drop(topic)
            await self.say({"type": "error", **problem.as_dict(), "topic": topic.name})
            return
        if message["event"] == "agent.presence":
            self.present[topic.name] = message["payload"]
        await self.say_passing(topic, message["event"], message["payload"])

    async def say_passing(self, topic: Topic, event: str, payload: dict[str, Any]) -> None:
        """Send a frame that has no number."""
        name = topics.NAMES.get(event, event)
        payload = {**payload, "conversation": str(topic.ref)} if topic.kind == "conversation" else payload
        await self.say({"type": "event", "topic": topic.name, "event": name, "seq": None, "payload": payload})

    async def pump(self, topic: Topic) -> None:
        """Send what is due on a topic's streams.

        Unsubscribe a person who lost the permission.
        """
        tenant_id, user_id = self.who()
        async with self.sending:
            for stream in topic.streams:
                while topic.name in self.topics:
                    after = self.sent[stream]
                    try:
                        found = await in_scope(tenant_id, topics.due, user_id, topic, stream, after)
                    except WalkerError as problem:
                        await self.drop(topic)
                        await self.say({"type": "error", **problem.as_dict(), "topic": topic.name})
                        return
                    for frame in found.frames:
                        await self.say(frame)
                    self.sent[stream] = found.head
                    if not found.more:
                        break

    async def watch(self) -> None:
        """Poll slowly beside the hints.

        Close the connection of a person who signed out or left.
        """
        while not self.gone:
            await asyncio.sleep(POLL_EVERY)
            try:
                code = await self.sign_in()
                if code:
                    await self.hang_up(code)
                    return
                await self.note_presence()
                for topic in list(self.topics.values()):
                    present = await self.listen(topic)
                    if present is not None and present != self.present.get(topic.name):
                        # The frame that said so was lost.
                        self.present[topic.name] = present
                        await self.say_passing(topic, "agent.presence", dict(present))
                    await self.pump(topic)
            except (OperationalError, InterfaceError):
                log.warning("console_database_unavailable")

    async def note_presence(self) -> None:
        """Note about once a minute that the person has a page open: conversations may be given to them."""
        if time.monotonic() < self.noted_at + NOTE_EVERY:
            return
        self.noted_at = time.monotonic()
        tenant_id, user_id = self.who()
        await in_scope(tenant_id, topics.note_open_page, user_id)

    # ---- groups

    async def listen(self, topic: Topic) -> dict[str, int] | None:
        """Subscribe to a topic's hints; on a conversation also register presence, and return who is present."""
        tenant_id, _ = self.who()
        await self.ask_for_hints(tenant_id, topic.heard)
        if topic.kind == "conversation" and topic.ref is not None:
            return await presence.arrive(tenant_id, topic.ref, "staff", self.channel_name)
        return None

    async def drop(self, topic: Topic) -> None:
        """Unsubscribe from a topic."""
        tenant_id, _ = self.who()
        self.topics.pop(topic.name, None)
        self.present.pop(topic.name, None)
        await self.end_hints(tenant_id, topic.heard)
        if topic.kind == "conversation" and topic.ref is not None:
            await presence.leave(tenant_id, topic.ref, "staff", self.channel_name)

    # ---- small

    def topic_of(self, stream: str) -> Topic | None:
        """Return the subscribed topic of a stream, or None."""
        return next((one for one in self.topics.values() if stream in one.heard), None)

    def who(self) -> tuple[UUID, UUID]:
        """Return tenant and user of a signed-in connection."""
        if self.tenant_id is None or self.user_id is None:
            raise RuntimeError("this connection is not signed in")
        return self.tenant_id, self.user_id
