"""The kinds of facts, and what a value of each may look like (pure)."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from core.privacy.pii import find, mask_text, mask_value
from core.privacy.visible_text import without_hidden

LONGEST: Final = 60
SEVERAL: Final = 3
MULTIPLE: Final = frozenset({"product_interest", "order_number"})
"""Kinds of which up to three are current; of any other there is one."""
NAMES: Final = frozenset({"preferred_name", "company", "product_interest"})
NUMBERS: Final = frozenset({"customer_number", "order_number"})
CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "language": {
        "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
        "nl": "Dutch", "da": "Danish", "no": "Norwegian", "sv": "Swedish", "pl": "Polish", "tr": "Turkish",
    },
    "preferred_channel": {
        "email": "Email", "phone": "Phone", "whatsapp": "WhatsApp", "sms": "SMS", "chat": "Chat",
    },
    "delivery_preference": {
        "pickup": "Picks it up", "home": "At home", "work": "At work", "parcel_locker": "Parcel locker",
        "parcel_shop": "Parcel shop", "neighbour": "With a neighbour", "morning": "In the morning",
        "afternoon": "In the afternoon", "evening": "In the evening", "weekend": "At the weekend",
    },
}  # fmt: skip
"""Values of the kinds that know all of theirs."""
CURRENCIES: Final = ("EUR", "USD", "GBP", "CHF")

_AMOUNT = r"\d[\d.,' ]{0,14}"
_BUDGET = re.compile(rf"(?:up to )?{_AMOUNT}(?:–{_AMOUNT})?(?: (?:{'|'.join(CURRENCIES)}))?")
_NUMBER = re.compile(r"[A-Z]{0,5}[-/#]?\d[\dA-Z/-]{1,18}")
_NAME = re.compile(r"[^\W\d_][^\W\d_'’.-]*(?:['’.-][^\W\d_]+)*(?: [^\W\d_][^\W\d_'’.-]*(?:['’.-][^\W\d_]+)*){0,2}")
_WORDS = re.compile(r"[^\W_][\w&.'’+/-]*(?: [\w&.'’+/-]+){0,5}")
_ORDERS = re.compile(
    r"\b(?:admin\w*|root|owner|operator|system\w*|prompts?|instruct\w*|instrucci\w*|anweis\w*|ignor\w*|approv\w*|"
    r"genehmig\w*|approuv\w*|aprob\w*|aprueb\w*|autori[sz]\w*|allow\w*|permission\w*|permiso\w*|rights?|verif\w*|"
    r"manager\w*|supervisor|boss|staff|support|employee\w*|mitarbeiter\w*|colleague\w*|kolleg\w*|rules?|regeln?|"
    r"r[èe]gles?|reglas?|requests?|passwor[dt]\w*|always|never|must|immer|niemals|toujours|jamais|siempre|nunca|"
    r"remember|forget|assistant|models?|bots?|agents?|override|bypass|budgets?|refund\w*)\b",
    re.IGNORECASE,
)
"""Words of someone who wants to be more than a customer, or wants something done: no name has them."""
_NO_NAMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday today tomorrow later back soon montag dienstag mittwoch "
    "donnerstag freitag samstag sonntag heute morgen später sie dich euch you lundi mardi mercredi jeudi vendredi "
    "samedi dimanche demain lunes martes miércoles jueves viernes sábado domingo mañana not nicht pas no crazy".split()
)
_ARTICLES = re.compile(
    r"^(?:the|a|an|your|this|that|these|some|die|der|das|den|ein|eine|einen|ihre?n?|diesen?|la|le|les|l'|un|une|des|"
    r"votre|vos|el|los|las|una|su|sus|este|esta)\s+",
    re.IGNORECASE,
)
_NOT_A_NUMBER: Final = frozenset({"card", "iban", "email", "ip", "national_id", "url"})


def clean_value(kind: str, text: str) -> str:
    """Return a value as it is stored, or "" if it is none of this kind.

    It is short and of one line; a kind with choices takes their codes only.
    """
    value = unicodedata.normalize("NFKC", without_hidden(text)).replace("’", "'")
    value = " ".join(value.split()).strip(" .,-")
    if not value or len(value) > LONGEST:
        return ""
    if kind in CHOICES:
        return value.lower() if value.lower() in CHOICES[kind] else ""
    if kind in NUMBERS:
        value = value.upper().lstrip("#")
        is_foreign = any(finding.kind in _NOT_A_NUMBER for finding in find(value))
        return value if _NUMBER.fullmatch(value) and sum(map(str.isdigit, value)) > 1 and not is_foreign else ""
    if kind == "budget_range":
        return value if _BUDGET.fullmatch(value) else ""
    if kind not in NAMES or find(value) or _ORDERS.search(value):
        return ""
    if kind == "preferred_name":
        is_name = _NAME.fullmatch(value) and not _NO_NAMES & set(value.casefold().split())
        return value if is_name and len(value) > 1 else ""
    if kind == "product_interest":
        value = _ARTICLES.sub("", value)
    return value if _WORDS.fullmatch(value) and any(map(str.isalpha, value)) and len(value) > 1 else ""


def shown_value(kind: str, value: str) -> str:
    """Return a value as people read it."""
    return CHOICES.get(kind, {}).get(value, value)


def mask_fact(kind: str, value: str) -> str:
    """Return the masked twin of a value."""
    if kind == "preferred_name":
        return mask_value("name", value)
    if kind == "customer_number":
        return f"•••{value[-2:]}"
    if kind == "order_number":
        # With the word before it, its digits are not taken for a telephone number.
        return mask_text(f"order {value}").removeprefix("order ")
    return mask_text(shown_value(kind, value))
