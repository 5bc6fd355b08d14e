"""The receiver of errors: a bounded queue and one thread of this process, made when it has its first error."""

import atexit
import importlib
import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from django.conf import settings

from core.clock import now
from core.observability.errors.budget import Budget
from core.observability.errors.events import FIELDS, Fault, release
from core.observability.metrics import counter
from core.reliability import loose_cache

if TYPE_CHECKING:
    from sentry_sdk.client import Client

ERRORS: Final = counter(
    "walker_errors_total",
    "Errors by category, and whether they were handed to the receiver (sent), held back, not sent at all (counted), "
    "or lost on the way (dropped).",
    ["category", "outcome"],
)
EXTRA: Final = "telemetry"
QUEUE: Final = 100
"""Errors that wait at most. The next ones are dropped."""
PATIENCE: Final = 5.0
"""Seconds for one error, with connecting."""
AT_THE_END: Final = 2.0
"""Seconds that a process which stops waits for errors under way."""
NOTED_EVERY: Final = 30.0
_LAST: Final = "errors:last-sent"
_LAST_KEPT: Final = 30 * 24 * 3600


@dataclass
class _Process:
    """What this process has; its children begin with nothing."""

    # Garbage may be collected while it is held, and asyncio logs an error for a task that ends so.
    lock: Any = field(default_factory=threading.RLock)
    budgets: dict[str, Budget] = field(default_factory=lambda: defaultdict(Budget))
    """By platform: what browsers report, or a stranger in their name, holds back no error of Walker's own."""
    client: "Client | None" = None
    noted_at: float = float("-inf")


_here = _Process()


def _begin() -> None:
    # A lock may have been held at the fork, and the parent sends what stands in its queue.
    global _here
    _here = _Process()


os.register_at_fork(after_in_child=_begin)


def host() -> str:
    """Return where errors are sent, "" if nowhere or to no address that can be read."""
    try:
        parts = urlsplit(settings.SENTRY_DSN)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.username and parts.port != 0
        project = parts.path.rpartition("/")[2]
    except ValueError:
        return ""
    return parts.hostname or "" if is_whole and project.isascii() and project.isdigit() else ""


def has_library() -> bool:
    """Tell whether what the extra brings is installed."""
    return find_spec("sentry_sdk") is not None


def is_on() -> bool:
    """Tell whether errors are sent."""
    return bool(settings.SENTRY_DSN) and bool(host()) and has_library()


def report(fault: Fault) -> bool:
    """Count an error, and send it unless enough of its kind were. Return whether it is one to be told of."""
    if not fault.is_sent:
        ERRORS.labels(fault.category, "counted").inc()
        return False
    here = _here
    with here.lock:
        held_back = here.budgets[fault.platform].take(fault.fingerprint, time.monotonic())
    if held_back is None:
        ERRORS.labels(fault.category, "held_back").inc()
        return False
    if not is_on():
        ERRORS.labels(fault.category, "counted").inc()
        return True
    ERRORS.labels(fault.category, "sent").inc()
    with here.lock:
        client = here.client = here.client or _make_client()
    client.capture_event(cast(Any, fault.as_event(held_back)), scope=_library().Scope())
    return True


def send_now(fault: Fault) -> str:
    """Send one error and wait for the answer (outside call). Return why it was not taken, "" if it was."""
    if not is_on():
        return "Errors are not sent."
    client = _make_client()
    transport = cast(Any, client.transport)
    client.capture_event(cast(Any, fault.as_event(0)), scope=_library().Scope())
    client.close(timeout=PATIENCE + 1)
    return str(transport.problem)


def last_sent() -> float | None:
    """Return when a receiver last took an error, in seconds since 1970. None also while Redis is away."""
    found: float | None = loose_cache.find(_LAST, what="errors_last_sent")
    return found


def close() -> None:
    """Wait a moment for errors under way; those that are left are lost."""
    client, _here.client = _here.client, None
    if client is not None:
        client.close(timeout=AT_THE_END)


atexit.register(close)


def load() -> None:
    """Load the library where errors are sent: a worker's children share it, and the first error doesn't wait."""
    if is_on():
        _library()


@cache
def _library() -> ModuleType:
    # It costs memory and a moment, and comes with an extra: only where errors are sent.
    return importlib.import_module("sentry_sdk")


def _make_client() -> "Client":
    client: Client = _library().Client(
        dsn=settings.SENTRY_DSN,
        transport=_transport(),
        transport_queue_size=QUEUE,
        release=release(),
        environment=settings.SENTRY_ENVIRONMENT,
        # Nothing is watched, patched or collected: events are made from lines of the log, which are scrubbed.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[],
        max_breadcrumbs=0,
        include_local_variables=False,
        include_source_context=False,
        attach_stacktrace=False,
        max_request_body_size="never",
        auto_session_tracking=False,
        send_client_reports=False,
        server_name="",
        # Said outright: the library would take them from the environment.
        _experiments={"transport_compression_algo": "gzip"},
        debug=False,
        spotlight=False,
        http_proxy="",
        https_proxy="",
        before_send=_only_chosen,
    )
    return client


def _only_chosen(event: Any, _hint: Any) -> Any:
    return {key: value for key, value in event.items() if key in FIELDS}


@cache
def _transport() -> Any:
    from sentry_sdk.transport import HttpTransport  # noqa: PLC0415  (comes with an extra)

    class Transport(HttpTransport):
        """Sends one error after the other, once each, and counts those that nobody took."""

        TIMEOUT = PATIENCE  # type: ignore[assignment]

        def __init__(self, options: Any) -> None:
            self.problem = "There was no answer in time."
            super().__init__(options)

        def _get_pool_options(self) -> Any:
            # Neither again, which would take as long once more, nor elsewhere.
            return {**super()._get_pool_options(), "retries": False}

        def _handle_response(self, response: Any, envelope: Any) -> None:
            if 200 <= response.status < 300:
                self.problem = ""
                note_sent()
            super()._handle_response(response=response, envelope=envelope)

        def on_dropped_event(self, reason: str) -> None:
            self.problem = f"It was not taken: {reason}."
            ERRORS.labels("", "dropped").inc()

    return Transport


def note_sent() -> None:
    if time.monotonic() - _here.noted_at >= NOTED_EVERY:
        _here.noted_at = time.monotonic()
        loose_cache.keep(_LAST, now().timestamp(), seconds=_LAST_KEPT, what="errors_last_sent")
