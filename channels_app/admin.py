"""Console pages of channels; Django's autodiscovery imports this package."""

from channels_app.approver_channels.slack import admin as slack
from channels_app.kit.admin import channels

__all__ = ["channels", "slack"]
