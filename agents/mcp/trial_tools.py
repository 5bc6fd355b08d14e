"""What a trial's token may see and do: the tools of a version, which read or only foresee; nothing acts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.answering.runs.watch import Ended
from agents.langflow.tokens import TrialToken
from agents.llm.ports import Line, ToolRequest, ToolSpec
from agents.mcp.limits import CALL_SECONDS, OVER, alone, count_request
from agents.models import AgentVersion
from agents.studio.trials import room as rooms
from agents.studio.trials.calls import OutOfTime, TrialCalls
from core.clock import now


@dataclass(frozen=True)
class OpenTrial:
    """An answer that is tried with a flow, and the version that answers."""

    room: rooms.Room
    version: AgentVersion

    def tools(self) -> list[ToolSpec]:
        """Return the tools that a flow is offered in this trial."""
        return [tool.spec() for tool in self._enter(self.room).offered.values()]

    def call(self, *, key: str, name: str, arguments: Mapping[str, Any]) -> Line:
        """Make one call as in any trial. Raises `Ended`, `ToolBroke` and `Unavailable`."""
        with alone(self.room.key):
            room = rooms.find_room(self.room.key)
            if room is None:
                raise Ended(OVER)
            calls = self._enter(room)
            try:
                return calls([ToolRequest(key, name, arguments)], 1)[0]
            except OutOfTime:
                raise Ended(OVER) from None
            finally:
                rooms.keep_calls(room, calls)

    def _enter(self, room: rooms.Room) -> TrialCalls:
        seconds = min(CALL_SECONDS, room.until - now().timestamp())
        return rooms.enter(room, self.version, until=time.monotonic() + seconds)


def open_trial(token: TrialToken) -> OpenTrial:
    """Return the answer that a token was made for. Raises `Ended`, `TooMany` and `Unavailable`."""
    room = rooms.find_room(token.room)
    versions = AgentVersion.objects.select_related("agent").exclude(flow="")
    version = versions.filter(pk=token.version_id).first()
    if room is None or version is None or room.version_id != version.pk:
        raise Ended(OVER)
    count_request(room.key)
    return OpenTrial(room, version)
