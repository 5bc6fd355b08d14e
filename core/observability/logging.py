"""Structured logging: JSON lines of event names with ids, never personal data, never a body."""

import logging
import logging.config
import re
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

import structlog
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
_OURS: Final = frozenset({"event", "level", "logger", "timestamp", "exception"})


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
            event["exception"] = describe_exception(error)
    return event


def describe_exception(error: BaseException) -> list[str]:
    """Format an exception and its causes without values: type, then file, line, function."""
    lines: list[str] = []
    link: BaseException | None = error
    while link is not None and len(lines) < 3 * _FRAMES:
        detail = f": {mask_text(link.detail)}" if isinstance(link, WalkerError) else ""
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}{detail}")
        for frame in traceback.extract_tb(link.__traceback__)[-_FRAMES:]:
            place = "/".join(PurePath(frame.filename).parts[-3:])
            lines.append(f"  {place}:{frame.lineno} {frame.name}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return lines


def name_task(_logger: Any, _method: str, event: Event) -> Event:
    """Replace Celery's reports by task and id: its own texts quote exceptions with values."""
    record = event.get("_record")
    if record is not None and record.name == "celery.app.trace":
        context = getattr(record, "data", {})
        event["event"] = "task_failed" if record.levelno >= logging.WARNING else "task_done"
        event["task"], event["task_id"] = context.get("name", ""), context.get("id", "")
    return event


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_task,
        name_exception,
        drop_bodies,
        mask_values,
    ]


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
        },
        "root": {"handlers": ["stderr"], "level": "WARNING" if testing else "INFO"},
        # These log paths, statements or bodies below this level.
        "loggers": {
            **dict.fromkeys(QUIET, quiet),
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
