"""Read agents, their versions, which of these answer, and who wrote them."""

from collections.abc import Collection, Sequence
from typing import ClassVar
from uuid import UUID

from django.db.models import F, Max, Q, QuerySet
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Shareable
from accounts.permissions import shares
from agents.langflow.connection import FLOW
from agents.langflow.connection import editors as flow_editors
from agents.llm.routes.candidates import ROUTES
from agents.llm.routes.configuration import editors as route_editors
from agents.models import Agent, AgentActivation, AgentVersion
from core.actors import Actor
from core.db.rows import get_or_missing
from core.errors import NotFound
from core.reliability import kept
from hitl.killswitch.targets import Targets

VIEW_AGENT = "agents.view_agent"
EARLIER_AUTHORS = "earlier_authors"


def _agents() -> QuerySet[Agent]:
    agents: QuerySet[Agent] = Agent.objects.select_related("active_version")
    return agents.annotate(draft_number=Max("versions__number", filter=Q(versions__is_draft=True)))


def seen_by(viewer: Actor, place: str = "pk") -> Q:
    """Return the condition for the agents that a viewer sees: all by their role, else those shared with them.

    `place` leads to the agent's id. Raises `Refused` for who sees none.
    """
    shares.require(viewer, shares.AGENT, VIEW_AGENT)
    return shares.within(viewer, shares.AGENT, VIEW_AGENT, place=place)


def query_agents(*, viewer: Actor) -> QuerySet[Agent]:
    """Return the agents with their active version and the number of their draft. Needs `agents.view_agent`."""
    return _agents().filter(seen_by(viewer))


def get_agent(*, viewer: Actor, agent_id: UUID) -> Agent:
    """Return one agent. Needs `agents.view_agent`; raises `NotFound`."""
    return get_or_missing(_agents().filter(seen_by(viewer), pk=agent_id), "There is no such agent.")


def get_draft(*, viewer: Actor, agent_id: UUID) -> AgentVersion:
    """Return an agent's draft. Needs `agents.view_agent`; raises `NotFound`."""
    rows = AgentVersion.objects.filter(seen_by(viewer, "agent_id"), agent_id=agent_id, is_draft=True)
    draft: AgentVersion | None = rows.first()
    if draft is None:
        raise NotFound("This agent has no draft.")
    return draft


def query_versions(*, viewer: Actor, agent_id: UUID) -> QuerySet[AgentVersion]:
    """Return an agent's versions, newest first, the draft among them. Needs `agents.view_agent`."""
    rows: QuerySet[AgentVersion] = AgentVersion.objects.filter(seen_by(viewer, "agent_id"), agent_id=agent_id)
    return rows.order_by("-number")


def query_activations(*, viewer: Actor, agent_id: UUID) -> QuerySet[AgentActivation]:
    """Return an agent's history: which version answered from when, newest first. Needs `agents.view_agent`."""
    rows: QuerySet[AgentActivation] = AgentActivation.objects.filter(seen_by(viewer, "agent_id"), agent_id=agent_id)
    return rows.select_related("version", "previous").order_by("-created_at", "-id")


def _answering() -> QuerySet[AgentVersion]:
    """Return the active versions of the agents that are switched on."""
    versions: QuerySet[AgentVersion] = AgentVersion.objects.filter(
        pk=F("agent__active_version_id"), agent__is_active=True
    )
    return versions.select_related("agent")


def active_versions() -> Sequence[AgentVersion]:
    """Return the active version of every agent that is switched on, built-in ones first; as they were seconds ago."""
    return kept.keep(lambda: tuple(_answering().order_by("-agent__is_system", "agent_id")), "active versions")


def version_of_type(agent_type: str) -> AgentVersion | None:
    """Return the active version of the agent of a type.

    The tenant's own before a built-in one, and the newest of these.
    """
    of_type = [version for version in active_versions() if version.agent.type == agent_type]
    of_type.sort(key=lambda version: (not version.agent.is_system, version.agent.created_at))
    return of_type[-1] if of_type else None


def active_tools() -> list[str]:
    """Return the names of the tools of every agent that is switched on, built-in ones first."""
    return list(dict.fromkeys(name for version in active_versions() for name in tools_of(version)))


def any_version() -> AgentVersion | None:
    """Return the active version of any agent, built-in ones first."""
    return min(active_versions(), key=lambda v: (not v.agent.is_system, v.agent.created_at), default=None)


def tools_of(version: AgentVersion) -> list[str]:
    """Return the names of the tools that a version may call."""
    return list(dict.fromkeys(version.tools))


def authors_of(agent: Agent) -> tuple[UUID, ...]:
    """Return everyone who ever wrote or activated an own agent's configuration, or the one it was copied from.

    What any of them wrote may still be in the active version.
    """
    if agent.is_system:
        return ()
    versions = list(AgentVersion.objects.filter(agent=agent).values_list("author_id", "co_authors", "model"))
    people = {person for author, others, _ in versions for person in (author, *others)}
    people |= set(AgentActivation.objects.filter(agent=agent).values_list("person_id", flat=True))
    models = {model for *_, model in versions}  # who can lead the agent to another server speaks for it
    people |= flow_editors() if FLOW in models else set()
    people |= route_editors() if ROUTES in models else set()
    people |= {UUID(person) for person in agent.configuration.get(EARLIER_AUTHORS, ())}
    return tuple(sorted(person for person in people if person))


class AgentTargets(Targets):
    """The agents of a tenant."""

    scope, title = "agent", "One agent"

    def choices(self) -> list[tuple[str, str]]:
        """Return the tenant's agents."""
        return [(str(key), name) for key, name in Agent.objects.order_by("name", "id").values_list("pk", "name")]


class ShareableAgent(Shareable):
    """An agent with its configuration and versions."""

    acts: ClassVar[str] = "try it"

    @classmethod
    def held(cls, viewer: Actor) -> QuerySet[Agent]:
        """Return all agents."""
        return Agent.objects.filter(shares.within(viewer, shares.AGENT, VIEW_AGENT))

    @classmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the names."""
        return dict(Agent.objects.filter(seen_by(viewer), pk__in=ids).values_list("pk", "name"))

    @classmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the agent's first tab."""
        return reverse("admin:agents_agent_change", args=[object_id])


SHAREABLES.register(shares.AGENT, ShareableAgent)
