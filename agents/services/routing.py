"""Which agent answers: the one the page names, or the one whose work the text is about."""

from __future__ import annotations

from agents import selectors
from agents.defaults import PRESETS
from agents.local.model import topic_agent
from agents.models import AgentRun, AgentVersion
from conversations.models import Message

TYPES = frozenset(preset.type for preset in PRESETS)


def choose_version(run: AgentRun) -> AgentVersion | None:
    """The version that works this run: named by the frame, by intent, the last one, or any."""
    message = Message.objects.filter(id__in=run.inputs.values("message_id")).order_by("-seq").first()
    named = _named(message) if message else ""
    if named and (version := selectors.newest_version(named)):
        return version
    wanted = topic_agent(selectors.transcript(run)) if message else ""
    if wanted and (version := selectors.newest_version(wanted)):
        return version
    return selectors.last_version(run.conversation_id) or selectors.any_version()


def _named(message: Message) -> str:
    """The agent a frame asked for; anything unknown counts as none."""
    value = (message.metadata or {}).get("agent", "")
    name = str(value).strip().lower().replace(" ", "_").replace("-", "_")
    return name if name in TYPES else ""
