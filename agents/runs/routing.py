"""Choose the agent that answers: the one the page names, or the one for the topic."""

from __future__ import annotations

from agents import selectors
from agents.models import AgentRun, AgentVersion
from agents.rule_based_model.model import AGENT_OF, topic_tool


def choose_version(run: AgentRun, transcript: selectors.Transcript) -> AgentVersion | None:
    """Return the agent version for this run: named by the frame, by topic, the last one, or any."""
    named = _normalise(transcript.named)
    if named and (version := _find_named(named)):
        return version
    wanted = topic_tool(transcript.lines) if transcript.has_messages else ""
    if wanted and (version := _find_specialist(wanted)):
        return version
    return selectors.last_version(run.conversation_id) or selectors.any_version()


def _find_specialist(tool: str) -> AgentVersion | None:
    """Return the specialist for a tool if it may use it, else any agent that may."""
    expert = selectors.newest_version(AGENT_OF[tool])
    if expert is not None and tool in expert.tools:
        return expert
    return next((version for version in selectors.newest_versions() if tool in version.tools), expert)


def _find_named(name: str) -> AgentVersion | None:
    """Return the agent that a frame names by type, name or id; None if there is none."""
    if version := selectors.newest_version(name):
        return version
    fitting = [
        v for v in selectors.newest_versions() if name in {_normalise(v.agent.name), _normalise(str(v.agent_id))}
    ]
    return fitting[-1] if fitting else None


def _normalise(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
