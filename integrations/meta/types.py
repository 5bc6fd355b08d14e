"""Outcomes of calls to Meta."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """Meta has the message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Meta has the file."""

    media_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Meta certainly does not have the message; `text` and `status` are its own words and HTTP status."""

    code: str
    permanent: bool
    retry_after: int | None = None
    text: str = field(default="", repr=False, compare=False)
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Meta may have the message; a status report may still tell."""

    code: str
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON object of a successful call."""

    body: Mapping[str, Any] = field(repr=False)
