"""Activate an agent's draft, discard it, and go back to an earlier version."""

from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from agents.langflow.connection import read_flow
from agents.models import Agent, AgentActivation, AgentVersion
from agents.studio.agents.configuration import CHANGE, MISSING, Setup, check_seen, checked, record, setup_in
from agents.studio.evals.runs import block_of
from core.actors import Actor
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound
from core.privacy.pii import mask_text
from core.text.clean import clean_text
from integrations.langflow.types import FlowDefinition

ACTIVATE: Final = "agents.activate_agent"
OVERRIDE: Final = "agents.override_checks"
REASON_LIMIT: Final = 500
BLOCKS: Final = {
    "checks_failed": "A case that must pass fails. Change the draft and run the checks again.",
    "unchecked": "Run the checks first: cases that must pass have not run against the draft as it is now.",
}


def activate_draft(
    *,
    actor: Actor,
    agent_id: UUID,
    seen_version: int | None = None,
    seen_revision: int | None = None,
    override: str = "",
) -> Agent:
    """Make an agent's draft the version that answers; current runs keep theirs.

    What a tool or model was when the draft was written may be gone: the draft is checked again. The actor may no
    longer approve the agent's requests. `override` is the reason to activate although a case that must pass fails,
    and needs `agents.override_checks`. Needs `agents.activate_agent`; raises `NotFound`, `Invalid` with the fields
    that are no longer valid, and `Conflict`: "no_draft", "stale_version" if the draft is another than the one seen,
    "checks_failed", or "unchecked" if the cases have to run first.
    """
    actor.require(ACTIVATE)
    reason = mask_text(clean_text(override, REASON_LIMIT + 1).strip())
    if len(reason) > REASON_LIMIT:
        raise Invalid("This is too long.", fields={"override": [f"Use at most {REASON_LIMIT} characters."]})
    if reason:
        actor.require(OVERRIDE)
    flow = _read_flow(AgentVersion.objects.filter(agent_id=agent_id, is_draft=True).first())
    with transaction.atomic():
        agent = locked(Agent, agent_id, MISSING)
        draft = _draft_of(agent)
        check_seen(actor, agent, draft, seen_version, seen_revision)
        checked(setup_in(draft))
        _check_flow(draft, flow)
        overridden = _check_cases(actor, agent, draft, reason)
        draft.is_draft = False
        draft.save(update_fields=["is_draft"])
        _switch_to(actor, agent, draft, flow, is_roll_back=False, override=reason if overridden else "")
    return agent


def activate_again(*, actor: Actor, agent_id: UUID) -> Agent:
    """Let the active version answer with its flow as the flow is now.

    For a flow that was changed in Langflow, and has been answering nobody since then.

    The actor may no longer approve the agent's requests. Not inside a transaction. Needs `agents.activate_agent`;
    raises `NotFound`, `Invalid` and `Unavailable` if the flow can't be read, and `Conflict`: "no_flow" for an agent
    without a flow, "already_active" if the flow has not changed.
    """
    actor.require(ACTIVATE)
    flow = _read_flow(AgentVersion.objects.filter(agent__pk=agent_id, pk=F("agent__active_version_id")).first())
    with transaction.atomic():
        agent = locked(Agent, agent_id, MISSING)
        active = agent.active_version
        if active is None or not active.flow:
            raise Conflict("This agent has no Langflow flow.", code="no_flow")
        _check_flow(active, flow)
        latest = active.activations.order_by("-created_at", "-id").first()
        if latest is not None and flow is not None and latest.flow_digest == flow.digest:
            raise Conflict("The flow has not changed since it was activated.", code="already_active")
        _switch_to(actor, agent, active, flow, is_roll_back=False)
    return agent


def discard_draft(*, actor: Actor, agent_id: UUID) -> Agent:
    """Delete an agent's draft; the active version stays as it is.

    Needs `agents.change_agent`; raises `NotFound` and `Conflict`: "no_draft", or "never_active" for an agent that has
    nothing but its draft.
    """
    actor.require(CHANGE)
    with transaction.atomic():
        agent = locked(Agent, agent_id, MISSING)
        draft = _draft_of(agent)
        if agent.active_version_id is None:
            raise Conflict("This agent has nothing but its draft. Switch the agent off instead.", code="never_active")
        record(actor, "AGENT_DRAFT_DISCARDED", agent, f"draft of version {draft.number}", "", revision=draft.revision)
        draft.delete()
    return agent


def roll_back(*, actor: Actor, agent_id: UUID, version: int) -> Agent:
    """Let an earlier version of an agent answer again.

    It is a new entry in the agent's history; a draft stays as it is. The actor may no longer approve the agent's
    requests. Needs `agents.activate_agent`; raises `NotFound` for an unknown version or agent, `Invalid` if its tools
    or model no longer exist, and `Conflict`: "is_draft" for a draft, "already_active" for the version that answers.
    """
    actor.require(ACTIVATE)
    flow = _read_flow(AgentVersion.objects.filter(agent_id=agent_id, number=version).first())
    with transaction.atomic():
        agent = locked(Agent, agent_id, MISSING)
        wanted: AgentVersion | None = agent.versions.filter(number=version).first()
        if wanted is None:
            raise NotFound("There is no such version.")
        if wanted.is_draft:
            raise Conflict("This version is a draft. Activate it instead.", code="is_draft")
        if wanted.pk == agent.active_version_id:
            raise Conflict("This version is the one that answers now.", code="already_active")
        checked(setup_in(wanted))
        _check_flow(wanted, flow)
        _switch_to(actor, agent, wanted, flow, is_roll_back=True)
    return agent


def changed_fields(*, old: Setup, new: Setup) -> list[str]:
    """Return the names of the settings that differ, in their order."""
    return [name for name in Setup.__slots__ if getattr(old, name) != getattr(new, name)]


def _draft_of(agent: Agent) -> AgentVersion:
    draft: AgentVersion | None = agent.versions.filter(is_draft=True).first()
    if draft is None:
        raise Conflict("This agent has no draft.", code="no_draft")
    return draft


def _read_flow(version: AgentVersion | None) -> FlowDefinition | None:
    """Return the flow that is a version's head as it is in Langflow now; None for other agents."""
    return read_flow(version.flow) if version and version.flow else None


def _check_flow(version: AgentVersion, flow: FlowDefinition | None) -> None:
    """Raise `Conflict` if the version has got another flow than the one that was read."""
    if version.flow != (flow.id if flow else ""):
        raise Conflict("Someone else has changed this agent in the meantime. Reload it and try again.",
                       code="stale_version")  # fmt: skip


def _check_cases(actor: Actor, agent: Agent, draft: AgentVersion, reason: str) -> str:
    """Return which block of the cases is overridden; raises `Conflict` for one that is not."""
    code, names = block_of(draft)
    if not code:
        return ""
    if not reason:
        raise Conflict(BLOCKS[code], code=code, cases=names)
    record(actor, "AGENT_CHECKS_OVERRIDDEN", agent, "", code, count=len(names), revision=draft.revision)
    return code


def _switch_to(
    actor: Actor,
    agent: Agent,
    version: AgentVersion,
    flow: FlowDefinition | None,
    *,
    is_roll_back: bool,
    override: str = "",
) -> None:
    """Let a version answer from now on; the agent's row is locked."""
    previous = agent.active_version
    AgentActivation.objects.create(
        agent=agent,
        version=version,
        previous=previous,
        is_roll_back=is_roll_back,
        person_id=actor.user_id,
        flow_digest=flow.digest if flow else "",
        override=override,
    )
    agent.active_version = version
    agent.name = version.name
    agent.save(update_fields=["active_version", "name"])
    action = "AGENT_ROLLED_BACK" if is_roll_back else "AGENT_ACTIVATED"
    before = f"version {previous.number}" if previous else ""
    facts = {"flow": flow.id, "flow_digest": flow.digest} if flow else {}
    record(actor, action, agent, before, f"version {version.number}", **facts)
