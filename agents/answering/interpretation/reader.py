"""Read messages by rules: the same words give the same reading, and each point has a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.answering.interpretation.entities import find_entities
from agents.answering.interpretation.intents import intent_of
from agents.answering.interpretation.scores import Factors, lead_of, urgency_of
from agents.answering.interpretation.words import Text
from core.text.languages import language_of_talk

RULES: Final = 3
"""The version of these rules; kept with each reading."""
NEWEST: Final = 6
"""Messages that are read together."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a customer seems to want, and how much it matters; urgency and lead are sums of their factors' points."""

    intent: str
    language: str
    entities: tuple[tuple[str, str], ...]
    urgency: int
    urgency_factors: Factors
    lead: int
    lead_factors: Factors

    def as_document(self) -> dict[str, object]:
        """Return what is kept beside the columns."""
        return {
            "rules": RULES,
            "entities": [{"kind": kind, "text": text} for kind, text in self.entities],
            "urgency": [{"name": name, "points": points} for name, points in self.urgency_factors],
            "lead": [{"name": name, "points": points} for name, points in self.lead_factors],
        }


def read(
    messages: Sequence[str],
    *,
    language: str = "",
    is_member: bool = False,
    is_proven: bool = False,
    waits_for_answer: int = 0,
) -> Reading:
    """Return the reading of a customer's messages, oldest first and masked.

    The intent is that of the newest message that has one. Each factor counts once, however often its words are
    written. `language` is the one they were in so far, which stays where none of them tells; `waits_for_answer` is how
    many messages nobody has answered yet.
    """
    lines = [Text.of(text) for text in messages[-NEWEST:]]
    intent = intent_of(lines)
    entities = find_entities(lines)
    urgency = urgency_of(lines, intent, waits_for_answer=waits_for_answer)
    lead = () if is_member else lead_of(lines, intent, entities, is_proven=is_proven)
    return Reading(
        intent=intent,
        language=language_of_talk(messages[-NEWEST:], language),
        entities=entities,
        urgency=sum(points for _, points in urgency),
        urgency_factors=urgency,
        lead=sum(points for _, points in lead),
        lead_factors=lead,
    )
