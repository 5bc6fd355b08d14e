"""The gate: no answer is sent that repeats instructions, claims what did not happen, or carries foreign links."""

from agents.gate.checking import Checked, check_answer
from agents.gate.holding import Held

__all__ = ["Checked", "Held", "check_answer"]
