"""Guardrails: no answer is sent that repeats instructions, claims what did not happen, or rests on too little."""

from agents.answering.guardrails import doubt
from agents.answering.guardrails.answer import Checked, check_answer
from agents.answering.guardrails.confidence import LOW, Confidence, Grounds
from agents.answering.guardrails.stream import Held

__all__ = ["LOW", "Checked", "Confidence", "Grounds", "Held", "check_answer", "doubt"]
