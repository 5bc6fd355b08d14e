"""Outcomes of a call of Slack's Web API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Done:
    """Slack did it; the facts are its answer, `status` its HTTP status."""

    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """Slack certainly did not do it."""

    code: str
    permanent: bool
    retry_after: int = 0
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Slack may have done it: the answer was lost."""

    code: str
    status: int | None = field(default=None, compare=False)


Outcome = Done | Failed | Unknown
