"""Circuit breakers whose state all processes share in Redis: closed, open, half-open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypedDict, Unpack

from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from core import notices
from core.clock import now
from core.errors import Unavailable
from core.observability.logging import get_logger
from core.reliability.rate_limit import count_up
from core.tenancy.scope import current_scope

log = get_logger(__name__)

State = Literal["closed", "open", "half_open"]
# An unused breaker closes by itself.
_FORGET: Final = 3600
_breakers: dict[str, "Breaker"] = {}


notices.register_kind("breaker", "Outside service", "dead")


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The state of a breaker, for people."""

    name: str
    state: State
    failures: int


class Rules(TypedDict, total=False):
    """When a breaker opens, when it tries a call, and how often people hear of it."""

    threshold: int
    cool_down: timedelta
    window: timedelta
    quiet: timedelta


@dataclass(frozen=True, slots=True)
class Breaker:
    """Stops calls after `threshold` failures in a row, and tries one after `cool_down`; not while Redis is down.

    The failures lie within `window` of the first. People get a notice each time that it opens, or one in `quiet`.
    """

    name: str
    threshold: int = 5
    cool_down: timedelta = timedelta(seconds=30)
    window: timedelta = timedelta(seconds=60)
    quiet: timedelta = timedelta(0)

    def allow(self) -> None:
        """Raise Unavailable (`breaker_open`) unless a call may be made: one at a time while half open."""
        try:
            opened = cache.get(self._key("opened"))
            is_cool = opened is not None and not self._is_hot(opened)
            allowed = opened is None or (
                is_cool and cache.add(self._key("trial"), 1, timeout=self.cool_down.total_seconds())
            )
        except (RedisError, OSError):
            log.warning("breaker_state_lost", breaker=self.name)
            return
        if not allowed:
            raise Unavailable(
                "This service failed several times, so calls are paused. Try again in a moment.", code="breaker_open"
            )

    def succeeded(self) -> None:
        """Record a success: the breaker closes."""
        try:
            cache.delete_many([self._key("failures"), self._key("opened"), self._key("trial")])
        except (RedisError, OSError):
            log.warning("breaker_state_lost", breaker=self.name)

    def failed(self) -> None:
        """Record a failure: the breaker opens at the threshold, or again after a trial call."""
        try:
            failures = count_up(self._key("failures"), seconds=self.window.total_seconds())
            if not failures:  # the window has just ended
                return
            was_open = cache.get(self._key("opened")) is not None
            if not was_open and failures < self.threshold:
                return
            moment = now()
            # Of several processes at once, the one that opens it leaves the notice; a trial that fails leaves none.
            is_new = cache.add(self._key("opened"), moment.timestamp(), timeout=_FORGET)
            cache.set(self._key("opened"), moment.timestamp(), timeout=_FORGET)
            cache.delete(self._key("trial"))
            log.warning("breaker_opened", breaker=self.name, failures=failures)
            tenant_id = current_scope().tenant_id
            if tenant_id is None:
                return
            # Of two breakers at the same instant one may be missed.
            opened = cache.get(f"{tenant_id}:breakers") or {}
            cache.set(f"{tenant_id}:breakers", {**opened, self.name: moment.timestamp()}, timeout=_FORGET)
            if self.quiet:  # the first of several processes and openings in this time
                last, quiet = cache.get(self._key("noticed")), self.quiet.total_seconds()
                is_new = last is None or moment.timestamp() >= last + quiet
                if is_new:
                    cache.set(self._key("noticed"), moment.timestamp(), timeout=quiet)
            if is_new:
                self._leave_notice(moment)
        except (RedisError, OSError):
            log.warning("breaker_state_lost", breaker=self.name)

    def _leave_notice(self, moment: datetime) -> None:
        service = self.name.partition(":")[0].replace("_", " ")
        with transaction.atomic():
            notices.leave_for_permission(
                "core.view_deadletter",
                kind="breaker",
                title=f"Calls to {service} are paused",
                body="The service failed several times in a row. Walker tries it again every "
                f"{self.cool_down.total_seconds():.0f} seconds and continues when it answers.",
                link="",
                level="alert",
                dedupe_key=f"breaker:{self.name}:{moment.isoformat()}",
                now=moment,
            )

    def state(self) -> BreakerState:
        opened, failures = (cache.get(self._key(part)) for part in ("opened", "failures"))
        if opened is None:
            return BreakerState(self.name, "closed", failures or 0)
        state: State = "open" if self._is_hot(opened) else "half_open"
        return BreakerState(self.name, state, failures or 0)

    def _key(self, part: str) -> str:
        return f"breaker:{self.name}:{part}"

    def _is_hot(self, opened: float) -> bool:
        return now().timestamp() < opened + self.cool_down.total_seconds()


def count_open() -> int:
    """Return how many breakers the calls of the tenant in scope opened that are not closed again."""
    names = cache.get(f"{current_scope().tenant_id}:breakers") or {}
    # One that this process does not know may have other times; whether it is closed is the same.
    return sum((_breakers.get(name) or Breaker(name)).state().state != "closed" for name in names)


def breaker(name: str, **rules: Unpack[Rules]) -> Breaker:
    """Return the breaker of a name (provider, or tenant and provider), created at the first call."""
    known = _breakers.get(name)
    if known is None:
        known = _breakers[name] = Breaker(name, **rules)
    return known


def states() -> list[BreakerState]:
    """Return the state of every breaker of this process, by name."""
    return [_breakers[name].state() for name in sorted(_breakers)]
