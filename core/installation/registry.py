"""Checks of an installation: apps register them, and each says what is wrong and what to do next."""

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.db import connections

from core.clock import now
from core.observability.logging import get_logger
from core.observability.processes import VERSION
from core.reliability import loose_cache

log = get_logger(__name__)

Status = Literal["ok", "warning", "failure"]
STATUSES: Final[tuple[Status, ...]] = ("ok", "warning", "failure")
"""From good to bad; their places are the exit codes of `./walker doctor`."""

WHOLE: Final = 13.0
"""Seconds for all checks together."""
AT_ONCE: Final = 6
_LAST: Final = f"installation:report:{VERSION}"
_LAST_KEPT: Final = 30 * 24 * 3600
_BROKEN: Final = "Look for installation_check_failed in the log of what ran the check, then check again."
_SLOW: Final = "See whether what it asks answers at all from this machine, then check again."


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: one sentence without secrets or personal data, and what to do next if it isn't well."""

    status: Status
    text: str
    next_step: str = ""


def well(text: str) -> Finding:
    return Finding("ok", text)


def warning(text: str, next_step: str) -> Finding:
    return Finding("warning", text, next_step)


def failure(text: str, next_step: str) -> Finding:
    return Finding("failure", text, next_step)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `look` runs in a thread without a scope, outside transactions, for so many seconds at most."""

    key: str
    title: str
    look: Callable[[], Finding]
    seconds: float = 4.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check."""

    key: str
    title: str
    status: Status
    text: str
    next_step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all checks, when they ran, and the version of the code that ran them."""

    at: datetime
    version: str
    results: list[Result]

    @property
    def status(self) -> Status:
        """Return the worst status."""
        return max((result.status for result in self.results), key=STATUSES.index, default="ok")

    def as_json(self) -> dict[str, Any]:
        """Return the report as `./walker doctor --json` prints it."""
        checks = [{**asdict(result), "seconds": round(result.seconds, 2)} for result in self.results]
        return {"status": self.status, "version": self.version, "at": self.at.isoformat(), "checks": checks}


_checks: dict[str, Check] = {}


def register(check: Check) -> None:
    """Register a check; another one under its key is a start-up error."""
    if _checks.setdefault(check.key, check) != check:
        raise ValueError(f"the check {check.key!r} is already registered")


def all_checks() -> list[Check]:
    """Return the checks in the order in which they are shown."""
    return list(_checks.values())


def run_checks() -> Report:
    """Run every check and keep the report for the console (outside calls). Not to be called inside a transaction."""
    checks = all_checks()
    results = _Run(checks).results()
    report = Report(now(), VERSION, [results[check.key] for check in checks])
    loose_cache.keep(_LAST, report, seconds=_LAST_KEPT, what="installation_report")
    return report


def last_report() -> Report | None:
    """Return the report of the last run, or None. Also none while Redis is away."""
    found: Report | None = loose_cache.find(_LAST, what="installation_report")
    return found


class _Run:
    """Runs checks in threads, a few at a time: one that hangs is left alone, and the others go on."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self.waiting = list(checks)
        self.begun: dict[str, tuple[Check, float]] = {}
        self.done: queue.SimpleQueue[tuple[str, Finding]] = queue.SimpleQueue()

    def results(self) -> dict[str, Result]:
        """Return what came of each check, by its key."""
        found: dict[str, Result] = {}
        until = time.monotonic() + WHOLE
        while self.waiting or self.begun:
            while self.waiting and len(self.begun) < AT_ONCE and time.monotonic() < until:
                self._begin(self.waiting.pop(0))
            ends = [min(at + check.seconds, until) for check, at in self.begun.values()]
            try:
                key, finding = self.done.get(timeout=max(0.0, min(ends, default=until) - time.monotonic()))
            except queue.Empty:
                found.update(self._given_up(until))
                continue
            if key in self.begun:  # else it was given up
                check, at = self.begun.pop(key)
                found[key] = _result(check, finding, time.monotonic() - at)
        return found

    def _begin(self, check: Check) -> None:
        self.begun[check.key] = (check, time.monotonic())
        # A daemon: one that hangs doesn't keep the process from ending.
        threading.Thread(target=self._look, args=(check,), name=f"check-{check.key}", daemon=True).start()

    def _look(self, check: Check) -> None:
        try:
            finding = check.look()
        except Exception as problem:
            # Checks ask what may be broken in any way: each way is a finding, and keeps no other check from running.
            log.warning("installation_check_failed", check=check.key, exc_info=True)
            finding = failure(f"The check itself failed: {type(problem).__name__}.", _BROKEN)
        finally:
            connections.close_all()
        self.done.put((check.key, finding))

    def _given_up(self, until: float) -> dict[str, Result]:
        """Return the checks whose time is over, also those that no time is left for."""
        moment = time.monotonic()
        over = [(check, at) for check, at in self.begun.values() if moment >= min(at + check.seconds, until)]
        for check, _ in over:
            del self.begun[check.key]
        if moment >= until:
            over += [(check, moment) for check in self.waiting]
            self.waiting.clear()
        slow = "There was no answer within {:.0f} seconds."
        return {
            check.key: _result(check, failure(slow.format(moment - at or WHOLE), _SLOW), moment - at)
            for check, at in over
        }


def _result(check: Check, finding: Finding, seconds: float) -> Result:
    return Result(check.key, check.title, finding.status, finding.text, finding.next_step, seconds)
