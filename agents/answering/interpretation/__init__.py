"""Read what a customer wants from their words, by rules: intent, entities, language, urgency, lead score (pure)."""

from agents.answering.interpretation.reader import Reading, read

__all__ = ["Reading", "read"]
