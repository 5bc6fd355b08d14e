"""Load the console pages of agents; Django's autodiscovery imports this module."""

from agents.answering import admin as runs
from agents.answering.routing import admin as answer_rules
from agents.answering.tickets import panel as tickets
from agents.knowledge.admin import collections, documents, questions
from agents.knowledge.help import admin as help_centres
from agents.knowledge.sources import admin as sites
from agents.langflow import admin as flows
from agents.llm.routes import admin as routes
from agents.memory import admin as facts
from agents.studio.agents.admin import agents
from agents.studio.evals.admin import cases
from agents.studio.evals.admin import runs as eval_runs
from agents.studio.trials import admin as trials

__all__ = [
    "agents",
    "answer_rules",
    "cases",
    "collections",
    "documents",
    "eval_runs",
    "facts",
    "flows",
    "help_centres",
    "questions",
    "routes",
    "runs",
    "sites",
    "tickets",
    "trials",
]
