"""Let what agents looked up go by its age; that they ran, and what it cost, stays."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet

from agents.models import AgentRun, ToolCall
from core.privacy.retention.holds import Held
from core.privacy.retention.registry import RULES, RetentionRule
from core.retention import made_before

ENDED: Final = (AgentRun.State.FINISHED, AgentRun.State.FAILED)


class AgentRuns(RetentionRule):
    """Empties the tool calls of runs that have ended."""

    order: ClassVar[int] = 40
    title: ClassVar[str] = "Agent runs"
    what: ClassVar[str] = (
        "What agents looked up and asked for goes. That they ran, with which tools and at what cost stays."
    )
    tables: ClassVar[str] = "agents.ToolCall"
    least: ClassVar[int] = 7

    @classmethod
    def due(cls, before: datetime, held: Held) -> QuerySet[ToolCall]:
        """Return calls that still have their words."""
        rows = ToolCall.objects.filter(made_before(before), run__state__in=ENDED).exclude(**ToolCall.EMPTY)
        return rows.exclude(run__conversation_id__in=held.conversations)

    @classmethod
    def remove(cls, keys: Sequence[UUID]) -> int:
        """Empty locked calls."""
        return int(ToolCall.objects.filter(pk__in=keys).update(**ToolCall.EMPTY))


RULES.register("agent_runs", AgentRuns)
