"""Console pages of conversations and contacts; Django's autodiscovery imports this package."""

from conversations.admin import (
    canned_replies,
    consents,
    contacts,
    conversations,
    dashboard,
    macros,
    suggestions,
    surveys,
    tags,
    teams,
    templates,
    triage,
)

__all__ = [
    "canned_replies",
    "consents",
    "contacts",
    "conversations",
    "dashboard",
    "macros",
    "suggestions",
    "surveys",
    "tags",
    "teams",
    "templates",
    "triage",
]
