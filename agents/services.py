"""Changing runs and agents: a message joins or starts a run, an outcome is told, an agent is configured."""

from agents.configuration import Setup, change_agent, copy_agent, create_agent, restore_agent, retire_agent, setup_of
from agents.runs.batching import seconds_until_due, take_message
from agents.runs.inbox import hear_answer
from agents.runs.outcomes import take_outcome
from agents.runs.requester_questions import relay_asking
from agents.runs.run import run_turn

__all__ = [
    "Setup",
    "change_agent",
    "copy_agent",
    "create_agent",
    "hear_answer",
    "relay_asking",
    "restore_agent",
    "retire_agent",
    "run_turn",
    "seconds_until_due",
    "setup_of",
    "take_message",
    "take_outcome",
]
