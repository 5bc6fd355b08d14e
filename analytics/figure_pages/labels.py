"""The words for the values of a dimension: names of teams, agents, people and channels, and of codes."""

from collections.abc import Collection
from typing import Any, Final

from agents.models import Agent
from analytics.figures.metrics import AGENT, CHANNEL, KIND, METRICS, PERSON, TEAM
from console.base.lists import uuid_of
from console.names import names_of
from conversations.models import ChannelAccount, Team
from conversations.registry import explain
from conversations.types import explain_common
from core.reach import channels

NOBODY: Final = {TEAM: "No team", PERSON: "Nobody", AGENT: "No agent", CHANNEL: "No channel"}
GONE: Final = {TEAM: "Former team", PERSON: "Former member", AGENT: "Former agent", CHANNEL: "Former channel"}
CODED: Final = "delivery_failures"
"""The metric whose kinds are codes of providers."""
COUNTED: Final = {"level": "Level {}", "rating": "{} of 5"}
"""What values by kind that are numbers are called."""
NO_CODE: Final = "-"
ALL: Final = {TEAM: "Teams", AGENT: "Agents", CHANNEL: "Channels"}
MODELS: Final[dict[str, Any]] = {TEAM: Team, AGENT: Agent, CHANNEL: ChannelAccount}


def names_of_values(dimension: str, values: Collection[str], metric: str = "") -> dict[str, str]:
    """Return a name for each value of a dimension; a provider's codes in its own words. At most one query."""
    if metric == CODED and dimension == KIND:
        return words_of_codes(values)
    if metric and dimension == KIND and METRICS[metric].kind in COUNTED:
        return {value: COUNTED[METRICS[metric].kind].format(value) for value in values}
    if dimension not in NOBODY:
        words = {value: value.replace("_", " ").replace(".", ": ").strip() for value in values}
        return {value: text[:1].upper() + text[1:] or "Other" for value, text in words.items()}
    ids = {value: found for value in values if (found := uuid_of(value))}
    rows = None if dimension == PERSON else MODELS[dimension].objects.filter(pk__in=ids.values())
    names = names_of(ids.values()) if rows is None else dict(rows.values_list("pk", "name"))
    others = {value: dict(channels.kinds()).get(value, NOBODY[dimension]) for value in values}
    return {value: names.get(ids[value], GONE[dimension]) if value in ids else others[value] for value in values}


def words_of_codes(codes: Collection[str]) -> dict[str, str]:
    """Return why messages failed, in words, with the code; by the organisation's own providers. One query."""
    if not codes:
        return {}
    pairs = list(ChannelAccount.objects.order_by("kind", "provider").values_list("kind", "provider").distinct())
    # What a provider says of a code that nobody has is what it says of all that it doesn't know.
    unknown, found = {pair: explain(pair[0], pair[1], NO_CODE).reason for pair in pairs}, {}
    for code in codes:
        reasons = ((pair, explain(pair[0], pair[1], code).reason) for pair in pairs)
        known = (reason for pair, reason in reasons if reason != unknown[pair] and code not in reason)
        found[code] = f"{next(known, explain_common(code).reason)} ({code.replace('_', ' ') or 'no code'})"
    return found


def choices_of(dimension: str) -> list[tuple[str, str]]:
    """Return value and name of everything by which a page can be narrowed, by name. One query."""
    rows = MODELS[dimension].objects.order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in rows]
