"""Which processes of the installation run, with the version of their code: noted with their heartbeats."""

import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from core.observability.logging import get_logger

log = get_logger(__name__)

VERSION: Final = "0.2.0"
"""The version of this code: that of pyproject.toml."""
_NOTED: Final = "health:processes:{run}"
_KEPT: Final = 3600
SEEN: Final = 60.0
"""Seconds after its last heartbeat for which a process counts as running."""
GONE: Final = 180.0
"""Seconds after its last heartbeat after which it has ended for sure: it finishes what it has begun without one."""
NOTE_EVERY: Final = 10.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs: its part ("web", "worker", …), the version of its code, its machine and number."""

    part: str
    version: str
    place: str

    @property
    def machine(self) -> str:
        return self.place.rpartition(":")[0]


def number(version: str) -> tuple[int, ...]:
    """Return a version for comparing; what isn't a version counts as older than each."""
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        return ()


def is_older(version: str, than: str) -> bool:
    return number(version) < number(than)


def note(part: str) -> None:
    """Record that this process runs, at the time of Redis: clocks of machines may differ. Raises RedisError."""
    name, client = _shared()
    moment = _time(client)
    written = client.pipeline(transaction=False)
    written.zadd(name, {f"{part} {VERSION} {socket.gethostname()}:{os.getpid()}": moment})
    written.zremrangebyscore(name, "-inf", moment - _KEPT)
    written.expire(name, _KEPT)
    written.execute()


def keep_noting(part: str) -> None:
    """Record that this process runs every few seconds, in a thread that ends with it."""

    def work() -> None:
        while True:
            try:
                note(part)
            except (RedisError, OSError):
                log.warning("heartbeat_lost", part=part)
            time.sleep(NOTE_EVERY)

    threading.Thread(target=work, name="heartbeat", daemon=True).start()


def running(within: float | None = None) -> list[Process]:
    """Return the processes with a heartbeat in the last seconds (a minute), in order. Raises RedisError."""
    name, client = _shared()
    noted = client.zrangebyscore(name, _time(client) - (SEEN if within is None else within), "+inf")
    return sorted((Process(*field.decode().split(" ", 2)) for field in noted), key=lambda one: (one.part, one.place))


def _time(client: Any) -> float:
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1_000_000


def _shared() -> tuple[str, Any]:
    # The cache has no sorted sets: its client is asked itself.
    shared: Any = cache
    return shared.make_key(_NOTED.format(run=settings.RUN)), shared._cache.get_client(None, write=True)
