"""Console pages of the daily brief; Django's autodiscovery imports this package."""

from analytics.admin import pages

__all__ = ["pages"]
