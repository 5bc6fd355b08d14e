"""The gate: no answer is sent that repeats instructions, claims what did not happen, or rests on too little."""

from agents.gate import doubt
from agents.gate.checking import Checked, check_answer
from agents.gate.confidence import LOW, Confidence, Grounds
from agents.gate.holding import Held

__all__ = ["LOW", "Checked", "Confidence", "Grounds", "Held", "check_answer", "doubt"]
