"""What the tabs of an agent show: its configuration, what the draft changes, and its versions."""

from typing import Any, Final

from django.urls import reverse

from agents import selectors, services
from agents.answering.routing.panels import panel_of_agent
from agents.answering.routing.selectors import Outlook
from agents.answering.tools import registry as tools
from agents.knowledge.selectors import query_collections
from agents.models import Agent, AgentVersion, Collection
from agents.selectors import VIEW_AGENT
from agents.studio.agents.activation import ACTIVATE
from agents.studio.agents.admin.studio import SETTINGS, kept_draft
from agents.studio.agents.configuration import version_shown
from agents.studio.agents.forms import MODEL_WORDS
from agents.studio.agents.tool_groups import ALWAYS, DELETED, audience_of, groups_of, limit_of, right_for, titles_of
from console.base.text_diff import is_long, lines_between
from conversations.models import Team
from core.actors import Actor

PARTS: Final = ("instructions", "tools", "knowledge")
"""The tabs that show a part of the configuration."""
SHOWN_VERSIONS: Final = 20


def contents_of(viewer: Actor, agent: Agent, tab: str, form: Any, *, is_open: bool, found: Outlook) -> dict[str, Any]:
    """Return a part of the configuration: as the form has it, or what answers, to read."""
    # Before the first activation nothing answers: then it is the draft's.
    setup = services.setup_in(agent.active_version or version_shown(agent, kept_draft(agent)))
    shown: dict[str, Any] = {"is_open": is_open, "setup": setup}
    if tab == "instructions":
        model = f"{MODEL_WORDS.get(setup.model, setup.model)} {setup.flow or setup.model_name}".strip()
        return {
            **shown,
            "model": model,
            "answers": panel_of_agent(viewer, agent, found) if viewer.may(VIEW_AGENT) else {},
        }
    if tab == "tools":
        chosen = form.chosen() if is_open else setup.tools
        limits = form.limits() if is_open else setup.tool_teams
        teams = list(Team.objects.order_by("name", "id").values_list("pk", "name"))
        return {
            **shown,
            "groups": [
                (
                    group,
                    [
                        (tool, audience_of(tool), right_for(tool), tool.key in chosen, limit_of(tool, limits, teams))
                        for tool in group.tools
                    ],
                )
                for group in (form.groups if is_open else groups_of(chosen, only_chosen=True))
            ],
            "always": ALWAYS,
            "lost": [name for name in chosen if not tools.is_known(name)],
        }
    chosen = [str(key) for key in (form["collections"].value() or () if is_open else setup.collections)]
    shelves = query_collections(viewer=viewer).order_by("name", "id") if viewer.may(VIEW_AGENT) else ()
    rows = [(row, str(row.pk) in chosen) for row in shelves]
    return {
        **shown,
        "shelves": [each for each in rows if is_open or each[1] or not chosen],
        "reads_all": not chosen,
        "memory": AgentVersion.Memory(setup.memory).label,
    }


def versions_of(viewer: Actor, agent: Agent) -> dict[str, Any]:
    """Return an agent's versions, what answered when, and what the draft changes."""
    versions = list(selectors.query_versions(viewer=viewer, agent_id=agent.pk)[: SHOWN_VERSIONS + 1])
    history = selectors.query_activations(viewer=viewer, agent_id=agent.pk).select_related("person")
    back = reverse("admin:agents_agent_roll_back", args=[agent.pk]) if viewer.may(ACTIVATE) else ""
    new = next((version for version in versions if version.is_draft), None)
    return {
        "versions": [
            (version, f"{back}?version={version.number}" if back and not version.is_draft else "")
            for version in versions
        ],
        "history": list(history[:SHOWN_VERSIONS]),
        "changes": changes_between(agent.active_version, new) if new and agent.active_version else [],
    }


def changes_between(active: AgentVersion, draft: AgentVersion) -> list[dict[str, Any]]:
    """Return what a draft changes as rows of a comparison; long texts and lists line by line."""
    old, new = services.setup_in(active), services.setup_in(draft)
    rows = []
    for name in services.changed_fields(old=old, new=new):
        before, after = _said(old, name), _said(new, name)
        lines = lines_between(before, after) if is_long(before, after) else []
        rows.append({"label": SETTINGS[name][1], "before": before, "after": after, "lines": lines})
    return rows


def _said(setup: services.Setup, name: str) -> str:
    """Return the value of a setting in words."""
    if name == "tools":
        return "\n".join(titles_of([key]) for key in setup.tools)
    if name == "tool_teams":
        teams = dict(Team.objects.values_list("pk", "name"))
        named = ((tool, sorted(teams.get(key, DELETED) for key in keys)) for tool, keys in setup.tool_teams.items())
        return "\n".join(f"{titles_of([tool])}: {', '.join(names)}" for tool, names in named) or "None"
    if name == "collections":
        rows = Collection.objects.filter(pk__in=setup.collections).order_by("name", "id")
        names = list(rows.values_list("name", flat=True))
        lost = ["A deleted collection"] * (len(setup.collections) - len(names))
        return "\n".join([*names, *lost]) or "All that the person who asks may see"
    if name == "model":
        return MODEL_WORDS.get(setup.model, setup.model)
    if name == "memory":
        return str(AgentVersion.Memory(setup.memory).label)
    if name == "asks_judge":
        return "Yes" if setup.asks_judge else "No"
    return str(getattr(setup, name) or "")
