"""Console pages of conversations and contacts; Django's autodiscovery imports this package."""

from conversations.admin import consents, contacts, conversations, dashboard, suggestions, teams, templates

__all__ = ["consents", "contacts", "conversations", "dashboard", "suggestions", "teams", "templates"]
