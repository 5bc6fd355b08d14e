"""Console pages of agents; Django's autodiscovery imports this package."""

from agents.admin import pages
from agents.routes import admin as model_pages

__all__ = ["model_pages", "pages"]
