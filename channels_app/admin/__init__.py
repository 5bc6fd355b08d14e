"""Console pages of channels; Django's autodiscovery imports this package."""

from channels_app.admin import channels, slack

__all__ = ["channels", "slack"]
