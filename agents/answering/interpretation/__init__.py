"""Read what a customer wants from their words, by rules: intent, entities, language, urgency, lead score (pure)."""

from agents.answering.interpretation.alarms import alarm_in, needs_no_answer, worry_in
from agents.answering.interpretation.reader import Reading, read

__all__ = ["Reading", "alarm_in", "needs_no_answer", "read", "worry_in"]
