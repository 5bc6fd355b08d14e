"""Console pages of conversations and contacts; Django's autodiscovery imports this package."""

from conversations.admin import contacts, conversations, dashboard, templates

__all__ = ["contacts", "conversations", "dashboard", "templates"]
