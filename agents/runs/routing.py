"""Which agent answers: the one the page names, or the one whose work the text is about."""

from __future__ import annotations

from agents import selectors
from agents.models import AgentRun, AgentVersion
from agents.rule_based_model.model import AGENT_OF, topic_tool


def choose_version(run: AgentRun, heard: selectors.Heard) -> AgentVersion | None:
    """The version that works this run: named by the frame, by intent, the last one, or any."""
    named = _plain(heard.named)
    if named and (version := _named(named)):
        return version
    wanted = topic_tool(heard.lines) if heard.has_messages else ""
    if wanted and (version := _able(wanted)):
        return version
    return selectors.last_version(run.conversation_id) or selectors.any_version()


def _able(tool: str) -> AgentVersion | None:
    """The agent of the tool's own work if it may use it, else any that may."""
    expert = selectors.newest_version(AGENT_OF[tool])
    if expert is not None and tool in expert.tools:
        return expert
    return next((version for version in selectors.newest_versions() if tool in version.tools), expert)


def _named(name: str) -> AgentVersion | None:
    """The agent a frame asked for, by its work, its name or its id; anything unknown counts as none."""
    if version := selectors.newest_version(name):
        return version
    fitting = [v for v in selectors.newest_versions() if name in {_plain(v.agent.name), _plain(str(v.agent_id))}]
    return fitting[-1] if fitting else None


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
