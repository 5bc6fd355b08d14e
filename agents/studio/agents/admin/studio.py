"""The frame of an agent's pages: its tabs, and the bar with the draft's state and what keeps it from going live."""

from dataclasses import dataclass
from typing import Any, Final

from django.template.defaultfilters import pluralize
from django.urls import reverse

from accounts.permissions import shares
from agents import services
from agents.answering.guardrails.doubt import OURS
from agents.models import Agent, AgentVersion
from agents.studio.agents.activation import ACTIVATE, BLOCKS, OVERRIDE
from agents.studio.agents.configuration import problems_in
from agents.studio.agents.forms import ActivateForm
from agents.studio.evals.runs import block_of
from agents.studio.trials.speakers import TRY
from core.actors import Actor

TABS: Final = {
    "instructions": "Instructions",
    "tools": "Tools",
    "knowledge": "Knowledge",
    "try": "Try",
    "checks": "Checks",
    "versions": "Versions",
}
FOR_EDITORS: Final = ("try", "checks")
SETTINGS: Final = {
    "name": ("instructions", "Name"),
    "instructions": ("instructions", "Instructions"),
    "model": ("instructions", "Model"),
    "model_name": ("instructions", "Model name at the provider"),
    "flow": ("instructions", "Langflow flow"),
    "tools": ("tools", "Tools"),
    "tool_teams": ("tools", "Limits to teams"),
    "max_open_approvals": ("tools", "Open requests at most"),
    "collections": ("knowledge", "Knowledge"),
    "min_confidence": ("knowledge", "Minimum confidence"),
    "memory": ("knowledge", "Remembers"),
    "asks_judge": ("knowledge", "Re-rank passages"),
}
"""The settings of an agent, each with its tab and its label."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a draft from going live, and the tab where that is put right."""

    words: str
    tab: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """How an agent's draft stands beside what answers now; `version` is None without a draft."""

    version: AgentVersion | None
    changed: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    block: str
    """The code of what the agent's cases keep back, "" for nothing."""
    lacks: str = ""
    """What the draft could be expected to have; it goes live without it, too."""


def kept_draft(agent: Agent) -> AgentVersion | None:
    """Return an agent's draft; read once for each page."""
    if not hasattr(agent, "page_draft"):
        agent.page_draft = agent.versions.filter(is_draft=True).first()  # type: ignore[attr-defined]
    found: AgentVersion | None = agent.page_draft  # type: ignore[attr-defined]
    return found


def draft_of(agent: Agent) -> Draft:
    """Return how an agent's draft stands."""
    version = kept_draft(agent)
    if version is None:
        return Draft(None, (), (Obstacle("There is nothing to activate. Change something and save it first."),), "")
    setup, active = services.setup_in(version), agent.active_version
    changed = services.changed_fields(old=services.setup_in(active), new=setup) if active else []
    obstacles = [
        Obstacle(f"{SETTINGS[name][1]}: {text}", SETTINGS[name][0])
        for name, texts in problems_in(setup).items()
        for text in texts
    ]
    block, failed = block_of(version)
    if block:
        names = f"{', '.join(failed)}: " if failed else ""
        obstacles.append(Obstacle(names + BLOCKS[block], "checks"))
    lacks = "" if setup.instructions or setup.model in OURS else "It has no instructions."
    return Draft(version, tuple(changed), tuple(obstacles), block, lacks)


def frame_of(viewer: Actor, agent: Agent, tab: str) -> dict[str, Any]:
    """Return what every page of an agent shows: the tabs, and the bar."""
    draft = draft_of(agent)
    may_activate = viewer.may(ACTIVATE)
    refused = () if may_activate else (Obstacle("Your role can't activate agents. Ask a colleague whose role can."),)
    obstacles = (*refused, *draft.obstacles)
    # A reason lets somebody with the right past the agent's own cases, and past nothing else.
    can_override = bool(draft.block) and len(obstacles) == 1 and viewer.may(OVERRIDE)
    marked = {each.tab for each in draft.obstacles}
    seen = {"version": draft.version.number, "revision": draft.version.revision} if draft.version else {}
    activate = ActivateForm(initial=seen, auto_id="id_activate_%s")
    if not can_override:
        del activate.fields["override"]
    return {
        "tab": tab,
        "tabs": [
            {"title": title, "url": tab_url(agent, path), "is_current": path == tab, "is_marked": path in marked}
            for path, title in TABS.items()
            if path not in FOR_EDITORS or viewer.may(TRY) or (path == "try" and TRY in shares.given(viewer, agent))
        ],
        "draft": draft,
        "state": state_of(agent, draft),
        "obstacles": [
            (each.words, tab_url(agent, each.tab) if each.tab else "", TABS.get(each.tab, "")) for each in obstacles
        ],
        "shows_activate": may_activate or viewer.may(TRY),
        "activate": activate,
        "can_activate": draft.version is not None and (can_override or not obstacles),
        "activate_url": reverse("admin:agents_agent_activate", args=[agent.pk]),
    }


def state_of(agent: Agent, draft: Draft) -> tuple[str, str, str, str]:
    """Return how the draft stands in words: a chip's words, tone and icon, and a sentence."""
    live = f"version {agent.active_version.number}" if agent.active_version else ""
    if draft.version is None:
        return "Live", "good", "check", f"This is {live}, which answers now." if live else "It has no version yet."
    name = f"Draft of version {draft.version.number}"
    if not live:
        return name, "info", "pen", "This agent answers nobody until its draft is activated."
    if not draft.changed:
        return name, "neutral", "pen", f"It is the same as {live}, which is live."
    labels = ", ".join(SETTINGS[field][1] for field in draft.changed)
    count = len(draft.changed)
    return name, "info", "pen", f"{count} change{pluralize(count)} not live yet: {labels}."


def tab_url(agent: Agent, tab: str) -> str:
    """Return the address of a tab of an agent."""
    return reverse(f"admin:agents_agent_{tab}", args=[agent.pk])
