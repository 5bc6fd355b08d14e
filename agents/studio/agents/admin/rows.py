"""What a row of the list of agents shows: what the agent is for, who gets it, and what it did lately."""

import re
from typing import Any, Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.models import Agent
from agents.studio.agents.forms import MODEL_WORDS
from console.base.lists import Column
from console.templatetags.console_ui import chip
from conversations.registry import AgentUse
from core.clock import now

LONGEST: Final = 96
PLACES: Final = 3
"""Channels that a row names."""
QUIET_NONE: Final = SafeString('<span class="wk-quiet">None</span>')
QUIET_NEVER: Final = SafeString('<span class="wk-quiet">Not in 30 days</span>')
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s")


def about(agent: Agent) -> str:
    """Return the first sentence of what an agent is told to do, cut to a line; "" before its first version."""
    text = agent.active_version.prompt.strip() if agent.active_version else ""
    first = " ".join(_SENTENCE.split(text.partition("\n")[0])[0].split()) if text else ""
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 1].rsplit(' ', 1)[0]} …"


def named(agent: Agent) -> SafeString:
    """Return the name, what it is told to do, and whether it came with the product."""
    words = " · ".join(filter(None, ("Built in" if agent.is_system else "", about(agent))))
    return format_html('{}<span class="wk-cell-note wk-about">{}</span>', agent.name, words)


def use_chip(agent: Any) -> SafeString:
    """Return a chip that says who gets an agent: customers, colleagues or nobody."""
    if not agent.is_active:
        return chip("Off", "neutral", "pause")
    if agent.active_version is None:
        return chip("Not active yet", "warn", "clock")
    return chip("Answers customers", "good", "check") if agent.is_for_customers else chip("For colleagues", "info")


def reach(agent: Any) -> SafeString:
    """Return who gets an agent, whether a draft waits, and on which channels customers get it."""
    places, more = agent.places[:PLACES], len(agent.places) - PLACES
    words = f"{', '.join(places)}{f' and {more} more' if more > 0 else ''}"
    draft = chip("Draft", "info", "pen") if agent.draft_number else ""
    return format_html('{} {}<span class="wk-cell-note">{}</span>', use_chip(agent), draft, words)


def head(agent: Agent) -> str:
    """Return the model of what answers, in words."""
    version = agent.active_version
    if version is None:
        return "–"
    return version.model_name or MODEL_WORDS.get(version.model, version.model).partition(":")[0]


def runs(agent: Any) -> SafeString | str:
    """Return how often an agent ran in the last 30 days, and how many of its answers a check held back."""
    use: AgentUse | None = agent.use
    if use is None:
        return QUIET_NONE
    held = f"{use.held_back:,} held back" if use.held_back else ""
    return format_html('<span class="wk-number">{}</span><span class="wk-cell-note">{}</span>', f"{use.runs:,}", held)


def last_run(agent: Any) -> SafeString | str:
    """Return the day on which an agent ran last, of the last 30."""
    use: AgentUse | None = agent.use
    if use is None:
        return QUIET_NEVER
    return f"{use.last_on.day} {use.last_on:%b}" if use.last_on.year == now().year else f"{use.last_on:%d %b %Y}"


name = Column[Agent]("Agent", named)
answers = Column[Agent]("Answers", reach)
model = Column[Agent]("Model", head)
used = Column[Agent]("Runs in 30 days", runs)
last = Column[Agent]("Last run", last_run)
version = Column[Agent]("Version", lambda agent: str(agent.active_version.number) if agent.active_version else "–")
