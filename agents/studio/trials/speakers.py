"""Who may try an agent, and who a trial works for: a stranger, a customer or a member."""

from typing import Final
from uuid import UUID

from accounts.models import Membership
from accounts.permissions.object_permissions import require_permission
from accounts.permissions.roles import permissions_of, with_role
from agents.answering.tools.registry import Caller
from agents.models import Agent, AgentVersion
from agents.selectors import authors_of
from agents.studio.trials.models import Trial
from core.actors import Actor
from core.errors import Invalid, Refused

CHANNEL = "webchat"
TRY: Final = "agents.change_agent"


def require_try(actor: Actor, agent: Agent) -> None:
    """Raise `Refused` for who may not try an agent: neither by their role, nor as it is shared with them to act."""
    require_permission(actor=actor, permission=TRY, obj=agent)


def caller_as(speaker: str, *, actor: Actor, version: AgentVersion, trial_id: UUID) -> Caller:
    """Return the caller of a trial; as a member with the actor's rights.

    There is no conversation and no run: both ids are the trial's, which no row has. Raises `Invalid`, and `Refused`
    for a key that is limited to some of its person's rights and would speak as a member.
    """
    if speaker not in Trial.Speaker.values:
        raise Invalid("Choose who speaks.", fields={"speaker": ["Choose one of the choices."]})
    member, rights = None, frozenset[str]()
    if speaker == Trial.Speaker.MEMBER:
        members = Membership.objects.filter(user_id=actor.user_id, is_active=True, user__is_active=True)
        member = with_role(members).first()
        if member is None:
            raise Invalid("Only a member can speak as a member.", fields={"speaker": ["You are no member here."]})
        rights = permissions_of(member.role, member.own_permissions)
        if rights - actor.permissions:
            # A worker answers later, with what the person's role allows then: more than a limited key may see.
            raise Refused("A key needs all your rights to speak as you.", code="limited_key")
    return Caller(
        conversation_id=trial_id,
        channel=CHANNEL,
        verified=speaker != Trial.Speaker.STRANGER,
        user_id=member.user_id if member else None,
        permissions=rights,
        agent_id=version.agent_id,
        agent_type=version.agent.type,
        agent_owner_id=version.agent.owner_id,
        run_id=trial_id,
        collection_ids=tuple(version.collections),
        asks_judge=version.asks_judge,
        max_open_approvals=version.max_open_approvals,
        agent_author_ids=authors_of(version.agent),
    )
