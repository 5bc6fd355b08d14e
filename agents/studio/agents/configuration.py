"""Create, change (in a draft), copy and switch off a tenant's own agents."""

from collections.abc import Container, Mapping
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from accounts.last_change import last_change
from agents.answering.tools import registry as tools
from agents.langflow.connection import FLOW, flow_id_in
from agents.llm import registry
from agents.models import Agent, AgentVersion, Collection
from agents.selectors import EARLIER_AUTHORS, authors_of
from agents.studio.agents import gallery
from agents.studio.agents.setup import CONFIDENCE as CONFIDENCE  # noqa: PLC0414  (offered with what takes it)
from agents.studio.agents.setup import Setup as Setup  # noqa: PLC0414
from agents.studio.evals.case_services import keep_case
from conversations.models import Team
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound, check_fields
from core.privacy.visible_text import without_hidden
from core.reliability import limits
from core.text.clean import text_problem

CHANGE: Final = "agents.change_agent"
MISSING: Final = "There is no such agent."
NAME_LIMIT: Final = 80
PROMPT_LIMIT: Final = 8000
MODEL_NAME_LIMIT: Final = 80
BUILTIN: Final = "builtin"
MOST_OPEN: Final = 100


class AgentLimit(limits.Limit):
    """Agents of the organisation's own that are not switched off, drafts too."""

    label, unit, is_counted = "Agents", "agents of your own", True
    way_out = "Switch an agent off first, or ask your operator for a larger tier."

    def used(self) -> int:
        """Count the rows: they are few."""
        return Agent.objects.filter(is_active=True, is_system=False).count()


limits.kinds.register("agents", AgentLimit)


def create_agent(*, actor: Actor, type: str, setup: Setup, template: str = "") -> Agent:
    """Create an agent of the tenant's own as a draft, owned by the actor.

    It answers nobody until the draft is activated; from then on customers where an answer rule names it or it is the
    only one, and colleagues in place of the built-in agent of its type. With a `template` that template's cases are
    kept for it. Needs `agents.change_agent`; raises `Invalid` with the invalid fields, and `Conflict` for one too many
    ("limit_reached").
    """
    actor.require(CHANGE)
    clean = checked(setup)
    if type not in dict(gallery.types()):
        raise Invalid("Some fields are not valid.", fields={"type": ["Choose one of the existing types."]})
    chosen = gallery.find(template)
    if template and not (chosen and chosen.cases):
        raise Invalid("Some fields are not valid.", fields={"template": ["Choose one of the existing templates."]})
    with transaction.atomic():
        limits.refuse_reached("agents")
        agent: Agent = Agent.objects.create(
            name=clean.name, type=type, category=gallery.category_of(type), owner_id=actor.user_id
        )
        _write_draft(actor, agent, clean, 1)
        record(actor, "AGENT_CREATED", agent, "", "draft", version=1)
        for case in chosen.cases if chosen else ():
            keep_case(actor=actor, agent_id=agent.pk, document=case.model_dump(mode="json"))
    return agent


@transaction.atomic
def ensure_first_agent() -> Agent:
    """Create the front desk where the organisation in scope has none.

    For the system only; safe to repeat. It answers from documents and brings in people, and can request no change.
    """
    setup = gallery.FRONT_DESK.setup()
    agent: Agent
    agent, _ = Agent.objects.get_or_create(
        type=gallery.FRONT_DESK.type,
        is_system=True,
        defaults={"name": setup.name, "category": gallery.FRONT_DESK.category},
    )
    if agent.active_version_id is None:
        agent.active_version = AgentVersion.objects.create(
            agent=agent, number=1, name=setup.name, prompt=setup.instructions, tools=list(setup.tools)
        )
        agent.save(update_fields=["active_version"])
    return agent


def copy_agent(*, actor: Actor, agent_id: UUID, name: str) -> Agent:
    """Copy an agent, built in or not, to an own draft with its current configuration.

    Tools that no longer exist are left out. Everyone who ever wrote the original's configuration may not approve
    the copy's requests either. Needs `agents.change_agent`; raises `NotFound`, `Invalid`, and `Conflict` as
    `create_agent` does.
    """
    actor.require(CHANGE)
    source = Agent.objects.filter(pk=agent_id).first()
    if source is None:
        raise NotFound(MISSING)
    wanted = setup_of(source)
    own: dict[str, Any] = {"name": name, "tools": tuple(key for key in wanted.tools if tools.is_known(key))}
    own["tool_teams"] = _limits_of(wanted, own["tools"])
    if wanted.collections:
        own["collections"] = _known_collections(wanted.collections)
    with transaction.atomic():
        copy = create_agent(actor=actor, type=source.type, setup=_with(wanted, own))
        copy.configuration = {EARLIER_AUTHORS: [str(person) for person in authors_of(source)]}
        copy.save(update_fields=["configuration"])
    return copy


def change_agent(
    *,
    actor: Actor,
    agent_id: UUID,
    changes: Mapping[str, Any],
    seen_version: int | None = None,
    seen_revision: int | None = None,
) -> Agent:
    """Change an own agent's draft.

    The first change begins the draft from the active version, which goes on answering until the draft is activated.
    Like the owner, the actor may no longer approve the agent's requests. `changes` has fields of `Setup`; without a
    difference nothing is written. Needs `agents.change_agent`; raises `NotFound`, `Invalid`, and `Conflict` for a
    built-in agent ("built_in") or when the current configuration is another than version `seen_version` in revision
    `seen_revision` ("stale_version").
    """
    actor.require(CHANGE)
    with transaction.atomic():
        agent = locked(Agent, agent_id, MISSING)
        if agent.is_system:
            raise Conflict("Built-in agents can't be edited. Make a copy to customise it.", code="built_in")
        current = current_version(agent)
        check_seen(actor, agent, current, seen_version, seen_revision)
        old = setup_in(current)
        limits = {"tool_teams": _limits_of(old, changes["tools"])} if "tools" in changes else {}
        new = checked(_with(old, limits | dict(changes)))
        if new == old:
            return agent
        changed = [name for name in Setup.__slots__ if getattr(new, name) != getattr(old, name)]
        if current.is_draft:
            _change_draft(actor, current, new)
            before = current.number
        else:
            before = current.number
            newest: int | None = agent.versions.aggregate(number=Max("number"))["number"]
            current = _write_draft(actor, agent, new, (newest or 0) + 1)
        if agent.active_version_id is None:
            agent.name = new.name
            agent.save(update_fields=["name"])
        facts = {"fields": changed, "revision": current.revision}
        record(actor, "AGENT_CHANGED", agent, f"version {before}", f"draft of version {current.number}", **facts)
    return agent


def retire_agent(*, actor: Actor, agent_id: UUID) -> Agent:
    """Switch an agent off, built in or own, so that it stops answering.

    Safe to repeat.
    Needs `agents.change_agent`; raises `NotFound`.
    """
    return _switch(actor, agent_id, is_active=False)


def restore_agent(*, actor: Actor, agent_id: UUID) -> Agent:
    """Switch an agent on again. Safe to repeat.

    Needs `agents.change_agent`; raises `NotFound`, and `Conflict` for one too many ("limit_reached").
    """
    return _switch(actor, agent_id, is_active=True)


def setup_of(agent: Agent) -> Setup:
    """Return an agent's configuration: its draft's, or the active version's."""
    return setup_in(current_version(agent))


def setup_in(version: AgentVersion) -> Setup:
    """Return the configuration of a version."""
    return Setup(
        name=version.name,
        instructions=version.prompt,
        model=version.model,
        model_name=version.model_name,
        flow=version.flow,
        tools=tuple(str(name) for name in version.tools),
        tool_teams={name: tuple(map(UUID, teams)) for name, teams in version.tool_teams.items()},
        collections=tuple(version.collections),
        max_open_approvals=version.max_open_approvals,
        min_confidence=version.min_confidence,
        memory=version.memory,
        asks_judge=version.asks_judge,
    )


def current_version(agent: Agent) -> AgentVersion:
    """Return the agent's draft, or the active version if it has none."""
    return version_shown(agent, agent.versions.filter(is_draft=True).first())


def version_shown(agent: Agent, draft: AgentVersion | None) -> AgentVersion:
    """Return the agent's draft as it was read, or the active version if it has none."""
    return draft or agent.active_version or AgentVersion(agent=agent, number=0, name=agent.name)


def check_seen(actor: Actor, agent: Agent, current: AgentVersion, version: int | None, revision: int | None) -> None:
    """Raise `Conflict` "stale_version" if the configuration is another than the one that the actor has seen.

    A version without a revision is its first one.
    """
    if version is None and revision is None:
        return
    if (version or current.number, revision or 1) == (current.number, current.revision):
        return
    facts = {"version": current.number, "revision": current.revision, "seen": version}
    raise Conflict(
        "Someone else has changed this agent in the meantime. Reload it and try again.",
        code="stale_version",
        **facts,
        **last_change(actor, "agents.agent", agent.pk),
    )


def _switch(actor: Actor, agent_id: UUID, *, is_active: bool) -> Agent:
    actor.require(CHANGE)
    with transaction.atomic():
        agent = locked(Agent, agent_id, MISSING)
        if agent.is_active == is_active:
            return agent
        if is_active and not agent.is_system:
            limits.refuse_reached("agents")
        agent.is_active = is_active
        agent.save(update_fields=["is_active"])
        old, new = ("retired", "active") if is_active else ("active", "retired")
        record(actor, "AGENT_RESTORED" if is_active else "AGENT_RETIRED", agent, old, new)
    return agent


def _with(setup: Setup, changes: Mapping[str, Any]) -> Setup:
    kept = {name: getattr(setup, name) for name in Setup.__slots__}
    return Setup(**(kept | dict(changes)))


def _columns(setup: Setup) -> dict[str, Any]:
    return {
        "name": setup.name,
        "prompt": setup.instructions,
        "tools": list(setup.tools),
        "tool_teams": {name: [str(team) for team in teams] for name, teams in setup.tool_teams.items()},
        "collections": list(setup.collections),
        "model": setup.model,
        "model_name": setup.model_name,
        "flow": setup.flow,
        "orchestrator": FLOW if setup.flow else BUILTIN,
        "max_open_approvals": setup.max_open_approvals,
        "min_confidence": setup.min_confidence,
        "memory": setup.memory,
        "asks_judge": setup.asks_judge,
    }


def _write_draft(actor: Actor, agent: Agent, setup: Setup, number: int) -> AgentVersion:
    draft: AgentVersion = AgentVersion.objects.create(
        agent=agent, number=number, is_draft=True, author_id=actor.user_id, **_columns(setup)
    )
    return draft


def _change_draft(actor: Actor, draft: AgentVersion, setup: Setup) -> None:
    """Write the setup into a draft; the agent's row is locked."""
    for name, value in _columns(setup).items():
        setattr(draft, name, value)
    draft.revision += 1
    if actor.user_id and actor.user_id not in {draft.author_id, *draft.co_authors}:
        draft.co_authors = [*draft.co_authors, actor.user_id]
    draft.save(update_fields=[*_columns(setup), "revision", "co_authors"])


def checked(setup: Setup) -> Setup:
    """Return the setup without extra spaces, hidden characters and duplicates.

    Raises `Invalid` with the invalid fields.
    """
    clean = Setup(
        # What nobody can see in a form or a file would instruct the model all the same.
        name=" ".join(without_hidden(setup.name).split()),
        instructions=without_hidden(setup.instructions).strip(),
        model=setup.model,
        model_name=without_hidden(setup.model_name).strip(),
        flow=flow_id_in(setup.flow.strip()) if setup.model == FLOW else "",
        tools=tuple(dict.fromkeys(setup.tools)),
        tool_teams={name: tuple(sorted(set(teams))) for name, teams in setup.tool_teams.items() if teams},
        collections=tuple(dict.fromkeys(setup.collections)),
        max_open_approvals=setup.max_open_approvals,
        min_confidence=setup.min_confidence,
        memory=setup.memory,
        asks_judge=setup.asks_judge,
    )
    unknown = [name for name in clean.tools if not tools.is_known(name)]
    lost = len(clean.collections) - len(_known_collections(clean.collections))
    limit = clean.max_open_approvals
    problems = {
        "name": text_problem(clean.name, NAME_LIMIT, needed=True),
        "instructions": text_problem(clean.instructions, PROMPT_LIMIT),
        "model": "" if clean.model in registry.configured_models() else "This model isn't configured here.",
        "model_name": text_problem(clean.model_name, MODEL_NAME_LIMIT),
        "flow": "Enter the flow's id, or its address in Langflow." if clean.model == FLOW and not clean.flow else "",
        "tools": f"The tool “{unknown[0][:60]}” isn't available. Remove it." if unknown else "",
        "tool_teams": problem_of_limits(clean),
        "collections": "A collection that was chosen doesn't exist any more. Remove it." if lost else "",
        "max_open_approvals": ""
        if limit is None or 0 < limit <= MOST_OPEN
        else f"Enter a number from 1 to {MOST_OPEN}, or leave it empty.",
        "min_confidence": "" if 0 <= clean.min_confidence <= 100 else "Enter a number from 0 to 100.",
        "memory": ""
        if clean.memory in AgentVersion.Memory.values
        else f"Choose one of: {', '.join(AgentVersion.Memory.values)}.",
    }
    check_fields(problems)
    return clean


def problems_in(setup: Setup) -> dict[str, list[str]]:
    """Return what is no longer valid in a stored setup, by field: a tool or a model may be gone since."""
    try:
        checked(setup)
    except Invalid as wrong:
        fields: dict[str, list[str]] = wrong.facts["fields"]
        return fields
    return {}


def _known_collections(wanted: tuple[UUID, ...]) -> tuple[UUID, ...]:
    known = set(Collection.objects.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
    return tuple(key for key in wanted if key in known)


def _limits_of(setup: Setup, kept: Container[str]) -> dict[str, tuple[UUID, ...]]:
    """Return the limits of these tools to teams."""
    return {name: teams for name, teams in setup.tool_teams.items() if name in kept}


def problem_of_limits(setup: Setup) -> str:
    """Return what is wrong with the limits of tools to teams, "" for nothing."""
    limited, teams = set(setup.tool_teams), {team for teams in setup.tool_teams.values() for team in teams}
    if limited - set(setup.tools):
        return "Only the agent's own tools can be limited to teams."
    if common := sorted(limited & set(tools.FOR_EVERY_AGENT)):
        return f"“{tools.get(common[0]).title}” is for every conversation. Remove its teams."
    lost = bool(teams) and Team.objects.filter(pk__in=teams).count() < len(teams)
    return "A team that was chosen doesn't exist any more. Remove it." if lost else ""


def record(actor: Actor, action: str, agent: Agent, old: str, new: str, **facts: Any) -> None:
    """Write an audit entry about an agent."""
    chain.record(actor, action, "agents.agent", agent.pk, old, new, facts)
