"""Errors as the log has them: each unhandled one ends in a line, and so does each that we call an error ourselves."""

import logging
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

from core.observability.errors import receiver
from core.observability.errors.events import Fault, fault_of, place_of
from core.observability.logging import is_ours, scrub

_WEB: Final = ("django.request", "django.security")
_NOT_OURS: Final = ("sentry_sdk", "urllib3")
"""What sends errors: an error of its own would be sent by it again."""


class ErrorHandler(logging.Handler):
    """Reports errors of the log, and counts what the web refused."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Have no lock: what is shared has one, and two that are taken in either order wait for each other."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Report a record without the lock that newer Pythons want to hold around it."""
        if passes := bool(self.filter(record)):
            self.emit(record)
        return passes

    def emit(self, record: logging.LogRecord) -> None:
        """Report a record. It never raises: what reports errors must not make one."""
        with suppress(Exception):
            take(record)
            return
        # Not by `handleError`, which prints the values of the record.
        receiver.ERRORS.labels("", "dropped").inc()


def take(record: logging.LogRecord) -> None:
    if record.name.startswith(_WEB):
        status = getattr(record, "status_code", 0)
        if 400 <= status < 500 or record.name.startswith("django.security"):
            receiver.report(Fault("user", "", is_sent=False))
            return
        if not record.exc_info:
            # An answer that says so, such as that of /readyz, or of an error that has a line of its own.
            return
    if record.levelno < logging.ERROR or record.name.startswith(_NOT_OURS):
        return
    is_named_here = is_ours(record) or record.name == __name__
    place = place_of(record.pathname, record.funcName or "")
    receiver.report(fault_of(scrub(record), is_ours=is_named_here, transaction=route_of(record), place=place))


def route_of(record: logging.LogRecord) -> str:
    """Return the pattern of the address that was asked for, never the address."""
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    return str(match.route) if match is not None else ""


def report_what_nobody_catches() -> None:
    """Report what ends a process or a thread, before Python says so."""
    before, before_thread = sys.excepthook, threading.excepthook

    def of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            _report("process_ended", error)
        before(kind, error, trace)

    def of_thread(given: threading.ExceptHookArgs) -> None:
        if isinstance(given.exc_value, Exception):
            _report("thread_ended", given.exc_value)
        before_thread(given)

    sys.excepthook, threading.excepthook = of_process, of_thread


def _report(event: str, error: Exception) -> None:
    raised: Any = (type(error), error, error.__traceback__)
    record = logging.LogRecord(__name__, logging.ERROR, __file__, 0, event, (), raised)
    ErrorHandler().handle(record)
