"""Structured logging: event names with ids, never personal data, never a body."""

import logging.config
from typing import Any

import structlog


def get_logger(name: str) -> Any:
    """Return a logger of named events."""
    return structlog.get_logger(name)


def logging_config(*, testing: bool = False) -> dict[str, Any]:
    """Return the configuration for the standard library's logging."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"stderr": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["stderr"], "level": "WARNING" if testing else "INFO"},
    }


def set_up(config: dict[str, Any]) -> None:
    """Apply the configuration."""
    logging.config.dictConfig(config)
