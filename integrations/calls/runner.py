"""Make calls over a connection: within their time, repeated where that is safe, paused where a system fails."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Self, TypeVar

from core.clock import now
from core.errors import Unavailable, WalkerError
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply
from core.reliability.rate_limit import count_or_let_pass
from hitl.selectors import is_connection_stopped
from integrations.calls import breaker, last_values, quotas, waits
from integrations.calls.answers import Answer, CleanFailure, Ok, Unknown
from integrations.calls.operations import (
    ENDED,
    LIMITED,
    TEMPORARY,
    Line,
    Operation,
    Request,
    System,
    is_refusal,
    wait_of,
)
from integrations.calls.records import Record
from integrations.calls.selectors import add_call
from integrations.models import ProviderAccount, ProviderCall

T = TypeVar("T")
Outcome = ProviderCall.Outcome
FIRST_PAUSE: Final = 0.25
CONNECT_SECONDS: Final = 3.0
NO_RIGHT: Final = 403
MINUTE: Final = 60
QUOTA_SPENT: Final = "quota_spent"
STOPPED: Final = "stopped"
STOP_WAIT: Final = 60.0
"""Seconds after which an operation is tried again that an emergency stop keeps from being made."""
NO_TIME: Final = CleanFailure(waits.TIMED_OUT, "There was no time left for the call.", retry=True, was_called=False)


def run(operation: Operation, request: Request, *, system: System, line: Line, parse: Callable[[Any], T]) -> Answer[T]:
    """Make the call of an operation and return how it ended; `parse` reads the JSON of its answer.

    For clients, outside transactions. A call that did nothing, as its system proves, is made up to `line.attempts`
    times; one whose answer was lost only if the operation may be repeated, and else it is `Unknown`. Readings never
    end in `Unknown`; where `line.takes_last`, one that fails is answered by the last value. A system that let a call
    time out isn't called again within `waits.wait_once_each`. What executes isn't called under an emergency stop of the
    connection ("stopped"); callers don't ask for it. Never raises for failures outside, and never takes longer than
    `operation.seconds` or what is left to the line.
    """
    call = _Call(operation, request, system, line, parse)
    if operation.kept_seconds and line.takes_last:
        kept = call.find_last(timedelta(seconds=operation.kept_seconds))
        if kept is not None:
            return Ok(kept.value)
    answer: Answer[T] | None = waits.find_wait(line.connection)
    if answer is None:
        add_call(operation.key, line.connection.pk)
        began = time.monotonic()
        answer = call.make()
        waits.note_wait(line.connection, answer, time.monotonic() - began)
    if not isinstance(answer, CleanFailure) or not answer.retry or not line.takes_last or operation.executes:
        return answer
    last = call.find_last(last_values.KEPT)
    if last is None:
        return answer
    if line.read_at is None or (last.read_at is not None and last.read_at < line.read_at):
        line.read_at = last.read_at
    return last


@dataclass(frozen=True)
class _Call(Generic[T]):
    operation: Operation
    request: Request
    system: System
    line: Line
    parse: Callable[[Any], T]

    def make(self) -> Answer[T]:
        """Make the attempts."""
        until = time.monotonic() + self.line.time_left(self.operation)
        answer: Answer[T] = NO_TIME
        lost: Unknown | None = None
        for attempt in range(1, self.line.attempts + 1):
            stopped = self._find_obstacle() if time.monotonic() < until else answer
            if isinstance(stopped, CleanFailure):
                answer = stopped
                break
            answer = self._attempt(attempt, until)
            lost = answer if isinstance(answer, Unknown) else lost
            is_safe = answer.retry if isinstance(answer, CleanFailure) else self.operation.may_repeat(self.request.key)
            if isinstance(answer, Ok) or attempt == self.line.attempts or not is_safe:
                break
            asked = answer.retry_after or 0.0 if isinstance(answer, CleanFailure) else 0.0
            wait = max(asked, FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311
            if time.monotonic() + wait >= until:
                break
            time.sleep(wait)
        # A later attempt that did nothing says nothing about the first: that one may still have its effect.
        return lost if lost is not None and isinstance(answer, CleanFailure) else answer

    def find_last(self, within: timedelta) -> Ok[T] | None:
        """Return the last value, if it is not older than that."""
        kept = last_values.find(self.line, self.operation, self.request, within=within)
        value = self._parsed(kept[0], kept[1]) if kept else None
        return value if isinstance(value, Ok) else None

    def _find_obstacle(self) -> CleanFailure | None:
        stop = find_stop(self.operation, self.line.connection)
        if stop is not None:
            return stop
        is_behind = self.operation.in_background or self.line.in_background
        if is_behind and self.system.calls_per_minute is not None:
            spent = take_background_call(self.line.connection, self.system.calls_per_minute)
            if spent:
                return spent
        return breaker.find_pause(self.line.connection)

    def _attempt(self, number: int, until: float, *, again: bool = False) -> Answer[T]:
        """Send the request, record it, and tell the breaker whether the system works.

        It is sent once more if the system refused a token that can be renewed: then nothing was done.
        """
        guard = breaker.breaker_of(self.line.connection)
        try:
            headers = self._headers()
        except WalkerError as problem:
            return CleanFailure(problem.code, problem.detail, isinstance(problem, Unavailable), was_called=False)
        left = until - time.monotonic()  # a token may have been renewed
        if left <= 0:
            return NO_TIME
        record = Record(self.line, self.operation, number, self.request.key)
        record.begin()
        reply = self._send(headers, left)
        answer, outcome = self._read(reply)
        record.end(outcome, reply.status if isinstance(reply, Reply) else None)
        quota = self.system.quota_in(reply) if isinstance(reply, Reply) else None
        if quota is not None:
            quotas.keep(self.line.connection, quota)
        if outcome in (Outcome.NO_ANSWER, Outcome.FAILED, Outcome.UNREADABLE):
            guard.failed()
        elif outcome == Outcome.NOT_SENT:
            if isinstance(answer, CleanFailure) and answer.retry:
                guard.failed()
        else:
            guard.succeeded()
        refused = self.system.refused
        if refused is None or not isinstance(reply, Reply) or not isinstance(answer, CleanFailure):
            return answer
        if outcome != Outcome.EXPIRED or not self.system.is_ended(reply, answer.code):
            return answer
        if refused(self.line.connection, self.operation.method, headers, again=again) and not again:
            return self._attempt(number, until, again=True)
        return replace(answer, code=ENDED)

    def _headers(self) -> dict[str, str]:
        request, system = self.request, self.system
        url = system.base_url.rstrip("/") + request.target
        given = system.authorise(self.line.connection, self.operation.method, url, request.body)
        headers = {"Accept": "application/json", **given}
        if request.json is not None:
            headers["Content-Type"] = "application/json"
        if request.key:
            headers["Idempotency-Key"] = request.key
        if request.etag:
            headers["If-Match"] = request.etag
        return headers

    def _send(self, headers: dict[str, str], left: float) -> Reply | NotSent | NoAnswer:
        patience = Patience(connect=min(CONNECT_SECONDS, left), read=left, total=left)
        http = OutgoingHttp(
            self.system.base_url,
            patience=patience,
            private_hosts=self.system.private_hosts,
            provider=self.line.connection.provider,
        )
        try:
            body = self.request.body or None
            return http.request(self.operation.method, self.request.target, content=body, headers=headers)
        finally:
            http.close()

    def _read(self, reply: Reply | NotSent | NoAnswer) -> tuple[Answer[T], Outcome]:
        if isinstance(reply, NotSent):
            return CleanFailure(reply.code, reply.detail, retry=reply.retry), Outcome.NOT_SENT
        if isinstance(reply, NoAnswer):
            return self._unsure(reply.code, reply.detail), Outcome.NO_ANSWER
        if 200 <= reply.status < 300:
            parsed = self._parsed(reply)
            if parsed is None:
                return self._unsure("bad_answer", "The answer could not be read."), Outcome.UNREADABLE
            last_values.keep(self.line, self.operation, self.request, reply)
            return parsed, Outcome.ANSWERED
        return self._refusal(reply)

    def _parsed(self, reply: Reply, read_at: datetime | None = None) -> Ok[T] | None:
        body = reply.json()
        try:
            return Ok(self.parse(body), replayed=isinstance(body, dict) and bool(body.get("replayed")), read_at=read_at)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, IndexError):
            return None

    def _unsure(self, code: str, detail: str) -> CleanFailure | Unknown:
        """Return a failure after which nobody knows what was done; a reading did nothing anyway."""
        return Unknown(code, detail) if self.operation.executes else CleanFailure(code, detail, retry=True)

    def _refusal(self, reply: Reply) -> tuple[CleanFailure | Unknown, Outcome]:
        body = reply.json()
        code, words = (text.strip() for text in self.system.error(body))
        code = code[:60] or f"http_{reply.status}"
        words = words[:300] or f"The system answered {reply.status}."
        is_limited = self.system.is_limited(reply, code)
        outcome = (
            Outcome.LIMITED if is_limited
            else Outcome.EXPIRED if reply.status == NO_RIGHT or self.system.is_ended(reply, code)
            else Outcome.REFUSED if is_refusal(reply) or self.operation.proves_nothing(reply)
            else Outcome.FAILED
        )  # fmt: skip
        if self.operation.executes and not is_limited and not self.operation.proves_nothing(reply):
            return Unknown(code, words), outcome
        failure = CleanFailure(
            code=LIMITED if is_limited and code == f"http_{reply.status}" else code,
            detail=words,
            retry=is_limited or reply.status in TEMPORARY or reply.status >= 500,
            retry_after=self.system.limit_wait(reply) if is_limited else wait_of(reply),
            # What was wrong, and what the value is now, where a refusal says so.
            facts={name: body[name] for name in ("fields", "current") if isinstance(body, dict) and name in body},
        )
        return failure, outcome


def find_stop(operation: Operation, connection: ProviderAccount) -> CleanFailure | None:
    """Return why an emergency stop keeps an operation from being made. Three queries for one that executes.

    Of a connection that isn't stored credentials are tried out, which changes nothing.
    """
    if not operation.executes or operation.despite_stops or connection._state.adding:
        return None
    if not is_connection_stopped(connection.pk):
        return None
    detail = f"An emergency stop covers {connection.name}."
    return CleanFailure(STOPPED, detail, retry=True, retry_after=STOP_WAIT, was_called=False)


def take_background_call(connection: ProviderAccount, calls_per_minute: int) -> CleanFailure | None:
    """Count a call of background work; return why it may not be made in this minute. Without Redis it may."""
    seconds = now().timestamp()
    name = f"{connection.tenant_id.hex}:outside_quota:{connection.pk.hex}:{int(seconds // MINUTE)}"
    if count_or_let_pass(name, seconds=2 * MINUTE) <= calls_per_minute // 2:
        return None
    wait = MINUTE - seconds % MINUTE
    detail = "Background work has used its half of the account's quota for this minute."
    return CleanFailure(QUOTA_SPENT, detail, retry=True, retry_after=wait, was_called=False)


class Client:
    """An account of an outside system. Reads never end in `Unknown`: they change nothing."""

    def __init__(self, system: System, line: Line) -> None:
        self._system, self._line = system, line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: each call has a connection of its own."""

    def _call(self, operation: Operation, request: Request, parse: Callable[[Any], T]) -> Answer[T]:
        """Make a call by the runner."""
        return run(operation, request, system=self._system, line=self._line, parse=parse)
