"""Choose the agent that answers: the one the page names, or the one for the topic."""

from agents import selectors
from agents.answering.selectors import Transcript, last_version
from agents.llm import registry
from agents.models import AgentRun, AgentVersion


def choose_version(run: AgentRun, transcript: Transcript) -> AgentVersion | None:
    """Return the agent version for this run.

    It is the one the frame names, else by topic, the last one, or any.
    """
    named = _normalise(transcript.named)
    if named:
        if version := selectors.version_of_type(named):
            return version
        versions = selectors.active_versions()
        fitting = [v for v in versions if named in {_normalise(v.agent.name), _normalise(str(v.agent_id))}]
        if fitting:
            return fitting[-1]
    topic = registry.topic_of(transcript.lines) if transcript.has_messages else None
    if topic:
        # The specialist for the tool if it may use it, else any agent that may.
        expert = selectors.version_of_type(topic.agent_type)
        if expert is None or topic.tool not in selectors.tools_of(expert):
            expert = next((v for v in selectors.active_versions() if topic.tool in selectors.tools_of(v)), expert)
        if expert:
            return expert
    return last_version(run.conversation_id, transcript) or selectors.any_version()


def _normalise(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
