"""Reads that may be some seconds old, such as figures, exports and searches, from a replica where there is one.

`read` is the only way there. The primary answers instead

- within a transaction, and for what must be whole up to a moment of the last seconds (`as_of`, `reads_after_now`);
- who has just written, until the replica has replayed that: `reads_as` says who reads, `writes_as` whose request it is;
- while the replica is over `LATE` behind. Beat notes the primary's position each second; what the replica has not
  replayed of the position of five seconds ago, or how late it is when nobody has noted any, makes it late;
- while the replica is away: then it isn't asked again for `REST` seconds by this process.

The tenant is set in each message there as on the primary, and each transaction is read-only.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import psycopg
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from core.clock import now
from core.observability.logging import get_logger
from core.observability.metrics import counter

log = get_logger(__name__)
T = TypeVar("T")

ALIAS: Final = "replica"
LATE: Final = timedelta(seconds=5)
"""How far behind the replica may be."""
JUST_NOW: Final = timedelta(seconds=2)
"""After a write of their own people read the primary for this long: what it caused is written a little later."""
REST: Final = 30.0
"""Seconds for which a replica that was away is not asked."""
NOTE_EVERY: Final = 1.0
_KEPT: Final = 60
_AHEAD: Final = 1.0
"""By how many seconds the clock of beat's machine may be ahead of this one's."""
_POSITIONS: Final = "replica:positions"
_WROTE: Final = "replica:wrote:{}"
_AWAY: Final = (DatabaseError, RedisError, OSError)

reads: Final = counter(
    "walker_replica_reads_total",
    "Reads that may come from the replica, by what answered: `replica`, or why the primary did.",
    ["answer"],
)
_alias: ContextVar[str] = ContextVar("walker_database", default=DEFAULT_DB_ALIAS)
_reader: ContextVar[str] = ContextVar("walker_reader", default="")
_least: ContextVar[int] = ContextVar("walker_least_position", default=0)
_noted: deque[tuple[float, int]] = deque(maxlen=8)
_rests_until = 0.0


class Router:
    """Sends reads within `read` to the replica, and everything else to the primary, also rows that came from there."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return _alias.get()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool:
        return True  # one database, read in two places

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a replica stands: up to where it has replayed, and whether it may be read."""

    position: int
    is_standby: bool
    goes_round_walls: bool


def is_set() -> bool:
    """Return True if this installation has a replica."""
    return ALIAS in connections


def connection() -> Any:
    """Return the connection for SQL by hand that reads, within `read` the replica's."""
    return connections[_alias.get()]


def read(fetch: Callable[[], T], *, as_of: datetime | None = None) -> T:
    """Return what a function reads, from the replica if that may be, else from the primary.

    The function reads and does nothing else: it runs a second time if the replica fails. What it returns is read, not
    a query that is still to run. `as_of` is the moment up to which all rows are needed.
    """
    if not is_set() or _alias.get() == ALIAS:
        return fetch()
    answer = why_not(as_of)
    if not answer:
        token = _alias.set(ALIAS)
        try:
            found = fetch()
        except (OperationalError, InterfaceError) as problem:
            if isinstance(problem.__cause__, psycopg.errors.QueryCanceled):
                raise  # it took too long, and would there
            answer = _give_up(problem)
        else:
            reads.labels("replica").inc()
            return found
        finally:
            _alias.reset(token)
    reads.labels(answer).inc()
    return fetch()


@contextmanager
def reads_as(reader: object) -> Iterator[None]:
    """Say who reads inside the block: a person or a key, by its id."""
    token = _reader.set(str(reader or ""))
    try:
        yield
    finally:
        _reader.reset(token)


@contextmanager
def reads_after_now() -> Iterator[None]:
    """Read inside the block nothing that is older than its beginning. One statement; none without a replica."""
    token = _least.set(primary_position() if is_set() else 0)
    try:
        yield
    finally:
        _least.reset(token)


@contextmanager
def writes_as(writer: object) -> Iterator[None]:
    """Run a request of a person or a key, by its id; note if a transaction was committed. Then one statement more."""
    primary: Any = connections[DEFAULT_DB_ALIAS]
    before = primary.commits
    with reads_as(writer):
        yield
        if primary.commits != before:
            note_write()


def note_write() -> None:
    """Note that who reads has written, after the commit. One statement; none without a replica."""
    if not is_set() or not _reader.get():
        return
    try:
        cache.set(_WROTE.format(_reader.get()), (now().timestamp(), primary_position()), timeout=_KEPT)
    except _AWAY:
        log.warning("own_write_not_noted", exc_info=True)


def note_position() -> None:
    """Note the primary's position, each second: by it others tell how late the replica is. One statement."""
    if not is_set():
        return
    try:
        _noted.append((now().timestamp(), primary_position()))
        cache.set(_POSITIONS, list(_noted), timeout=_KEPT)
    except _AWAY:
        log.warning("position_not_noted", exc_info=True)


def primary_position() -> int:
    """Return up to where the primary has written its log: past every commit that was answered."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        # The ORM has no log positions.
        cursor.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn")
        return int(cursor.fetchone()[0])


def position_of_late() -> int | None:
    """Return the position of `LATE` ago, None if nobody has noted any since. Raises RedisError."""
    return _late_position(cache.get(_POSITIONS))


def look() -> Standing:
    """Return how the replica stands. Raises Django's database errors."""
    with connections[ALIAS].cursor() as cursor:
        # The ORM has neither log positions nor roles.
        cursor.execute(
            "select coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0), pg_is_in_recovery(), "
            "(select rolsuper or rolbypassrls from pg_roles where rolname = session_user)"
        )
        position, is_standby, goes_round = cursor.fetchone()
    return Standing(int(position), is_standby, goes_round)


def why_not(as_of: datetime | None) -> str:
    """Return why the primary has to answer, "" if the replica may."""
    moment = now()
    if connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return "in_transaction"
    if as_of is not None and as_of > moment - LATE:
        return "as_of"
    if time.monotonic() < _rests_until:
        return "resting"
    wrote = _WROTE.format(_reader.get())
    try:
        kept = cache.get_many([_POSITIONS, wrote])
    except (RedisError, OSError):
        return "unknown"
    written_at, written = kept.get(wrote, (0.0, 0)) if _reader.get() else (0.0, 0)
    needed = _late_position(kept.get(_POSITIONS))
    if moment.timestamp() - written_at < JUST_NOW.total_seconds():
        return "own_write"
    if needed is None:
        return "unknown"
    try:
        standing = look()
    except DatabaseError as problem:
        return _give_up(problem)
    if not standing.is_standby or standing.goes_round_walls:
        log.error("replica_not_usable", is_standby=standing.is_standby, goes_round_walls=standing.goes_round_walls)
        return _rest("not_usable")
    if standing.position < max(needed, _least.get()):
        return "late"
    return "own_write" if standing.position < written else ""


def _late_position(noted: list[tuple[float, int]] | None) -> int | None:
    moment = now().timestamp()
    # Of a machine whose clock is far ahead nothing is believed.
    ages = [(moment - at, position) for at, position in noted or ()]
    lately = [position for age, position in ages if -_AHEAD <= age <= LATE.total_seconds()]
    return min(lately, default=None)


def _give_up(problem: Exception) -> str:
    """Return why the primary answers after an error there, and let a replica that is away rest."""
    if isinstance(problem.__cause__, psycopg.errors.SerializationFailure | psycopg.errors.LockNotAvailable):
        return "conflict"  # with what it replays: its other statements go on
    log.warning("replica_away", exc_info=problem)
    try:
        connections[ALIAS].close()
    except DatabaseError:
        log.info("replica_connection_not_closed")
    return _rest("away")


def _rest(answer: str) -> str:
    global _rests_until
    _rests_until = time.monotonic() + REST
    return answer
