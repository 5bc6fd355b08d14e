"""Structured logging: JSON lines of event names with ids, never personal data, never a body."""

import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final, cast
from uuid import UUID

import structlog
from psycopg import Error as DatabaseError
from structlog.typing import Processor

from core.errors import WalkerError
from core.privacy.pii import mask_text

Event = MutableMapping[str, Any]

# Usual names of content and secrets: values under them are never logged.
DROPPED: Final = frozenset(
    "body masked_body message text content html subject transcript prompt completion payload params "
    "arguments data password secret token authorization cookie credentials api_key email phone "
    "first_name last_name full_name display_name user_agent".split()
)
_LONGEST_VALUE: Final = 1000
_DEEPEST: Final = 4
_FRAMES: Final = 30
# Django logs the path of a refused request; a decision link, an invitation, a reset, a survey, a registration, a file
# for a provider and the door of a mailbox have their secret there.
_SECRET_PATH: Final = re.compile(r"(/(?:[dirsv]|channels/(?:files|email))/)[^/\s?#\"']+")
_QUOTING: Final = {"asyncio": "event_loop_failed", "celery": "worker_failed", "daphne": "web_server_failed"}
NAMED: Final = frozenset({"task_failed", *_QUOTING.values()})
"""What errors of libraries are called here, instead of by their own texts."""
_OURS: Final = frozenset({"event", "level", "logger", "timestamp", "exception"})
RAISED: Final = "_raised"
"""Under what the exception itself goes on, for error reports. It is left out of every line."""


class Raised:
    """Holds an exception, and shows nothing of it: some handler may print what it is given."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        return type(self.error).__name__


def drop_bodies(_logger: Any, _method: str, event: Event) -> Event:
    """Drop content and secrets."""
    for key in [key for key in event if isinstance(key, str) and key.lower() in DROPPED]:
        del event[key]
    return event


def mask_values(_logger: Any, _method: str, event: Event) -> Event:
    """Mask remaining personal data: a last resort, not a licence to log it."""
    for key, value in event.items():
        if key == "event" or not (key in _OURS or key.startswith("_")):
            event[key] = _masked(value, _DEEPEST)
    return event


def _masked(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float | UUID):
        return value
    if isinstance(value, int):
        plain = str(value)
        return value if mask_text(plain) == plain else mask_text(plain)
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        kept = {str(key): item for key, item in value.items() if str(key).lower() not in DROPPED}
        return {_shown(key): _masked(item, depth - 1) for key, item in kept.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item, depth - 1) for item in value]
    return _shown(str(value)[:_LONGEST_VALUE])


def _shown(text: str) -> str:
    return mask_text(_SECRET_PATH.sub(r"\1…", text))


def name_exception(_logger: Any, _method: str, event: Event) -> Event:
    """Replace an exception by its types and places. Messages could quote values, so only ours stay."""
    given = event.pop("exc_info", None)
    if given:
        error = given
        if not isinstance(given, BaseException):
            error = given[1] if isinstance(given, tuple) else sys.exc_info()[1]
        if isinstance(error, BaseException):
            event["exception"], event[RAISED] = describe_exception(error), Raised(error)
    return event


@dataclass(frozen=True, slots=True)
class Place:
    """Where an exception passed: the last parts of the file's path, the line, the function and its module."""

    file: str
    line: int
    function: str
    module: str


@dataclass(frozen=True, slots=True)
class Link:
    """One exception of a chain: its module and type, what may be told of its message, and where it passed."""

    module: str
    type: str
    said: str
    places: list[Place]


def links_of(error: BaseException) -> Iterator[Link]:
    """Yield an exception and its causes without values, for logs and error reports alike."""
    link: BaseException | None = error
    left = 3 * _FRAMES
    while link is not None and left > 0:
        places = [
            Place(
                "/".join(PurePath(frame.f_code.co_filename).parts[-3:]),
                line,
                frame.f_code.co_name,
                str(frame.f_globals.get("__name__", "")),
            )
            for frame, line in traceback.walk_tb(link.__traceback__)
        ][-_FRAMES:]
        left -= len(places) + 1
        yield Link(type(link).__module__, type(link).__qualname__, said_of(link), places)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def said_of(error: BaseException) -> str:
    """Return what is ours of an exception's message: our sentence, or what the database calls the rule it broke."""
    if isinstance(error, WalkerError):
        return mask_text(error.detail)
    if isinstance(error, DatabaseError):
        # Its message quotes the row; a constraint has a name of ours.
        return " ".join(filter(None, (error.sqlstate, error.diag.constraint_name)))
    return ""


def describe_exception(error: BaseException) -> list[str]:
    """Format an exception and its causes without values: type, then file, line, function."""
    lines: list[str] = []
    for link in links_of(error):
        lines.append(f"{link.module}.{link.type}{link.said and f': {link.said}'}")
        lines += [f"  {place.file}:{place.line} {place.function}" for place in link.places]
    return lines


def name_library(_logger: Any, _method: str, event: Event) -> Event:
    """Replace reports of libraries whose own texts quote exceptions with values: by task and id, or by a name."""
    record = event.get("_record")
    if record is None:
        return event
    if record.name == "celery.app.trace":
        context = getattr(record, "data", {})
        event["event"] = "task_failed" if record.levelno >= logging.WARNING else "task_done"
        event["task"], event["task_id"] = context.get("name", ""), context.get("id", "")
    elif record.levelno >= logging.ERROR:
        library = record.name.partition(".")[0]
        if library in _QUOTING and (library != "celery" or record.exc_info):
            # Daphne's protocols print an exception, traceback and all, instead of handing it over.
            event.setdefault("exc_info", sys.exc_info())
            event["event"] = _QUOTING[library]
    return event


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_library,
        name_exception,
        drop_bodies,
        mask_values,
    ]


def is_ours(record: logging.LogRecord) -> bool:
    """Tell whether a record comes from `get_logger`; a library may log a dictionary of its own."""
    return isinstance(record.msg, dict) and hasattr(record, "_logger")


def scrub(record: logging.LogRecord) -> Event:
    """Return what is logged of a record: the one way in which values are masked, for lines and error reports."""
    if is_ours(record):  # it took these steps when it was logged
        return dict(cast(Any, record.msg))
    event: Event = {"event": record.getMessage(), "_record": record}
    if record.exc_info:
        event["exc_info"] = record.exc_info
    for step in _shared():
        event = step(None, record.levelname.lower(), event)  # type: ignore[assignment]
    return event


def _without_exception(_logger: Any, _method: str, event: Event) -> Event:
    event.pop(RAISED, None)
    return event


def get_logger(name: str) -> Any:
    """Return a logger of named events: `log.info("message_sent", message_id=str(id))`."""
    return structlog.get_logger(name)


# These log every statement, call, scheduler tick or received task.
QUIET = (
    "celery.beat",
    "celery.worker.strategy",
    "daphne",
    "django.db.backends",
    "fido2",
    "httpcore2",
    "httpx2",
)


def logging_config(*, testing: bool = False) -> dict[str, Any]:
    """Return the logging configuration; every record passes the same mask."""
    quiet = {"level": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared(),
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _without_exception,
                    structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
                ],
            },
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "json",
            },
            # For lines that are JSON already and must not be masked: hashes and signatures.
            "plain": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"},
            "errors": {"class": "core.observability.errors.records.ErrorHandler"},
        },
        "root": {"handlers": ["stderr", "errors"], "level": "WARNING" if testing else "INFO"},
        # These log paths, statements or bodies below this level.
        "loggers": {
            **dict.fromkeys(QUIET, quiet),
            # It complains of each event that it can't send; they are counted.
            "sentry_sdk": {"level": "CRITICAL"},
            "walker.audit_anchor": {"handlers": ["plain"], "level": "INFO", "propagate": False},
        },
    }


def set_up(config: dict[str, Any]) -> None:
    """Apply the configuration to the standard library and to structlog."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
