"""What can be asked for here: the abilities of all agents, as far as this person may use them."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from agents.selectors import newest_versions
from agents.tools.registry import FOR_EVERY_AGENT, Arguments, Audience, Caller, Tool, get, is_known, register


class ListAbilities(Tool):
    """Names what the agents of this desk can do for the person who asks."""

    key: ClassVar[str] = "list_abilities"
    title: ClassVar[str] = "List abilities"
    ability: ClassVar[str] = "tell you what can be asked for here"
    description: ClassVar[str] = "What this person can ask for here, from you or another agent of this desk."
    audience: ClassVar[Audience] = "public"

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        tools = [get(name) for name in _names() if is_known(name)]
        suiting = [tool for tool in tools if tool.key != self.key and tool.suits(caller)]
        return {
            "reads": [tool.ability for tool in suiting if not tool.acting],
            "asks": [tool.ability for tool in suiting if tool.acting],
        }


def _names() -> list[str]:
    """The tools of every active agent, each once."""
    offered = [name for version in newest_versions() for name in version.tools]
    return list(dict.fromkeys([*offered, *FOR_EVERY_AGENT]))


def register_all() -> None:
    """Register the tool."""
    register(ListAbilities)
