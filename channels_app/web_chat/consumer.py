"""The chat socket: signs a guest in and handles their frames."""

import asyncio
import time
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.db import InterfaceError, OperationalError
from redis import RedisError

from channels_app.sockets.connection import BAD, BAD_FRAMES, LATE, NOT_ALLOWED, NOT_SIGNED_IN, RESTART, TOO_MANY
from channels_app.sockets.thread_pool import in_scope, unscoped
from channels_app.web_chat import app_customers, frames, tokens
from channels_app.web_chat import conversation as chat
from channels_app.web_chat.event_stream import BEGUN, ChatConnection, guests_stream
from channels_app.web_chat.frames import MESSAGE_LIMIT, BadFrame, ClientFrame
from channels_app.web_chat.settings import origins
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.tokens import BadToken, Guest
from conversations.selectors import STOP_LIFE, stop_key
from conversations.services.visitors import FROM_VISITORS
from core.clock import now
from core.errors import WalkerError
from core.events import streams
from core.observability.logging import get_logger

log = get_logger(__name__)

PROTOCOL: Final = "walker.v1"
AUTH_WITHIN: Final = 5.0
REFUSALS: Final = 10
FLOOD: Final = Bucket(size=20, seconds=10)
SIDE_FRAMES: Final = Bucket(size=60, seconds=10)  # typing, read, resume, stop


class ChatConsumer(ChatConnection):
    """One connection of one guest. Frames are handled one at a time. Nothing slow runs inside."""

    route = "chat"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refused = 0
        self.verdict: asyncio.Future[bool] | None = None
        self.tasks: dict[str, asyncio.Task[None]] = {}

    # ---- coming and going

    async def connect(self) -> None:
        """Accept the connection; nothing is sent before the guest has signed in."""
        offered = [str(name) for name in self.scope.get("subprotocols", [])]
        await self.accept(PROTOCOL if PROTOCOL in offered else None)
        if PROTOCOL in offered and len(offered) > 1:
            await self.sign_in(next(name for name in offered if name != PROTOCOL))
        else:
            self.start("deadline", self.close_unless_signed_in())

    async def disconnect(self, code: int) -> None:
        """Clean up timers, subscriptions and presence."""
        self.gone = True
        for task in self.tasks.values():
            task.cancel()
        if self.verdict is not None:
            await self.verdict
        await self.leave_conversation()

    def start(self, name: str, work: Any) -> None:
        """Run a task beside the receive loop. A new one replaces the one of the same name."""
        if name in self.tasks:
            self.tasks[name].cancel()
        self.tasks[name] = asyncio.create_task(work)

    async def close_unless_signed_in(self) -> None:
        """Close the connection if the guest signs in too late."""
        await asyncio.sleep(AUTH_WITHIN)
        if self.guest is None:
            await self.hang_up(LATE)

    # ---- frames in

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Handle one frame; errors are answered, not raised."""
        if self.gone:
            return
        if text_data is None or too_big(text_data):
            await self.hang_up(BAD)
            return
        try:
            await self.dispatch_frame(frames.parse(text_data))
        except BadFrame as problem:
            await self.count_bad(problem)
        except WalkerError as problem:
            await self.say({"type": "error", **problem.as_dict()})
        except (OperationalError, InterfaceError):
            # Nothing was stored. The page keeps the message and sends it again on a new connection.
            log.warning("chat_database_unavailable")
            await self.hang_up(RESTART)

    async def dispatch_frame(self, frame: ClientFrame) -> None:
        """Handle a frame by its type; before signing in only `auth` is accepted."""
        if isinstance(frame, frames.Auth):
            if await self.may_sign_in():
                await self.sign_in(frame.token)
            return
        if self.guest is None:
            await self.hang_up(NOT_SIGNED_IN)
            return
        if self.guest.expires_at <= now():
            await self.hang_up(NOT_SIGNED_IN)
            return
        if isinstance(frame, frames.SendMessage):
            await self.take_message(self.guest, frame)
            return
        if not await SIDE_FRAMES.take(self.guest.tenant_id.hex, "side", self.channel_name):
            await self.refuse({})
            return
        if isinstance(frame, frames.Resume):
            await self.resume(self.guest, frame.after)
        elif self.conversation is not None:
            await self.pass_on(self.guest, self.conversation, frame)

    async def count_bad(self, problem: BadFrame) -> None:
        """Answer a bad frame; the third closes the connection."""
        self.bad += 1
        await self.say(frames.error(problem))
        if self.bad >= BAD_FRAMES:
            await self.hang_up(BAD)

    async def refuse(self, facts: dict[str, Any]) -> None:
        """Answer a frame over the limit; disconnect a guest who keeps going."""
        self.refused += 1
        detail = "Too many messages in a short time. Please wait a moment."
        await self.say({"type": "error", "code": "too_many", "detail": detail, **facts})
        if self.refused >= REFUSALS:
            await self.hang_up(TOO_MANY)

    # ---- signing in

    async def may_sign_in(self) -> bool:
        """Rate-limit repeated `auth` frames; the first one is not limited here."""
        known = self.guest
        if known is None or await SIDE_FRAMES.take(known.tenant_id.hex, "side", self.channel_name):
            return True
        await self.refuse({})
        return False

    async def sign_in(self, token: str) -> None:
        """Sign in the token's guest, or extend the current guest's session."""
        try:
            guest = tokens.verify(token, now=now())
        except BadToken:
            # Perhaps of a customer of a company's own app, who brings its signed token.
            found = await unscoped(app_customers.find_guest, token)
            if found is None:
                await self.hang_up(NOT_SIGNED_IN)
                return
            guest = found
        known = self.guest
        if known is not None and (known.tenant_id, known.account_id, known.point) != (
            guest.tenant_id,
            guest.account_id,
            guest.point,
        ):
            await self.hang_up(NOT_ALLOWED)
            return
        entry = await in_scope(guest.tenant_id, chat.check_entry, guest)
        if entry is None or not entry.guest_may:
            await self.hang_up(NOT_SIGNED_IN)
            return
        own = origins.own_origins(self.header("host"), secure=self.scope.get("scheme") == "wss")
        if not origins.is_allowed(self.header("origin"), registered=entry.origins, own=own):
            await self.hang_up(NOT_ALLOWED)
            return
        self.guest, self.allowed_at = guest, time.monotonic()
        if known is not None:
            await self.say({"type": "refreshed", "expires_at": guest.expires_at.isoformat()})
            return
        await self.welcome(guest)

    async def welcome(self, guest: Guest) -> None:
        """Join the current conversation and send its state."""
        if "deadline" in self.tasks:
            self.tasks["deadline"].cancel()
        self.ask_bucket(guest)
        place = await in_scope(guest.tenant_id, chat.find_place, guest)
        if place is not None:
            await self.join(guest, place.conversation_id)
            # Read again, to include what was written before the subscription.
            place = await in_scope(guest.tenant_id, chat.find_place, guest)
        else:
            await self.ask_for_hints(guest.tenant_id, [guests_stream(guest)])
        self.sent = place.head if place else 0
        await self.say(
            {
                "type": "connected",
                "conversation": str(place.conversation_id) if place else None,
                "state": place.state if place else None,
                "seq": self.sent,
                "signed_in": guest.kind,
                "limits": {"message": MESSAGE_LIMIT, "files": FROM_VISITORS.most, "files_bytes": FROM_VISITORS.total},
                "expires_at": guest.expires_at.isoformat(),
            }
        )
        self.start("watch", self.watch(guest))

    # ---- the guest's steps

    async def take_message(self, guest: Guest, frame: frames.SendMessage) -> None:
        """Store the message and confirm it by the client's id once it is committed."""
        try:
            if not await self.may_write():
                await self.refuse({"id": str(frame.id)})
                return
            self.refused = 0
            await self.store(guest, frame)
        finally:
            self.ask_bucket(guest)

    async def store(self, guest: Guest, frame: frames.SendMessage) -> None:
        """Commit the row and confirm it. The lock keeps a poll from sending the row before its echo."""
        if self.conversation is None:
            await in_scope(guest.tenant_id, chat.require_form, guest, frame.id)
        async with self.sending:
            stored = await in_scope(guest.tenant_id, chat.store_message, guest, frame, self.header("user-agent"))
            if stored.conversation_id != self.conversation:
                await self.join(guest, stored.conversation_id)
                self.sent = 0
                streams.transient(guests_stream(guest), BEGUN, {}, tenant_id=guest.tenant_id)
            if stored.seq <= self.sent + 1:
                self.sent = max(self.sent, stored.seq)
                await self.say(chat.echo(stored, frame))
            else:
                await self.catch_up(guest)

    async def may_write(self) -> bool:
        """Return True if the visitor was within the rate limit at the last check."""
        return self.verdict is None or await self.verdict

    def ask_bucket(self, guest: Guest) -> None:
        """Check the rate limit that all the visitor's connections share, for the next message.

        Checked after the echo, so that no message waits for Redis. Opening a connection counts too, so
        opening many gains at most one extra message each.
        """
        taking = FLOOD.take(guest.tenant_id.hex, "flood", guest.account_id.hex, guest.point)
        self.verdict = asyncio.ensure_future(taking)

    async def pass_on(self, guest: Guest, conversation: UUID, frame: ClientFrame) -> None:
        """Handle typing, read, stop and rate frames, which have no number."""
        if isinstance(frame, frames.Typing):
            stream = f"conversation-staff:{conversation}"
            streams.fleeting(stream, "customer.typing", {"value": frame.value}, tenant_id=guest.tenant_id)
        elif isinstance(frame, frames.Read):
            await in_scope(guest.tenant_id, chat.mark_read, guest, conversation, frame.seq)
        elif isinstance(frame, frames.Rate):
            await in_scope(guest.tenant_id, chat.rate, guest, conversation, frame, self.header("user-agent"))
        elif isinstance(frame, frames.Stop):
            self.hush()
            await request_stop(guest.tenant_id, conversation)
            await self.say({"type": "agent_typing", "value": False})


def too_big(text: str) -> bool:
    """Return True if a frame is longer than allowed, in bytes."""
    return len(text) > frames.FRAME_LIMIT or len(text.encode("utf-8", "replace")) > frames.FRAME_LIMIT


async def request_stop(tenant_id: UUID, conversation_id: UUID) -> None:
    """Store the request with its time. Without Redis the page at least hides the rest of the answer."""
    try:
        await cache.aset(stop_key(tenant_id, conversation_id), now(), timeout=STOP_LIFE)
    except (RedisError, OSError):
        log.warning("stop_not_kept")
