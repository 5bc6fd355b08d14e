"""Changing runs: a message joins or starts one, a run is worked, an outcome is told."""

from agents.services.joining import seconds_until_due, take_message
from agents.services.outcomes import take_outcome
from agents.services.turns import run_turn

__all__ = ["run_turn", "seconds_until_due", "take_message", "take_outcome"]
