"""What calls of Meta's other endpoints return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Meta has the file."""

    media_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON object of a successful call."""

    body: Mapping[str, Any] = field(repr=False)
