"""Read what a customer wants from their words, by rules: intent, entities, language, urgency, lead score (pure)."""

from agents.reading.reader import Reading, read

__all__ = ["Reading", "read"]
