"""Read messages by rules: the same words give the same reading, and each point has a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.reading import words
from agents.rule_based_model.languages import foreign_language

RULES: Final = 1
"""The version of these rules; kept with each reading."""
NEWEST: Final = 6
"""Messages that are read together."""
LONGEST: Final = 2000
MOST_ENTITIES: Final = 12
MASK: Final = "•"
OTHER: Final = "other"
Factors = tuple[tuple[str, int], ...]

_AMOUNT: Final = re.compile(
    r"(?:[€$£]\s?\d[\d.,]{0,12}|\b\d[\d.,]{0,12}\s?(?:€|\$|£|eur\b|usd\b|gbp\b|chf\b|euros?\b|dollars?\b))"
)
_ENTITIES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("request", re.compile(r"\bbr-\d{1,12}\b")),
    (
        "order",
        re.compile(
            r"(?:\b(?:order|bestellung|auftrag|commande|pedido)\b[\s:.]{0,3}(?:no|nr|number|nummer|numero)?[\s:.]{0,3}#?|#)([a-z]{0,3}-?\d{3,12})\b"
        ),
    ),
    ("amount", _AMOUNT),
    ("date", re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}\.\s?\d{1,2}\.(?:\d{2,4})?|\b\d{1,2}/\d{1,2}/\d{2,4}\b")),
    (
        "day",
        re.compile(
            r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|montag|dienstag|mittwoch|donnerstag|freitag|"
            r"samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miercoles|jueves|viernes|"
            r"sabado|domingo|today|tomorrow|heute|morgen|aujourd'hui|demain|hoy|manana)\b"
        ),
    ),
)


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
    messages: Sequence[str], *, is_member: bool = False, is_proven: bool = False, waits_for_answer: int = 0
) -> Reading:
    """Return the reading of a customer's messages, oldest first and masked.

    The intent is that of the newest message that has one. Each factor counts once, however often its words are
    written. `waits_for_answer` is how many messages nobody has answered yet.
    """
    newest = [plain(text) for text in messages[-NEWEST:]]
    everything = "\n".join(newest)
    intent = next((found for text in reversed(newest) if (found := _intent(text)) not in (OTHER, "greeting")), "")
    intent = intent or (_intent(newest[-1]) if newest else OTHER)
    urgency = _urgency(everything, intent, waits_for_answer)
    lead: Factors = () if is_member else _lead(everything, intent, is_proven=is_proven)
    return Reading(
        intent=intent,
        language=_language(messages),
        entities=tuple(_entities(everything)),
        urgency=sum(points for _, points in urgency),
        urgency_factors=urgency,
        lead=sum(points for _, points in lead),
        lead_factors=lead,
    )


def plain(text: str) -> str:
    """Return the text in lower case and without accents, a long one's beginning and end."""
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    folded = unicodedata.normalize("NFKD", cut).casefold().replace("’", "'")
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def _intent(text: str) -> str:
    counts = {name: len(set(pattern.findall(text))) for name, pattern in words.INTENTS.items()}
    counts["greeting"] = (
        min(counts["greeting"], 1) if not any(counts[name] for name in counts if name != "greeting") else 0
    )
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else OTHER


def _language(messages: Sequence[str]) -> str:
    """Return the language of the newest message that tells one; "" if none does."""
    for text in reversed(messages[-NEWEST:]):
        cut = text[:LONGEST]
        found = foreign_language(cut)
        if found and found != "other":
            return found
        counts = {code: len(set(pattern.findall(plain(cut)))) for code, pattern in words.SMALL.items()}
        best = max(counts, key=lambda code: counts[code])
        if not found and counts[best] >= 2:
            return best
    return ""


def _entities(text: str) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for kind, pattern in _ENTITIES:
        for match in pattern.finditer(text):
            value = (match[1] if pattern.groups else match[0]).strip(" .,")
            if MASK not in value and len(found) < MOST_ENTITIES:
                found[kind, value.upper() if kind in ("request", "order") else value] = None
    return list(found)


def _urgency(text: str, intent: str, waits: int) -> Factors:
    factors = [
        ("harm", 50 * bool(words.HARM.search(text))),
        ("money_lost", 30 * bool(words.MONEY_LOST.search(text))),
        ("says_urgent", 20 * bool(words.URGENT_WORDS.search(text))),
        ("time_pressure", 15 * bool(words.TIME_PRESSURE.search(text))),
        ("complaint", 15 * (intent == "complaint")),
        ("wants_person", 10 * (intent == "person_wanted")),
        ("waits_long", 10 * (waits >= 3)),
    ]
    return _bounded(factors)


def _lead(text: str, intent: str, *, is_proven: bool) -> Factors:
    factors = [
        ("wants_to_buy", 35 * bool(words.BUYS.search(text))),
        ("asks_price", 20 * bool(words.INTENTS["price"].search(text))),
        ("names_quantity", 15 * bool(words.QUANTITY.search(text))),
        ("names_amount", 10 * bool(_AMOUNT.search(text))),
        ("names_time", 10 * bool(words.SOON.search(text))),
        ("compares", 5 * bool(words.COMPARES.search(text))),
        ("leaves_contact", 10 * (MASK in text)),
    ]
    if not any(points for _, points in factors):
        return ()
    factors.append(("known_customer", 5 * is_proven))
    factors.append(("wants_out", -50 * (intent in ("cancellation", "returns", "complaint"))))
    return _bounded(factors)


def _bounded(factors: Sequence[tuple[str, int]]) -> Factors:
    """Return the factors that count, with one that keeps their sum between 0 and 100."""
    kept = [(name, points) for name, points in factors if points]
    total = sum(points for _, points in kept)
    if not 0 <= total <= 100:
        kept.append(("bounded", max(0, min(100, total)) - total))
    return tuple(kept)
