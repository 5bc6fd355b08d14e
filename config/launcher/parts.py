"""The command lines of processes, for `./walker run` and `./walker serve` alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAMES: Final = ("web", "worker", "models", "webhooks", "beat")
# Frames of the doors hold 64 KiB; what is larger is cut off before it is read into memory.
FRAMES_AT_MOST: Final = ("--websocket-max-message-size", "131072", "--websocket-max-frame-size", "131072")
PING_EVERY: Final = 55
# Rarely, since thousands of idle connections cost mostly these, but within the minute that proxies wait.
PINGS: Final = ("--ping-interval", str(PING_EVERY), "--ping-timeout", "30")
_WORKER: Final = ("celery", "-A", "config.celery", "worker", "--without-gossip", "--without-mingle", "-l", "WARNING")
_BEAT: Final = ("celery", "-A", "config.celery", "beat", "--pidfile=", "-l", "WARNING")
_QUEUES: Final = {
    # A worker of the first kind never waits for a model over a network: timers, mail and intake are its work.
    "worker": ("-Q", "high,default,low"),
    "models": ("-Q", "models", "-n", "models@%h"),
    # Threads: they wait for other people's servers, and each call has its own end.
    "webhooks": ("-P", "threads", "-Q", "webhooks", "-n", "webhooks@%h"),
}
AT_ONCE: Final = {"worker": 2, "models": 4, "webhooks": 16}
"""How many tasks a worker does at a time."""


@dataclass(frozen=True)
class Part:
    """What Python is started with, and what is added to the environment."""

    name: str
    arguments: tuple[str, ...]
    settings: Mapping[str, str]


def web(host: str, port: int, asgi: str = "config.asgi:application") -> Part:
    """Return a web process, which answers HTTP and WebSockets."""
    # No access log: its lines would hold addresses and the tokens of decision links.
    quiet = ("-m", "config.web", "-v", "0")
    arguments = (*quiet, "-b", host, "-p", str(port), *FRAMES_AT_MOST, *PINGS, asgi)
    return Part("web", arguments, {"WALKER_PROCESS": "web"})


def worker(name: str, at_once: int = 0) -> Part:
    """Return a worker, which does a number of tasks at a time (0: the usual one)."""
    arguments = ("-m", *_WORKER, "-c", str(at_once or AT_ONCE[name]), *_QUEUES[name])
    return Part(name, arguments, {"WALKER_PROCESS": name})


def metrics(port: int, folder: Path) -> tuple[str, ...]:
    """Return what serves at a port of this machine what other processes count into a folder."""
    return ("-m", "core.observability.exposition", "127.0.0.1", str(port), str(folder))


def beat() -> Part:
    """Return beat, which queues what is due."""
    return Part("beat", ("-m", *_BEAT), {"WALKER_PROCESS": "beat"})
