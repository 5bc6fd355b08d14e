"""Show facts and values of a request as people read them: names, not ids; amounts with a currency (pure)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.privacy.visible_text import visible
from core.text.amounts import money_text

NAMED_BY: Final = ("{}_name", "slug", "title", "name")
"""Where the name of what `…_id` points to is found, the most reliable first."""
_QUANTITY: Final = re.compile(r"(\d[\d,]{0,18}(?:\.\d{1,6})?)((?:\s?[^\d\s]+)?)")
_AMOUNT: Final = re.compile(r"-?\d{1,15}\.\d{2}")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its label, its value in words and, in small print, its id."""

    label: str
    value: str
    note: str = ""


def readable(facts: Mapping[str, Any]) -> list[Fact]:
    """Return facts for a page: the subject of the request first, the rest by name."""
    names = {key: name for key in facts if (name := _naming(key, facts))}
    currency = str(facts.get("currency") or "")
    shown = {*names, *names.values()}
    if any(is_amount(value) for value in facts.values()):
        shown.add("currency")
    about = [
        Fact(words_of(key.removesuffix("_id")), plain(facts[name]), plain(facts[key])) for key, name in names.items()
    ]
    others = sorted(key for key, value in facts.items() if key not in shown and not isinstance(value, dict))
    return [*about, *(Fact(words_of(key), plain(facts[key], currency)) for key in others)]


def facts_beside(preview: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts without a text that the preview already shows."""
    body = preview.get("body")
    return {key: value for key, value in facts.items() if not (body and visible(str(value)) == body)}


def known_names(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the things whose ids are among the facts, by id."""
    found = {key: _naming(key, facts) for key in facts}
    return {str(facts[key]): plain(facts[name]) for key, name in found.items() if name}


def plain(value: Any, currency: str = "") -> str:
    """Return a value in words; amounts in the given currency."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return visible(", ".join(str(part) for part in value)) or "–"
    if currency and is_amount(value):
        return money_text(Decimal(value), currency)
    return "–" if value in (None, "") else visible(str(value))


def is_amount(value: Any) -> bool:
    """Return True for money, which facts carry as text with two decimals."""
    return isinstance(value, str) and bool(_AMOUNT.fullmatch(value))


def factor_of(before: str, after: str) -> str:
    """Return by how much an amount or a number with a unit is multiplied: "12.4 times as much"; "" for all else."""
    found = [_QUANTITY.fullmatch(text or "") for text in (before, after)]
    if not all(found):
        return ""
    (was, unit), (becomes, other) = (match.groups() for match in found if match)
    first, second = Decimal(was.replace(",", "")), Decimal(becomes.replace(",", ""))
    # A bare whole number may be an id.
    if unit != other or min(first, second) <= 0 or first == second or not (unit or "." in was):
        return ""
    times = second / first
    rough = f"{times:,.1f}"
    shown = f"{times:.2f}" if times < Decimal("0.1") or rough == "1.0" else rough
    return "" if shown == "1.00" else f"{shown} times as much"


def words_of(key: str) -> str:
    """Return the label of a field."""
    return key.replace("_", " ").capitalize()


def _naming(key: str, facts: Mapping[str, Any]) -> str:
    """Return the fact that names what an id points to; "" if it is no id or has no name."""
    stem = key.removesuffix("_id")
    if stem == key or not stem:
        return ""
    wanted = (name.format(stem) for name in NAMED_BY)
    return next((name for name in wanted if facts.get(name)), "")
