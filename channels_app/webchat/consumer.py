"""The chat socket: signs a guest in and takes his frames."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from channels_app.sockets import presence
from channels_app.sockets.connection import BAD, BAD_FRAMES, LATE, NOT_ALLOWED, NOT_SIGNED_IN, RESTART, TOO_MANY
from channels_app.sockets.thread_pool import in_scope
from channels_app.webchat import conversation as desk
from channels_app.webchat import frames, origins, stop, tokens
from channels_app.webchat.event_stream import StreamLine
from channels_app.webchat.frames import MESSAGE_LIMIT, BadFrame, ClientFrame
from channels_app.webchat.limits import Bucket
from channels_app.webchat.tokens import BadToken, Guest
from core.clock import now
from core.errors import WalkerError
from core.observability.logging import get_logger

log = get_logger(__name__)

PROTOCOL: Final = "walker.v1"
AUTH_WITHIN: Final = 5.0
REFUSALS: Final = 10
FLOOD: Final = Bucket(size=20, seconds=10)
SIDE_FRAMES: Final = Bucket(size=60, seconds=10)  # typing, read, resume, stop


class ChatConsumer(StreamLine):
    """One line of one guest. Frames are taken one at a time; nothing long runs inside."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refused = 0
        self.verdict: asyncio.Future[bool] | None = None
        self.tasks: dict[str, asyncio.Task[None]] = {}

    # ---- coming and going

    async def connect(self) -> None:
        """Accept the line; it says nothing before its guest is known."""
        offered = [str(name) for name in self.scope.get("subprotocols", [])]
        await self.accept(PROTOCOL if PROTOCOL in offered else None)
        if PROTOCOL in offered and len(offered) > 1:
            await self.sign_in(next(name for name in offered if name != PROTOCOL))
        else:
            self.start("deadline", self.close_unless_signed_in())

    async def disconnect(self, code: int) -> None:
        """Leave nothing behind: timers, groups, presence."""
        self.gone = True
        for task in self.tasks.values():
            task.cancel()
        if self.verdict is not None:
            await self.verdict
        await self.leave_conversation()

    def start(self, name: str, work: Any) -> None:
        """Run a task beside the receive loop; one of each name."""
        if name in self.tasks:
            self.tasks[name].cancel()
        self.tasks[name] = asyncio.create_task(work)

    async def close_unless_signed_in(self) -> None:
        """Close a line whose guest did not say who he is in time."""
        await asyncio.sleep(AUTH_WITHIN)
        if self.guest is None:
            await self.hang_up(LATE)

    # ---- frames in

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one frame; whatever is wrong with it is answered, not raised."""
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
            # Nothing was stored. The page keeps the message and sends it again on a new line.
            log.warning("chat_database_unavailable")
            await self.hang_up(RESTART)

    async def dispatch_frame(self, frame: ClientFrame) -> None:
        """Give the frame to its step; before signing in only `auth` counts."""
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
        """Answer a bad frame; the third closes the line."""
        self.bad += 1
        await self.say(frames.error(problem))
        if self.bad >= BAD_FRAMES:
            await self.hang_up(BAD)

    async def refuse(self, facts: dict[str, Any]) -> None:
        """Answer a frame too many; who goes on is cut off."""
        self.refused += 1
        detail = "Too many frames in a short time; wait a moment."
        await self.say({"type": "error", "code": "too_many", "detail": detail, **facts})
        if self.refused >= REFUSALS:
            await self.hang_up(TOO_MANY)

    # ---- signing in

    async def may_sign_in(self) -> bool:
        """Count a repeated `auth` like any other frame; the first one is not limited here."""
        known = self.guest
        if known is None or await SIDE_FRAMES.take(known.tenant_id.hex, "side", self.channel_name):
            return True
        await self.refuse({})
        return False

    async def sign_in(self, token: str) -> None:
        """Let the token's guest in, or prolong the stay of the one who is in."""
        try:
            guest = tokens.verify(token, now=now())
        except BadToken:
            await self.hang_up(NOT_SIGNED_IN)
            return
        known = self.guest
        if known is not None and (known.tenant_id, known.account_id, known.point) != (
            guest.tenant_id,
            guest.account_id,
            guest.point,
        ):
            await self.hang_up(NOT_ALLOWED)
            return
        entry = await in_scope(guest.tenant_id, desk.enter, guest)
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
        """Join the conversation there is, and say how things stand."""
        if "deadline" in self.tasks:
            self.tasks["deadline"].cancel()
        self.ask_bucket(guest)
        place = await in_scope(guest.tenant_id, desk.place_of, guest)
        if place is not None:
            await self.join(guest, place.conversation_id)
            # Read again: what was written between the first look and the joining is counted in.
            place = await in_scope(guest.tenant_id, desk.place_of, guest)
        self.sent = place.head if place else 0
        await self.say(
            {
                "type": "connected",
                "conversation": str(place.conversation_id) if place else None,
                "state": place.state if place else None,
                "seq": self.sent,
                "signed_in": guest.kind,
                "limits": {"message": MESSAGE_LIMIT},
                "expires_at": guest.expires_at.isoformat(),
            }
        )
        self.start("watch", self.watch(guest))

    # ---- the guest's steps

    async def take_message(self, guest: Guest, frame: frames.SendMessage) -> None:
        """Store the message and confirm it under the client's id once the row is committed."""
        try:
            if not await self.may_write():
                await self.refuse({"id": str(frame.id)})
                return
            self.refused = 0
            await self.store(guest, frame)
        finally:
            self.ask_bucket(guest)

    async def store(self, guest: Guest, frame: frames.SendMessage) -> None:
        """Let the row be committed, and confirm it; no poll may send this row before its echo."""
        async with self.sending:
            stored = await in_scope(guest.tenant_id, desk.take, guest, frame, self.header("user-agent"))
            if stored.conversation_id != self.conversation:
                await self.join(guest, stored.conversation_id)
                self.sent = 0
            if stored.seq <= self.sent + 1:
                self.sent = max(self.sent, stored.seq)
                await self.say(desk.echo(stored, frame))
            else:
                await self.catch_up(guest)

    async def may_write(self) -> bool:
        """Tell whether the visitor's bucket held out when it was asked last."""
        return self.verdict is None or await self.verdict

    def ask_bucket(self, guest: Guest) -> None:
        """Take one from the bucket that all lines of the visitor share; the next message learns whether it held.

        Asked once the echo is out, so that no message waits for Redis or works beside it. Opening a
        line counts as one, so a visitor who opens many gains nothing: at most one message too many each.
        """
        taking = FLOOD.take(guest.tenant_id.hex, "flood", guest.account_id.hex, guest.point)
        self.verdict = asyncio.ensure_future(taking)

    async def pass_on(self, guest: Guest, conversation: UUID, frame: ClientFrame) -> None:
        """Typing, read and stop: nothing of them is numbered."""
        if isinstance(frame, frames.Typing):
            await presence.send_transient(
                guest.tenant_id,
                f"conversation-staff:{conversation}",
                "customer.typing",
                {"value": frame.value},
            )
        elif isinstance(frame, frames.Read):
            await in_scope(guest.tenant_id, desk.mark_read, guest, conversation, frame.seq)
        elif isinstance(frame, frames.Stop):
            self.hush()
            await stop.ask(guest.tenant_id, conversation)
            await self.say({"type": "agent_typing", "value": False})


def too_big(text: str) -> bool:
    """Tell whether a frame is longer than allowed, in bytes."""
    return len(text) > frames.FRAME_LIMIT or len(text.encode("utf-8", "replace")) > frames.FRAME_LIMIT
