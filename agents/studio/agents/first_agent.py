"""The agent that a new organisation starts with."""

from django.db import transaction

from agents.models import Agent, AgentVersion
from agents.studio.agents.gallery import FRONT_DESK


@transaction.atomic
def ensure_first_agent() -> Agent:
    """Create the front desk where the organisation in scope has none.

    For the system only; safe to repeat. It answers from documents and brings in people, and can request no change.
    """
    setup = FRONT_DESK.setup()
    agent: Agent
    agent, _ = Agent.objects.get_or_create(
        type=FRONT_DESK.type, is_system=True, defaults={"name": setup.name, "category": FRONT_DESK.category}
    )
    if agent.active_version_id is None:
        agent.active_version = AgentVersion.objects.create(
            agent=agent, number=1, name=setup.name, prompt=setup.instructions, tools=list(setup.tools)
        )
        agent.save(update_fields=["active_version"])
    return agent
