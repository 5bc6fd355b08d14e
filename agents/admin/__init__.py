"""Console pages of agents; Django's autodiscovery imports this package."""

from agents.admin import pages

__all__ = ["pages"]
