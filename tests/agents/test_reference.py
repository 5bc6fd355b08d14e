"""The page about agents says what the code does."""

from pathlib import Path

from agents.answering.tools import registry
from demo.agents import PRESETS, READING_TOOLS, SHARED_TOOLS
from tests.offers import tool_keys

PAGE = (Path(__file__).parents[2] / "docs/reference/agents.md").read_text()
TOOLS = tool_keys()


def row(key: str) -> str:
    tool = registry.get(key)
    acts = "yes" if tool.acting else "no"
    arguments = ", ".join(tool.arguments.model_fields)
    return f"| `{key}` | {tool.title} | {acts} | {tool.audience} | {arguments} |"


def test_tools_table_has_our_own_tools_and_those_of_the_demo() -> None:
    table = PAGE.split("## Tools")[1].split("**Audience.**")[0]
    assert [line for line in table.splitlines() if line.startswith("| `")] == [row(key) for key in TOOLS]


def test_agents_table_names_every_acting_tool() -> None:
    for preset in PRESETS:
        tools = ", ".join(f"`{name}`" for name in preset.acting)
        assert f"| {preset.name} | `{preset.type}` | {tools} |" in PAGE


def test_every_agent_has_reading_tools_and_an_acting_one() -> None:
    assert all(preset.acting for preset in PRESETS)
    assert set(READING_TOOLS) | set(SHARED_TOOLS) <= set(TOOLS)


def test_every_acting_tool_has_an_action_kind_of_its_name() -> None:
    from hitl.actions.registry import keys

    acting = {key for key in TOOLS if registry.get(key).acting}
    assert acting <= set(keys())
