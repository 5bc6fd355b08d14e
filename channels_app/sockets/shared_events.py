"""Reads that the console's connections of one process share: one event costs a few queries, however many hear it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from accounts.permissions import shares
from accounts.selectors import Standing, roles_now
from channels_app.sockets import sight
from channels_app.sockets.thread_pool import in_scope
from conversations import selectors
from core.errors import Refused, WalkerError
from core.events import streams
from core.models import StreamEvent
from core.observability.logging import get_logger

log = get_logger(__name__)

GATHER: Final = 0.005
"""Seconds in which asks are gathered: connections hear of an event in the same moment."""
PAGE: Final = 200
COUNTS_EVERY: Final = 1.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What one connection wants to read: the events of a stream after a number, for somebody with a permission."""

    user_id: UUID
    permission: str
    stream: str
    after: int
    place: str
    """The stream of what they have to see for that, as a name; only people limited to their teams may not."""
    answer: asyncio.Future[list[StreamEvent]] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read for all who asked: events by stream and number, who they are now, and what limited people see."""

    found: dict[tuple[str, int], list[StreamEvent]]
    members: dict[UUID, Standing]
    teams: dict[UUID, frozenset[UUID]]
    places: sight.Places
    shared: set[tuple[UUID, UUID]] = field(default_factory=set)
    """People with the conversations and requests that are shared with them now, of those that they don't see else."""

    def answer(self, ask: Ask) -> list[StreamEvent]:
        """Return the events that somebody asked for. Raises `Refused`, and `NotFound` for what they don't see."""
        events = self.found[ask.stream, ask.after]
        if (ask.user_id, sight.thing_of(ask.place)) in self.shared:
            return events
        return sight.heard(self.require(ask), ask.stream, events)

    def require(self, ask: Ask) -> sight.Listener:
        """Return somebody as a listener. Raises `Refused` and `NotFound` for what their role doesn't let them see."""
        member = self.members.get(ask.user_id)
        if member is None:
            raise Refused("You aren't a member of this organisation.", code="no_membership")
        if ask.permission not in member.permissions:
            raise Refused
        listener = sight.Listener(ask.user_id, self.teams[ask.user_id] if member.own_only else None)
        sight.require_sight(listener, ask.place, self.places)
        return listener

    def find_shared(self, asks: Sequence[Ask]) -> None:
        """Read what is shared of what people don't see by their roles. At most two queries, none if they see all."""
        missing: dict[UUID, set[UUID]] = defaultdict(set)
        for ask in asks:
            thing = sight.thing_of(ask.place)
            if thing is None or ask.user_id not in self.members:
                continue
            try:
                self.require(ask)
            except WalkerError:
                missing[ask.user_id].add(thing)
        if missing:
            people = {user_id: self.members[user_id].role for user_id in missing}
            self.shared.update(shares.seen_by_people(people, set().union(*missing.values())))


def read_batch(asks: Sequence[Ask]) -> Batch:
    """Return the events of each stream and number, and then who asked, in the tenant in scope.

    An ask without a stream is about the right alone.

    Roles and shares are read after the events: what was written after a right was lost is never sent. People who are
    limited to their teams cost at most two queries more, for all of them, and what they don't see by that two others.
    """
    asked = {(ask.stream, ask.after) for ask in asks}
    found = {(stream, after): streams.read(stream, after, PAGE) if stream else [] for stream, after in asked}
    members = roles_now({ask.user_id for ask in asks})
    limited = {user_id for user_id, member in members.items() if member.own_only}
    talks = {talk for ask in asks if ask.user_id in limited and (talk := sight.talk_of(ask.place))}
    batch = Batch(
        found,
        members,
        selectors.teams_of_people(limited) if limited else {},
        selectors.places_of(talks) if talks else {},
    )
    batch.find_shared(asks)
    return batch


class SharedEvents:
    """Events for all who ask within a moment: one query for each place in a stream, and one for everybody's rights."""

    def __init__(self) -> None:
        self.waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, list[Ask]]] = WeakKeyDictionary()
        self.reading: set[asyncio.Task[None]] = set()

    async def due(
        self, tenant_id: UUID, user_id: UUID, permission: str, stream: str, after: int, *, place: str = ""
    ) -> list[StreamEvent]:
        """Return at most 200 events after a number, read after this was asked.

        `place` is the stream that they have to see, if it is another. Raises `Refused` without the permission,
        `NotFound` for what they don't see any more, and what the database raises.
        """
        loop = asyncio.get_running_loop()
        waiting = self.waiting.setdefault(loop, defaultdict(list))
        ask = Ask(user_id, permission, stream, after, place or stream, loop.create_future())
        if not waiting[tenant_id]:
            task = loop.create_task(self._read(waiting, tenant_id))
            self.reading.add(task)
            task.add_done_callback(self.reading.discard)
        waiting[tenant_id].append(ask)
        return await asyncio.shield(ask.answer)

    async def require(self, tenant_id: UUID, user_id: UUID, permission: str, place: str) -> None:
        """Raise `Refused` unless somebody has a permission now, `NotFound` unless they see the stream."""
        await self.due(tenant_id, user_id, permission, "", 0, place=place)

    async def _read(self, waiting: dict[UUID, list[Ask]], tenant_id: UUID) -> None:
        await asyncio.sleep(GATHER)
        asks = waiting.pop(tenant_id)
        try:
            batch = await in_scope(tenant_id, read_batch, asks)
        except Exception as error:
            # Each who asked gets it, and asks again later.
            log.warning("events_not_read", exc_info=True)
            for ask in asks:
                if not ask.answer.done():
                    ask.answer.set_exception(error)
                    ask.answer.exception()  # read, also where nobody waits any more
            return
        for ask in asks:
            if ask.answer.done():
                continue
            try:
                events = batch.answer(ask)
            except Exception as problem:
                # A fault in one answer is told to that connection alone: the others still get theirs.
                if not isinstance(problem, WalkerError):
                    log.warning("events_not_answered", exc_info=True)
                ask.answer.set_exception(problem)
                ask.answer.exception()
            else:
                ask.answer.set_result(events)


class TeamCounts:
    """How many wait in each team, read at most once a second for all connections of a tenant."""

    def __init__(self) -> None:
        self.reads: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, asyncio.Task[Any]]] = WeakKeyDictionary()

    async def of(self, tenant_id: UUID, team_id: UUID) -> dict[str, Any]:
        """Return the payload of `queue.updated`, read up to a second after it was asked, and never before."""
        loop = asyncio.get_running_loop()
        reads = self.reads.setdefault(loop, {})
        if tenant_id not in reads:
            reads[tenant_id] = loop.create_task(self._read(reads, tenant_id))
        counts = await asyncio.shield(reads[tenant_id])
        waiting, oldest = counts.get(team_id, (0, None))
        return {"team": str(team_id), "waiting": waiting, "oldest_since": oldest.isoformat() if oldest else None}

    async def _read(self, reads: dict[UUID, asyncio.Task[Any]], tenant_id: UUID) -> Any:
        await asyncio.sleep(COUNTS_EVERY)
        reads.pop(tenant_id, None)  # who asks from now on may know of something newer
        return await in_scope(tenant_id, selectors.count_waiting)


events, counts = SharedEvents(), TeamCounts()
