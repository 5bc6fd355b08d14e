"""Export an agent as a file that people can review, and import it again."""

import json
from typing import Any, Final
from uuid import UUID

from agents.models import Agent, AgentVersion, Collection
from agents.selectors import get_agent
from agents.studio.agents.configuration import CONFIDENCE, Setup, create_agent, current_version, setup_in
from conversations.models import Team
from core.actors import Actor
from core.errors import Invalid

FORMAT: Final = "walker.agent/1"
LARGEST_FILE: Final = 64 * 1024
FIELDS: Final = (
    "name",
    "type",
    "instructions",
    "model",
    "model_name",
    "flow",
    "tools",
    "tool_teams",
    "collections",
    "max_open_approvals",
    "min_confidence",
    "memory",
    "asks_judge",
)


def export_agent(*, viewer: Actor, agent_id: UUID) -> dict[str, Any]:
    """Return an agent's configuration as a document: its draft's if it has one. It holds no secrets.

    Needs `agents.view_agent`; raises `NotFound`.
    """
    agent = get_agent(viewer=viewer, agent_id=agent_id)
    setup = setup_in(current_version(agent))
    # By their names: another organisation has other ids.
    names = Collection.objects.filter(pk__in=setup.collections).order_by("name").values_list("name", flat=True)
    teams = dict(Team.objects.values_list("pk", "name"))
    limits = {
        tool: sorted(teams[team] for team in chosen if team in teams) for tool, chosen in setup.tool_teams.items()
    }
    return {
        "format": FORMAT,
        "name": setup.name,
        "type": agent.type,
        "model": setup.model,
        "model_name": setup.model_name,
        **({"flow": setup.flow} if setup.flow else {}),
        "max_open_approvals": setup.max_open_approvals,
        "min_confidence": setup.min_confidence,
        "memory": setup.memory,
        **({"asks_judge": True} if setup.asks_judge else {}),
        # A tool that was for deleted teams alone would be for every team elsewhere.
        "tools": [tool for tool in setup.tools if limits.get(tool, True)],
        **({"tool_teams": named} if (named := {tool: found for tool, found in limits.items() if found}) else {}),
        **({"collections": list(names)} if setup.collections else {}),
        "instructions": setup.instructions.split("\n"),
    }


def write_file(document: dict[str, Any]) -> str:
    """Return a document as text: instructions line by line, so that changes can be reviewed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_file(content: bytes) -> dict[str, Any]:
    """Return the document in a file. Raises `Invalid` for one that is none, or too large."""
    if len(content) > LARGEST_FILE:
        raise _problem("The file is larger than 64 kB.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise _problem("This isn't the file of an agent.") from None
    if not isinstance(found, dict):
        raise _problem("This isn't the file of an agent.")
    return found


def import_agent(*, actor: Actor, document: dict[str, Any]) -> Agent:
    """Create an agent of the tenant's own, as a draft, from a document that was exported here or elsewhere.

    Needs `agents.change_agent`; raises `Invalid` with the fields that aren't valid here, such as tools, models or
    collections that are missing here.
    """
    if document.get("format") != FORMAT:
        raise _problem(f"Its format isn't {FORMAT}.")
    unknown = sorted(str(name) for name in set(document) - {"format", *FIELDS})
    if unknown:
        raise Invalid("Some fields are not valid.", fields={unknown[0][:60]: ["This setting doesn't exist."]})
    confidence = _number(document, "min_confidence")
    names = _texts(document, "collections")
    known = dict(Collection.objects.filter(name__in=names).values_list("name", "pk"))
    if missing := next((name for name in names if name not in known), ""):
        problem = f"There is no collection “{missing[:80]}” here. Create it, or remove it from the file."
        raise Invalid("Some fields are not valid.", fields={"collections": [problem]})
    value = document.get("asks_judge", False)
    if not isinstance(value, bool):
        raise Invalid("Some fields are not valid.", fields={"asks_judge": ["This has to be true or false."]})
    setup = Setup(
        name=_text(document, "name"),
        instructions="\n".join(_texts(document, "instructions")),
        model=_text(document, "model") or "local",
        model_name=_text(document, "model_name"),
        flow=_text(document, "flow"),
        tools=tuple(_texts(document, "tools")),
        tool_teams=teams_in(document),
        collections=tuple(known[name] for name in names),
        max_open_approvals=_number(document, "max_open_approvals"),
        min_confidence=CONFIDENCE if confidence is None else confidence,
        memory=_text(document, "memory") or AgentVersion.Memory.VERIFIED,
        asks_judge=value,
    )
    return create_agent(actor=actor, type=_text(document, "type"), setup=setup)


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name, "")
    if not isinstance(value, str):
        raise Invalid("Some fields are not valid.", fields={name: ["This has to be text."]})
    return value


def _texts(document: dict[str, Any], name: str) -> list[str]:
    value = document.get(name, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise Invalid("Some fields are not valid.", fields={name: ["This has to be a list of texts."]})
    return value


def teams_in(document: dict[str, Any]) -> dict[str, tuple[UUID, ...]]:
    """Return the teams that tools are limited to, which the document names."""
    limits = document.get("tool_teams", {})
    if not isinstance(limits, dict):
        raise Invalid("Some fields are not valid.", fields={"tool_teams": ["This has to be lists of teams by tool."]})
    known = dict(Team.objects.values_list("name", "pk")) if limits else {}
    wanted = {str(tool): _texts({"tool_teams": names}, "tool_teams") for tool, names in limits.items()}
    if missing := next((name for names in wanted.values() for name in names if name not in known), ""):
        problem = f"There is no team “{missing[:60]}” here. Create it, or remove it from the file."
        raise Invalid("Some fields are not valid.", fields={"tool_teams": [problem]})
    return {tool: tuple(known[name] for name in names) for tool, names in wanted.items()}


def _number(document: dict[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise Invalid("Some fields are not valid.", fields={name: ["This has to be a whole number."]})
    return value


def _problem(sentence: str) -> Invalid:
    return Invalid("The file can't be imported.", fields={"file": [sentence]})
