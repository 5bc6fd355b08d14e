"""Tools as an agent's page shows them: in groups by what they may do, each with who may use it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from agents.answering.tools import registry as tools
from agents.answering.tools.people import BringPerson
from agents.answering.tools.registry import Tool
from agents.llm.ports import SEARCH_TOOL
from console.permissions import label_of
from integrations import platforms

ALWAYS: Final = (SEARCH_TOOL, BringPerson.key)
"""The tools of every agent that customers notice."""
AUDIENCES: Final = {"public": "Everyone", "verified": "Proven customers and colleagues", "member": "Colleagues only"}
DELETED: Final = "A deleted team"
GROUPS: Final[tuple[tuple[str, str, Callable[[Tool], bool]], ...]] = (
    ("Always on", "Every agent answers from documents and can bring in a colleague.", lambda tool: tool.key in ALWAYS),
    ("Needs approval", "It only asks: nothing happens until your people approve.", lambda tool: tool.acting),
    ("Acts at once", "It has an effect, and asks nobody.", lambda tool: tool.changes),
    ("Looks things up", "It reads, and changes nothing.", lambda _tool: True),
)


@dataclass(frozen=True, slots=True)
class ToolGroup:
    """Tools that may do the same, by title."""

    title: str
    about: str
    tools: tuple[Tool, ...]


def groups_of(chosen: Collection[str], *, only_chosen: bool = False) -> Iterator[ToolGroup]:
    """Yield the groups of the tools that work for the organisation in scope, and of those that are chosen already."""
    connected = {each.platform.key for each in platforms.connected()}
    left = [
        tool
        for key in tools.keys()  # noqa: SIM118  (a registry, not a dict)
        if key in ALWAYS or key not in tools.FOR_EVERY_AGENT
        for tool in [tools.get(key)]
        if key in ALWAYS or key in chosen or (not only_chosen and tool.works_here(connected))
    ]
    left.sort(key=lambda tool: (tool.key not in ALWAYS, tool.key in ALWAYS and ALWAYS.index(tool.key), tool.title))
    for title, about, belongs in GROUPS:
        if found := tuple(tool for tool in left if belongs(tool)):
            yield ToolGroup(title, about, found)
        left = [tool for tool in left if tool not in found]


def audience_of(tool: Tool) -> str:
    """Return who may use a tool, in words."""
    return AUDIENCES[tool.audience]


def right_for(tool: Tool) -> str:
    """Return the right that a tool's caller needs besides, by its label; "" for none."""
    return label_of(tool.needs) if tool.needs else ""


def limit_of(tool: Tool, limits: Mapping[str, Iterable[Any]], teams: list[tuple[UUID, str]]) -> dict[str, Any]:
    """Return the teams that a tool can be limited to, each with whether it is, and those that it is limited to."""
    if tool.key in tools.FOR_EVERY_AGENT:
        return {}
    wanted = [str(team) for team in limits.get(tool.key, ())]
    known = {str(key) for key, _ in teams}
    lost = [(key, DELETED) for key in wanted if key not in known]
    ticks = [*((str(key), name) for key, name in teams), *lost]
    return {
        "ticks": [(key, name, key in wanted) for key, name in ticks],
        "names": ", ".join(name for key, name in ticks if key in wanted),
    }


def titles_of(names: Collection[str]) -> str:
    """Return the titles of tools; one that this installation lacks is called unavailable."""
    titles = (tools.get(name).title if tools.is_known(name) else f"{name} (unavailable)" for name in names)
    return ", ".join(titles) or "None"
