"""Console pages of agents; Django's autodiscovery imports this package."""

from agents.admin import cases, checks, facts, knowledge, pages, runs, sites, trials
from agents.flows import admin as flow_pages
from agents.routes import admin as model_pages

__all__ = ["cases", "checks", "facts", "flow_pages", "knowledge", "model_pages", "pages", "runs", "sites", "trials"]
