"""Console pages of agents; Django's autodiscovery imports this package."""

from agents.admin import knowledge, pages

__all__ = ["knowledge", "pages"]
