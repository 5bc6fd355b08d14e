"""Choose the agent that answers: the one the page names, or the one for the topic."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, F

from agents import registry, selectors
from agents.models import AgentRun, AgentVersion
from agents.rule_based_model.model import AGENT_OF, topic_tool


def needs_model_worker(run_id: UUID) -> bool:
    """Return True if only a model worker executes this run.

    Its agent's model is asked over a network; a report of an outcome asks none. One query where the organisation has
    no such agent.
    """
    networked = registry.networked_models()
    asked = AgentVersion.objects.filter(model__in=networked, pk=F("agent__active_version_id"), agent__is_active=True)
    run = AgentRun.objects.filter(Exists(asked), pk=run_id, trigger=AgentRun.Trigger.MESSAGE).first()
    if run is None:
        return False
    standing = selectors.read_standing(run)
    version = choose_version(run, selectors.read_transcript(run, standing.inputs))
    return version is not None and version.model in networked


def choose_version(run: AgentRun, transcript: selectors.Transcript) -> AgentVersion | None:
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
    wanted = topic_tool(transcript.lines) if transcript.has_messages else ""
    if wanted:
        # The specialist for the tool if it may use it, else any agent that may.
        expert = selectors.version_of_type(AGENT_OF[wanted])
        if expert is None or wanted not in selectors.tools_of(expert):
            expert = next((v for v in selectors.active_versions() if wanted in selectors.tools_of(v)), expert)
        if expert:
            return expert
    return selectors.last_version(run.conversation_id) or selectors.any_version()


def _normalise(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")
