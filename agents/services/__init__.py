"""Changing runs and agents: a message joins or starts a run, an outcome is told, an agent is configured."""

from agents.services.joining import seconds_until_due, take_message
from agents.services.listening import hear_answer
from agents.services.managing import (
    Setup,
    change_agent,
    copy_agent,
    create_agent,
    restore_agent,
    retire_agent,
    setup_of,
)
from agents.services.outcomes import take_outcome
from agents.services.relaying import relay_asking
from agents.services.turns import run_turn

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
