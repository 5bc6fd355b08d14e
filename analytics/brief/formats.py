"""Numbers, amounts, dates and durations formatted for each language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.utils import formats, translation

from analytics.brief.texts import TEXTS
from core.text.amounts import money_text

LONG_DATE = {"en": "l, j F", "de": "l, j. F", "fr": "l j F"}


@dataclass(frozen=True, slots=True)
class Words:
    """Texts and formats of one language."""

    language: str
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """By language, the texts of a platform's section, which come before ours."""

    def say(self, key: str, **facts: object) -> str:
        own = self.own.get(self.language) or self.own.get("en") or {}
        return (own[key] if key in own else TEXTS[self.language][key]).format(**facts)

    def count(self, key: str, count: int, **facts: object) -> str:
        """Return a text about a number of things, in singular or plural."""
        name = f"{key}_one" if count == 1 else key
        return self.say(name, count=self.number(count), **facts)

    def number(self, value: int | Decimal, places: int = 0) -> str:
        exact = Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        with translation.override(self.language):
            return formats.number_format(exact, decimal_pos=places, use_l10n=True, force_grouping=True)

    def money(self, value: Decimal, currency: str, places: int = 0) -> str:
        """Return an amount with its currency, by the language's separators."""
        return money_text(value, currency, language=self.language, places=places).replace(" ", "\u00a0")

    def day(self, day: date) -> str:
        """Return weekday, day and month."""
        with translation.override(self.language):
            return formats.date_format(day, LONG_DATE[self.language])

    def span(self, length: timedelta) -> str:
        """Return a duration in its largest unit."""
        minutes = max(1, int(length.total_seconds() // 60))
        if minutes < 90:
            return self.say("minutes", n=minutes)
        if minutes < 48 * 60:
            return self.say("hours", n=round(minutes / 60))
        return self.days(minutes // (24 * 60))

    def days(self, count: int) -> str:
        return self.say("one_day") if count == 1 else self.say("days", n=self.number(count))
