"""An agent's configuration, as people write it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from agents.models import AgentVersion

CONFIDENCE: Final = 50


@dataclass(frozen=True, slots=True)
class Setup:
    """An agent's configuration.

    A tool in `tool_teams` works only in conversations of these teams. No `collections` means all that the caller may
    see; without `max_open_approvals` only the organisation's limit applies. Below `min_confidence`, from 0 to 100, an
    answer is not sent.
    """

    name: str
    instructions: str = ""
    model: str = "local"
    model_name: str = ""
    flow: str = ""
    tools: tuple[str, ...] = field(default_factory=tuple)
    tool_teams: Mapping[str, tuple[UUID, ...]] = field(default_factory=dict)
    collections: tuple[UUID, ...] = field(default_factory=tuple)
    max_open_approvals: int | None = None
    min_confidence: int = CONFIDENCE
    memory: str = AgentVersion.Memory.VERIFIED
    asks_judge: bool = False
