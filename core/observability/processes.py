"""Which processes of the installation run, with the version of their code: noted with their heartbeats."""

import os
import socket
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache

from core.clock import now

VERSION: Final = "0.2.0"
"""The version of this code: that of pyproject.toml."""
_NOTED: Final = "health:processes:{run}"
_KEPT: Final = 3600
SEEN: Final = 60.0
"""Seconds after its last heartbeat for which a process counts as running."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs: its part ("web", "worker", …), the version of its code, its machine and number."""

    part: str
    version: str
    place: str

    @property
    def machine(self) -> str:
        return self.place.rpartition(":")[0]


def note(part: str) -> None:
    """Record that this process runs. Raises RedisError."""
    name, client = _shared()
    moment = now().timestamp()
    written = client.pipeline(transaction=False)
    written.zadd(name, {f"{part} {VERSION} {socket.gethostname()}:{os.getpid()}": moment})
    written.zremrangebyscore(name, "-inf", moment - _KEPT)
    written.expire(name, _KEPT)
    written.execute()


def running() -> list[Process]:
    """Return the processes with a heartbeat in the last minute, in order. Raises RedisError."""
    name, client = _shared()
    noted = client.zrangebyscore(name, now().timestamp() - SEEN, "+inf")
    return sorted((Process(*field.decode().split(" ", 2)) for field in noted), key=lambda one: (one.part, one.place))


def _shared() -> tuple[str, Any]:
    # The cache has no sorted sets: its client is asked itself.
    shared: Any = cache
    return shared.make_key(_NOTED.format(run=settings.RUN)), shared._cache.get_client(None, write=True)
