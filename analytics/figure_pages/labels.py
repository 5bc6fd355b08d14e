"""The words for the values of a dimension: names of teams, agents, people and channels, and of codes."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from agents.models import Agent
from analytics.figures.metrics import AGENT, CHANNEL, PERSON, TEAM
from console.base.lists import uuid_of
from console.names import names_of
from conversations.models import ChannelAccount, Team

NOBODY: Final = {TEAM: "No team", PERSON: "Nobody", AGENT: "No agent", CHANNEL: "No channel"}
GONE: Final = {TEAM: "Former team", PERSON: "Former member", AGENT: "Former agent", CHANNEL: "Former channel"}
ALL: Final = {TEAM: "Teams", AGENT: "Agents", CHANNEL: "Channels"}


def names_of_values(dimension: str, values: Collection[str]) -> dict[str, str]:
    """Return a name for each value of a dimension. At most one query."""
    if dimension not in NOBODY:
        return {value: _code_in_words(value) for value in values}
    ids = {value: found for value in values if (found := uuid_of(value))}
    names = _names(dimension, list(ids.values()))
    others = {value: dict(ChannelAccount.Kind.choices).get(value, NOBODY[dimension]) for value in values}
    return {value: names.get(ids[value], GONE[dimension]) if value in ids else others[value] for value in values}


def choices_of(dimension: str) -> list[tuple[str, str]]:
    """Return value and name of everything by which a page can be narrowed, by name. One query."""
    match dimension:
        case "team":
            rows = Team.objects.order_by("name").values_list("pk", "name")
        case "agent":
            rows = Agent.objects.order_by("name").values_list("pk", "name")
        case _:
            return [(str(key), str(name)) for key, name in ChannelAccount.Kind.choices]
    return [(str(pk), name) for pk, name in rows]


def _names(dimension: str, ids: list[UUID]) -> dict[UUID, str]:
    match dimension:
        case "team":
            return dict(Team.objects.filter(pk__in=ids).values_list("pk", "name"))
        case "agent":
            return dict(Agent.objects.filter(pk__in=ids).values_list("pk", "name"))
        case "person":
            return names_of(ids)
        case _:
            return dict(ChannelAccount.objects.filter(pk__in=ids).values_list("pk", "name"))


def _code_in_words(code: str) -> str:
    words = code.replace("_", " ").replace(".", ": ").strip()
    return words[:1].upper() + words[1:] if words else "Other"
