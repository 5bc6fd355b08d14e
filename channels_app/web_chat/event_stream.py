"""Send a guest the events of their conversation, and end the connection when its time is up."""

import hashlib
import random
import time
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from channels_app.sockets import presence
from channels_app.sockets.connection import AGAIN_AFTER, NOT_SIGNED_IN, SocketConnection
from channels_app.sockets.layer import hints_lost_listeners
from channels_app.sockets.thread_pool import in_scope
from channels_app.web_chat import conversation as chat
from channels_app.web_chat.shared_reads import entries, heads
from channels_app.web_chat.tokens import Guest
from core.clock import now
from core.observability.logging import get_logger

log = get_logger(__name__)

POLL_EVERY: Final = 60.0
WITHOUT_CONVERSATION: Final = 5
"""So many times rarer does a page look that has no conversation yet: each look is a query of its own, and most pages
never have one. That another page of the guest began one is a hint, and lost hints are noticed."""
RIGHTS_EVERY: Final = 20.0
PASSING: Final = {"agent_typing", "agent_delta"}
BEGUN: Final = "conversation_begun"


def guests_stream(guest: Guest) -> str:
    """Return the name under which pages of one guest without a conversation hear that another page began one."""
    return f"guest:{hashlib.sha256(f'{guest.account_id}:{guest.point}'.encode()).hexdigest()[:32]}"


class ChatConnection(SocketConnection):
    """A connection to one conversation. State lives in the stream rows. Hints only wake it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guest: Guest | None = None
        self.conversation: UUID | None = None
        self.sent = 0
        self.allowed_at = 0.0
        self.run = self.hushed = ""

    # ---- frames out

    async def stream_event(self, hint: dict[str, Any]) -> None:
        """Send the new rows of the stream."""
        if self.guest is not None and hint["seq"] > self.sent:
            await self.pump(self.guest)

    async def stream_transient(self, message: dict[str, Any]) -> None:
        """Forward a transient frame (typing, a piece of an answer), except from a stopped run."""
        if message["event"] == BEGUN:
            self.look_soon()
        if message["event"] == presence.PERSON_TYPING and self.guest is not None:
            entry = await entries.of(self.guest, younger_than=RIGHTS_EVERY)
            shown = message["payload"] if entry is not None and entry.shows_people else {"name": ""}
            await self.say({**shown, "type": presence.PERSON_TYPING})
        if message["event"] not in PASSING:
            return
        self.run = str(message["payload"].get("run", ""))
        if not self.run or self.run != self.hushed:
            await self.say({**message["payload"], "type": message["event"]})

    def hush(self) -> None:
        """Suppress the rest of the answer that is being written."""
        self.hushed = self.run

    async def pump(self, guest: Guest) -> None:
        """Send the rows after the last sent one, in order and once each."""
        async with self.sending:
            await self.catch_up(guest)

    async def catch_up(self, guest: Guest) -> None:
        """Send the new rows; the caller holds the lock."""
        voice = chat.voice_of(guest, await entries.of(guest, younger_than=RIGHTS_EVERY / 4))
        while self.conversation is not None:
            found = await in_scope(guest.tenant_id, chat.read_after, self.conversation, self.sent, voice)
            for frame in found.frames:
                await self.say(frame)
            self.sent = max(self.sent, found.head)
            if not found.more:
                return

    async def resume(self, guest: Guest, after: int) -> None:
        """Send the events after a number, or a snapshot when there are too many or the number is invalid."""
        if self.conversation is None:
            return
        missed = await in_scope(guest.tenant_id, chat.read_missed, guest, self.conversation, after)
        async with self.sending:
            for frame in missed.frames:
                await self.say(frame)
            self.sent = max(missed.head, self.sent)

    async def watch(self, guest: Guest) -> None:
        """Poll the stream beside the hints, refresh presence, and close the connection in time."""
        hints_lost_listeners.add(self)
        while not self.gone:
            if self.guest is not None and self.guest.expires_at <= now():
                await self.hang_up(NOT_SIGNED_IN)
                return
            try:
                if not await self.still_may(guest):
                    await self.hang_up(NOT_SIGNED_IN)
                    return
                if time.monotonic() >= self.look_at:
                    await self.look_again(guest)
                    pause = POLL_EVERY if self.conversation else POLL_EVERY * WITHOUT_CONVERSATION
                    self.look_after(pause)
                await self.rest(min(POLL_EVERY, RIGHTS_EVERY or POLL_EVERY))
            except (OperationalError, InterfaceError):
                log.warning("chat_database_unavailable")
                await self.rest(min(POLL_EVERY, AGAIN_AFTER))

    async def rest(self, seconds: float) -> None:
        """Wait about so long, no longer than the guest's token is valid, and less when there is something to read."""
        seconds *= random.uniform(0.8, 1.2)  # noqa: S311
        if self.guest is not None:
            seconds = min(seconds, max(0.0, (self.guest.expires_at - now()).total_seconds()))
        await self.rest_for(seconds)

    async def still_may(self, guest: Guest) -> bool:
        """Check periodically that the widget is on and the member is still active."""
        if time.monotonic() - self.allowed_at < RIGHTS_EVERY:
            return True
        # Guests of one widget share the answer.
        entry = await entries.of(guest, younger_than=RIGHTS_EVERY / 4)
        self.allowed_at = time.monotonic()
        return entry is not None and entry.guest_may

    async def look_again(self, guest: Guest) -> None:
        """Send what hints missed. Find a conversation that another page of the guest started."""
        if self.conversation is None:
            place = await in_scope(guest.tenant_id, chat.find_place, guest)
            if place is None:
                return
            await self.join(guest, place.conversation_id)
        if self.conversation is not None:
            await self.listen(guest, self.conversation)
            if await heads.of(guest.tenant_id, f"conversation:{self.conversation}") > self.sent:
                await self.pump(guest)

    # ---- groups

    async def join(self, guest: Guest, conversation: UUID) -> None:
        """Switch to the hints of a conversation."""
        if conversation == self.conversation:
            return
        await self.leave_conversation()
        await self.end_hints(guest.tenant_id, [guests_stream(guest)])
        self.conversation = conversation
        await self.listen(guest, conversation)

    async def listen(self, guest: Guest, conversation: UUID) -> None:
        """Subscribe to hints and register presence; both are renewed with every poll."""
        await self.ask_for_hints(guest.tenant_id, [f"conversation:{conversation}"])
        await presence.arrive(guest.tenant_id, conversation, "customer", self.channel_name)

    async def leave_conversation(self) -> None:
        """Unsubscribe and leave the presence list."""
        guest, conversation, self.conversation = self.guest, self.conversation, None
        if guest is None or conversation is None:
            return
        await self.end_hints(guest.tenant_id, [f"conversation:{conversation}"])
        await presence.leave(guest.tenant_id, conversation, "customer", self.channel_name)
