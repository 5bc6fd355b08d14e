"""Agents that are shared with a role, a team or a person who may not view all."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Shareable
from accounts.permissions.shares import AGENT, within
from agents.models import Agent
from agents.selectors import VIEW_AGENT, seen_by
from core.actors import Actor


class ShareableAgent(Shareable):
    """An agent with its configuration and versions."""

    acts: ClassVar[str] = "try it"

    @classmethod
    def held(cls, viewer: Actor) -> QuerySet[Agent]:
        """Return all agents."""
        return Agent.objects.filter(within(viewer, AGENT, VIEW_AGENT))

    @classmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the names."""
        return dict(Agent.objects.filter(seen_by(viewer), pk__in=ids).values_list("pk", "name"))

    @classmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the agent's first tab."""
        return reverse("admin:agents_agent_change", args=[object_id])


SHAREABLES.register(AGENT, ShareableAgent)
