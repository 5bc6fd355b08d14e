"""Console pages of channels; Django's autodiscovery imports this package."""

from channels_app.admin import channels
from channels_app.approver_channels.slack import admin as slack

__all__ = ["channels", "slack"]
