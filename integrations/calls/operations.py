"""What can be called: operations, the systems that have them, and the use that is made of a connection."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlencode

from core.clock import now
from core.http import Reply
from integrations.calls.quotas import Quota
from integrations.models import ProviderAccount

LONGEST_WAIT: Final = 3600
TEMPORARY: Final = frozenset({408, 425, 429})
LIMITED: Final = "rate_limited"
UNAUTHORISED: Final = 401
ENDED: Final = "expired"
"""The code of a call whose authorisation wasn't accepted, and couldn't be renewed."""


def is_refusal(reply: Reply) -> bool:
    """Return True for an answer of 4xx: the system understood the request and did not do it."""
    return 400 <= reply.status < 500


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked of a system.

    `seconds` is the time for all attempts together. `repeats` says when a call whose answer was lost may be made
    again: "always" for what has the same effect each time, "with_key" where the system knows the idempotency key. An
    answer that meets `proves_nothing` surely means that nothing was done. An equal reading is answered again for
    `kept_seconds`, and for a day where the system does not answer, unless `keeps_last` is False.
    `in_background` limits the operation to half of the system's quota. One that `executes` isn't made under an
    emergency stop, unless it goes on `despite_stops`, as the erasure of a person does.
    """

    key: str
    method: str = "GET"
    seconds: float = 10.0
    executes: bool = False
    repeats: Literal["never", "with_key", "always"] = "never"
    proves_nothing: Callable[[Reply], bool] = is_refusal
    kept_seconds: int = 0
    keeps_last: bool = True
    in_background: bool = False
    despite_stops: bool = False

    def may_repeat(self, key: str) -> bool:
        """Return True if a call whose answer was lost may be made again."""
        return not self.executes or self.repeats == "always" or (self.repeats == "with_key" and key != "")


@dataclass(frozen=True)
class Request:
    """What is sent: a path with its query, JSON, and the key by which the system knows a repeat.

    With an `etag` a change is made only if its object is still in that state.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    key: str = ""
    etag: str = ""

    @property
    def target(self) -> str:
        """The path and the query, as they are sent."""
        return f"{self.path}?{urlencode(self.params)}" if self.params else self.path

    @property
    def body(self) -> bytes:
        """The bytes that are sent, and that a signature covers."""
        return b"" if self.json is None else json.dumps(self.json, separators=(",", ":")).encode()


class Authorise(Protocol):
    """Gives a request its authorisation; it may renew a token, by a call of its own."""

    def __call__(self, connection: ProviderAccount, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """Return the headers. Raises WalkerError where the connection has no right any more."""


class Refused(Protocol):
    """Told that a system no longer takes the authorisation of a request, with the headers that it had."""

    def __call__(
        self, connection: ProviderAccount, method: str, headers: dict[str, str], *, again: bool = False
    ) -> bool:
        """Return True if the request may be made once more, with a renewed token; `again` says that it was."""


def read_error(body: Any) -> tuple[str, str]:
    """Return the code and the words of an error whose JSON names them `code` and `detail`."""
    found = body if isinstance(body, dict) else {}
    return str(found.get("code", "")), str(found.get("detail", ""))


@dataclass(frozen=True)
class System:
    """An outside system: where it is, how its requests are authorised, and what it says of limits.

    `error` reads its code and words of an error. Answers with one of its `limit_codes` mean "too many", with
    any status, and with one of its `ended_codes` that the account itself has no permission any more, not only for one
    object. `calls_per_minute` is the quota of an account, if the vendor names one. A host that the operator
    named may be a private one. `refused` is told when the authorisation is no longer accepted. `quota` reads from an
    answer's headers how many calls are left.
    """

    base_url: str
    authorise: Authorise
    error: Callable[[Any], tuple[str, str]] = read_error
    limit_codes: frozenset[str] = frozenset()
    ended_codes: frozenset[str] = frozenset()
    calls_per_minute: int | None = None
    private_hosts: tuple[str, ...] = ()
    refused: Refused | None = None
    quota: Callable[[Mapping[str, str]], Quota | None] | None = None

    def quota_in(self, reply: Reply) -> Quota | None:
        """Return how many calls are left by an answer, else the limit that is known; None if nothing is."""
        said = self.quota(reply.headers) if self.quota else None
        return said or (Quota(self.calls_per_minute, "minute") if self.calls_per_minute else None)

    def is_limited(self, reply: Reply, code: str) -> bool:
        return reply.status == 429 or (reply.status >= 400 and code in self.limit_codes)

    def limit_wait(self, reply: Reply) -> float | None:
        """Return the seconds after which calls are taken again, of an answer about a limit."""
        return wait_of(reply)

    def is_ended(self, reply: Reply, code: str) -> bool:
        """Return True if the authorisation has ended: by a 401 or a code; a 403 may be about one object alone."""
        return reply.status == UNAUTHORISED or (reply.status >= 400 and code in self.ended_codes)


@dataclass
class Line:
    """The use of a connection: how long it may take, how often a call is made, how old a reading may be.

    `in_background` limits its calls to half of the system's quota. `read_at` tells afterwards from when the oldest
    reading is that was given in place of an answer.
    """

    connection: ProviderAccount
    seconds: float | None = None
    attempts: int = 3
    takes_last: bool = False
    in_background: bool = False
    read_at: datetime | None = None
    _began: float = field(default_factory=time.monotonic)

    def time_left(self, operation: Operation) -> float:
        """Return the seconds that an operation may take from now on."""
        if self.seconds is None:
            return operation.seconds
        return min(operation.seconds, self._began + self.seconds - time.monotonic())


def wait_of(reply: Reply) -> float | None:
    """Return the seconds, up to an hour, after which a system wants to be asked again: by number or by date."""
    if reply.retry_after is not None:
        return float(reply.retry_after)
    try:
        moment = parsedate_to_datetime(reply.headers.get("Retry-After", ""))
    except (TypeError, ValueError):
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now()
    return min(max(0.0, seconds.total_seconds()), float(LONGEST_WAIT))
