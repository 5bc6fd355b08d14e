"""Console pages of agents; Django's autodiscovery imports this package."""

from agents.admin import cases, checks, facts, knowledge, pages, runs, sites, trials
from agents.langflow import admin as flow_pages
from agents.llm.routes import admin as model_pages

__all__ = ["cases", "checks", "facts", "flow_pages", "knowledge", "model_pages", "pages", "runs", "sites", "trials"]
