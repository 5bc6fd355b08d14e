"""Console pages of agents; Django's autodiscovery imports this package."""

from agents.admin import knowledge, pages
from agents.routes import admin as model_pages

__all__ = ["knowledge", "model_pages", "pages"]
