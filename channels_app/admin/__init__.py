"""Console pages of channels; Django's autodiscovery imports this package."""

from channels_app.admin import channels

__all__ = ["channels"]
