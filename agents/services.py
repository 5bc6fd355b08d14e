"""Commands of the app: assign messages to runs, execute runs, report outcomes, configure agents."""

from agents.configuration import Setup, change_agent, copy_agent, create_agent, restore_agent, retire_agent, setup_of
from agents.routes.availability import needs_workers
from agents.routes.calling import open_brief_model
from agents.runs.batching import seconds_until_due, take_message
from agents.runs.inbox import record_requester_answer
from agents.runs.outcomes import take_outcome
from agents.runs.requester_questions import relay_drift, relay_question
from agents.runs.routing import needs_model_worker
from agents.runs.run import run_turn

__all__ = [
    "Setup",
    "change_agent",
    "copy_agent",
    "create_agent",
    "needs_model_worker",
    "needs_workers",
    "open_brief_model",
    "record_requester_answer",
    "relay_drift",
    "relay_question",
    "restore_agent",
    "retire_agent",
    "run_turn",
    "seconds_until_due",
    "setup_of",
    "take_message",
    "take_outcome",
]
