"""System checks: tools that stand twice or are gone, and sections of the brief that nothing is behind."""

from collections import Counter
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError
from django.db.models import F

from agents.answering.tools import registry as tools
from agents.models import AgentVersion
from core.tenancy.scope import platform_scope
from hitl.actions import registry as kinds
from integrations import platforms


@register
def check_tools(**_: Any) -> list[CheckMessage]:
    """Report a key that two tools have: kinds of action, lookups of platforms and our own tools share them."""
    twice = [key for key, count in Counter(tools.all_keys()).items() if count > 1]
    hint = "Rename the kind of action, the lookup or the tool: a model calls them by this key."
    return [Error(f"The tool {key!r} is registered twice.", hint=hint, id="agents.E001") for key in twice]


@register
def check_sections(**_: Any) -> list[CheckMessage]:
    """Report a section of the daily brief whose tool or whose kind of action nobody registers."""
    problems: list[CheckMessage] = []
    for platform, section in platforms.sections():
        named = f"The section {section.key!r} of the platform {platform.key!r}"
        if not tools.is_known(section.tool):
            problems.append(Error(f"{named} needs the tool {section.tool!r}, which is not there.", id="agents.E002"))
        if not kinds.is_known(section.kind):
            problems.append(Error(f"{named} opens requests of {section.kind!r}, which is no kind.", id="agents.E003"))
    return problems


@register(Tags.database)
def check_stored_tools(**options: Any) -> list[CheckMessage]:
    """Report tools of answering agents that nobody registers any more; they are offered to nobody."""
    if not options.get("databases"):
        return []
    try:
        with platform_scope():
            answering = AgentVersion.objects.filter(pk=F("agent__active_version_id"), agent__is_active=True)
            rows = list(answering.values_list("agent_id", "tools"))
    except DatabaseError:
        return []  # before the first migration there is no such table
    gone = {(agent_id, name) for agent_id, names in rows for name in names if not tools.is_known(name)}
    hint = "Register the platform or kind of action behind it again (PLATFORMS), or save the agent without it."
    return [
        Error(f"The agent {agent_id} has the tool {name!r}, which is not there.", hint=hint, id="agents.E004")
        for agent_id, name in sorted(gone, key=str)
    ]
