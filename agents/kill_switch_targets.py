"""Agents as targets of the emergency stop."""

from agents.models import Agent
from hitl.killswitch.targets import Targets


class AgentTargets(Targets):
    """The agents of a tenant."""

    scope, title = "agent", "One agent"

    def choices(self) -> list[tuple[str, str]]:
        """Return the tenant's agents."""
        return [(str(key), name) for key, name in Agent.objects.order_by("name", "id").values_list("pk", "name")]
