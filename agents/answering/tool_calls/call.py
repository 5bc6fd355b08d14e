"""Run a reading from another system: beside others, within its time, with a cache, one retry and a breaker."""

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import connection

from agents.answering.tool_calls.refusals import TIMEOUT, Refusal
from agents.answering.tools.registry import NOT_CURRENT, Caller, Tool
from core.errors import Unavailable
from core.observability.logging import get_logger
from core.reliability import loose_cache
from core.reliability.circuit_breaker import Breaker, breaker
from core.tenancy.scope import current_tenant_id
from hitl.actions.base import Params
from integrations.calls.selectors import Noted, note_calls

log = get_logger(__name__)
THREADS: Final = 4
NOT_TEMPORARY: Final = frozenset({"breaker_open", "not_configured", "not_connected"})


@dataclass
class Reading:
    """One reading and what it took; `take` runs it, and is called on a thread of its own if there is one."""

    tool: Tool
    arguments: Params
    caller: Caller
    call_id: UUID
    noted: Noted = field(default_factory=Noted)
    attempts: int = 0
    is_cached: bool = False

    def take(self) -> dict[str, Any]:
        """Return the result, tried once more after a temporary failure. Raises what the tool raises.

        A tool whose calls have a runner is called once: the runner tries again by itself.
        """
        key = self._key() if self.tool.kept_seconds else ""
        if key and (kept := loose_cache.find(key, what="reading")) is not None:
            self.is_cached = True
            found: dict[str, Any] = kept
            return found
        result = self.call_once() if self.tool.has_runner else self.call_twice()
        if key and NOT_CURRENT not in result:
            loose_cache.keep(key, result, seconds=self.tool.kept_seconds, what="reading")
        return result

    def call_once(self) -> dict[str, Any]:
        """Call the tool."""
        self.attempts += 1
        with note_calls(self.noted):
            return self.tool.call(self.arguments, caller=self.caller, call_id=self.call_id)

    def call_twice(self) -> dict[str, Any]:
        """Call the tool under its breaker, once more after a temporary failure."""
        guard = _breaker_of(self.tool)
        for is_last in (False, True):
            guard.allow()
            try:
                result = self.call_once()
            except Unavailable as error:
                guard.failed()
                if is_last or error.code in NOT_TEMPORARY:
                    raise
                continue
            guard.succeeded()
            return result
        raise AssertionError

    def _key(self) -> str:
        content = hashlib.sha256(self.arguments.model_dump_json().encode()).hexdigest()
        place = (current_tenant_id().hex, "reading", self.caller.agent_id.hex, self.tool.audience, self.tool.key)
        return ":".join((*place, content))


def start(reading: Reading) -> Callable[[float], dict[str, Any]]:
    """Start a reading and return how to wait for it, given the seconds that are left.

    Within a transaction it runs when it is waited for: another connection would not see what was written.
    """
    if connection.in_atomic_block:
        return lambda _left: reading.take()
    context = copy_context()
    began = time.monotonic()
    future: Future[dict[str, Any]] = _pool().submit(context.run, _take, reading)

    def wait(left: float) -> dict[str, Any]:
        try:
            # Its result is dropped when it comes later: nobody waits for it, and its row is closed.
            return future.result(max(0.0, min(left, began + reading.tool.seconds - time.monotonic())))
        except TooLate:
            future.cancel()
            if not reading.tool.has_runner:
                _breaker_of(reading.tool).failed()
            log.warning("tool_too_slow", tool=reading.tool.key)
            raise Refusal(TIMEOUT) from None

    return wait


def _take(reading: Reading) -> dict[str, Any]:
    try:
        return reading.take()
    finally:
        connection.close()  # the thread's own


@cache
def _pool() -> ThreadPoolExecutor:
    # Made by the first reading: a pool does not survive the fork of a worker.
    return ThreadPoolExecutor(THREADS, thread_name_prefix="reading")


def _breaker_of(tool: Tool) -> Breaker:
    return breaker(f"{tool.key}:{current_tenant_id().hex}")
