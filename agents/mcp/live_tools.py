"""What a token's run may see and do: the tools of its version for its caller as they are now."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from agents.answering import selectors, tool_calls
from agents.answering.runs.redacted import Redaction
from agents.answering.runs.watch import Ended
from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Caller
from agents.langflow.tokens import RunToken
from agents.llm.ports import ANSWER_TOOL, Line, ToolRequest, ToolSpec
from agents.mcp.limits import CALL_SECONDS, OVER, alone, count_request
from agents.models import AgentRun, AgentVersion, ToolCall
from agents.selectors import tools_of
from core.text.speech import speaking

MOST_CALLS: Final = 50


@dataclass(frozen=True)
class OpenRun:
    """A run that is being answered by a flow, and the version that answers."""

    run: AgentRun
    version: AgentVersion

    def look(self) -> Caller:
        """Return the caller as they are now. Raises `Ended` if the run may call nothing any more."""
        standing = selectors.read_standing(self.run)
        if not standing.is_held:
            raise Ended(OVER)
        if code := selectors.ENDS.get(standing.state):
            raise Ended(code)
        if selectors.is_stopped(self.run, standing):
            raise Ended("stopped")
        return selectors.caller_of(self.run, self.version, standing)

    def tools(self) -> list[ToolSpec]:
        """Return the tools that the caller may use now. Raises `Ended`."""
        return self.offered(self.look())

    def call(self, *, key: str, name: str, arguments: Mapping[str, Any]) -> Line:
        """Make one call. Raises `Ended`, `ToolBroke` and `Unavailable`."""
        return call_tool(self, key=key, name=name, arguments=arguments)

    def offered(self, caller: Caller) -> list[ToolSpec]:
        """Return the tools of the version that this caller may use; the answer itself is the flow's own."""
        names = [name for name in (*tools_of(self.version), *tools.FOR_EVERY_AGENT) if name != ANSWER_TOOL]
        return [tool.spec() for tool in tools.offered(names, caller)]


def open_run(token: RunToken) -> OpenRun:
    """Return the run of a token while its worker waits for the flow. Raises `Ended` and `TooMany`."""
    held = AgentRun.objects.filter(pk=token.run_id, fence=token.fence, state=AgentRun.State.RUNNING)
    run: AgentRun | None = held.first()
    version: AgentVersion | None = (
        AgentVersion.objects.select_related("agent").exclude(flow="").filter(pk=token.version_id).first()
    )
    if run is None or version is None or not version.agent.is_active:
        raise Ended(OVER)
    count_request(run.pk)
    run.agent_version = version
    return OpenRun(run, version)


def call_tool(open_run: OpenRun, *, key: str, name: str, arguments: Mapping[str, Any]) -> Line:
    """Make one call as any model's: checked, limited, recorded; an acting one asks people and changes nothing.

    The same wish is made once, however often it is repeated. Raises `Ended`, `ToolBroke`, and `Unavailable` while
    another call of the run takes too long.
    """
    run = open_run.run
    with alone(run.pk):
        caller = open_run.look()
        standing = selectors.read_standing(run)
        hidden = Redaction(run, selectors.read_transcript(run, standing.inputs))
        for line in tool_calls.list_recorded(run):
            hidden.redact(line)  # in their order, so that placeholders keep their numbers over calls
        made = ToolCall.objects.filter(run=run)
        if run.finished_at:
            made = made.filter(created_at__gt=run.finished_at)
        changing = [key for key in tools.keys() if tools.get(key).acting or tools.get(key).changes]  # noqa: SIM118
        calls = tool_calls.Calls(
            run=run,
            offered={tool.name for tool in open_run.offered(caller)},
            look=open_run.look,
            until=time.monotonic() + CALL_SECONDS,
            most=MOST_CALLS,
            restore=hidden.restore,
            made=made.count(),
            wishes=made.filter(Q(name__in=changing)).count(),
        )
        with speaking(standing.language, standing.contact_language):
            found = tool_calls.perform([ToolRequest(key, name, arguments)], calls, 1)
        return hidden.redact(found[0])
