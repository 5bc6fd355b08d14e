"""Who a trial works for: a stranger, a proven customer, or the member who tries it."""

from __future__ import annotations

from uuid import UUID

from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from agents.models import AgentVersion
from agents.selectors import authors_of
from agents.tools.registry import Caller
from agents.trials.models import Trial
from core.actors import Actor
from core.errors import Invalid

CHANNEL = "webchat"


def caller_as(speaker: str, *, actor: Actor, version: AgentVersion, trial_id: UUID) -> Caller:
    """Return the caller of a trial; as a member with no more rights than the actor has.

    There is no conversation and no run: both ids are the trial's, which no row has. Raises `Invalid`.
    """
    if speaker not in Trial.Speaker.values:
        raise Invalid("Choose who speaks.", fields={"speaker": ["Choose one of the choices."]})
    member = None
    if speaker == Trial.Speaker.MEMBER:
        member = Membership.objects.filter(user_id=actor.user_id, is_active=True, user__is_active=True).first()
        if member is None:
            raise Invalid("Only a member can speak as a member.", fields={"speaker": ["You are no member here."]})
    return Caller(
        conversation_id=trial_id,
        channel=CHANNEL,
        verified=speaker != Trial.Speaker.STRANGER,
        user_id=member.user_id if member else None,
        permissions=permissions_of(member.role) & actor.permissions if member else frozenset(),
        agent_id=version.agent_id,
        agent_type=version.agent.type,
        agent_owner_id=version.agent.owner_id,
        run_id=trial_id,
        collection_ids=tuple(version.collections),
        max_open_approvals=version.max_open_approvals,
        agent_author_ids=authors_of(version.agent),
    )
