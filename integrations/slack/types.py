"""Outcomes of a call of Slack's Web API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.outcomes import Failed, Unknown


@dataclass(frozen=True, slots=True)
class Done:
    """Slack did it; the facts are its answer, `status` its HTTP status."""

    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    status: int | None = field(default=None, compare=False)


SlackOutcome = Done | Failed | Unknown
