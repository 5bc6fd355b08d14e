"""Commands of the app: assign messages to runs, execute runs, report outcomes, configure agents."""

from agents.answering.runs.batches import seconds_until_due, take_message
from agents.answering.runs.inbox import record_requester_answer
from agents.answering.runs.outcomes import take_outcome
from agents.answering.runs.requester_questions import relay_drift, relay_question
from agents.answering.runs.run import NeedsModelWorker, run_turn
from agents.knowledge.help import articles as help_articles
from agents.knowledge.help import centres as help_centres
from agents.knowledge.help import colours as help_colours
from agents.knowledge.help import markup as help_markup
from agents.knowledge.help import votes as help_votes
from agents.llm.routes.availability import needs_workers
from agents.llm.routes.calls import open_brief_model
from agents.studio.agents.activation import activate_again, activate_draft, changed_fields, discard_draft, roll_back
from agents.studio.agents.configuration import (
    Setup,
    change_agent,
    copy_agent,
    create_agent,
    current_version,
    ensure_first_agent,
    restore_agent,
    retire_agent,
    setup_in,
    setup_of,
)

__all__ = [
    "NeedsModelWorker",
    "Setup",
    "activate_again",
    "activate_draft",
    "change_agent",
    "changed_fields",
    "copy_agent",
    "create_agent",
    "current_version",
    "discard_draft",
    "ensure_first_agent",
    "help_articles",
    "help_centres",
    "help_colours",
    "help_markup",
    "help_votes",
    "needs_workers",
    "open_brief_model",
    "record_requester_answer",
    "relay_drift",
    "relay_question",
    "restore_agent",
    "retire_agent",
    "roll_back",
    "run_turn",
    "seconds_until_due",
    "setup_in",
    "setup_of",
    "take_message",
    "take_outcome",
]
