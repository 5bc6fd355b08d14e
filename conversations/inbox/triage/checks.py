"""What conditions of rules over conversations share: words, and why one is never met, such as an hour of 25."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from conversations.models import ChannelAccount, Conversation, Team
from core.expressions import COMPARISONS, Compare, Join, Literal, Name, Node, Not
from core.reach import channels
from core.working_time import DAYS

HIGHEST: Final = {"hour": 23, "urgency": 100, "lead": 100, "confidence": 100}
WORD: Final = re.compile(r"\w+")
MOST_WORDS: Final = 400
Values = Mapping[str, Callable[[], Collection[str]]]
"""What reads the values that a fact can have, by its name."""


def words_in(text: str) -> tuple[str, ...]:
    """Return the words of a message in lower case, for conditions; of a long one its first 400."""
    return tuple(word.lower() for word in WORD.findall(text)[:MOST_WORDS])


def condition_problem(node: Node, values: Values | None = None) -> str:
    """Return why a part of a condition is never met, or "". `values` adds facts to those of triage.

    At most two queries, beside those of `values`.
    """
    return next((problem for part in _comparisons(node) if (problem := _problem_of_part(part, values or {}))), "")


def _comparisons(node: Node) -> Iterator[Compare]:
    if isinstance(node, Compare):
        yield node
    elif isinstance(node, Not):
        yield from _comparisons(node.part)
    elif isinstance(node, Join):
        for part in node.parts:
            yield from _comparisons(part)


def _problem_of_part(part: Compare, more: Values) -> str:
    fact = part.left if isinstance(part.left, Name) else part.right
    value = part.right if isinstance(part.left, Name) else part.left
    if not isinstance(fact, Name) or not isinstance(value, Literal):
        return ""
    if fact.name in HIGHEST:
        return _problem_of_number(part, fact.name)
    said = value.value if isinstance(value.value, tuple) else (value.value,)
    if fact.name == "words":
        unfit = [one for one in said if one != one.lower() or not WORD.fullmatch(one)]
        return f"“{unfit[0]}” is never among the words: write a single word in lower case." if unfit else ""
    values = more[fact.name]() if fact.name in more else _known(fact.name)
    if part.sign not in ("==", "in") or values is None:
        return ""
    unknown = [one for one in said if one not in values]
    if not unknown:
        return ""
    choices = ", ".join(sorted(filter(None, values))[:20])
    return f"{fact.name} is never “{unknown[0]}”. {f'Use {choices}.' if choices else 'There is none yet.'}"


def _problem_of_number(part: Compare, name: str) -> str:
    """Return that no number from 0 on, up to the fact's highest, meets a comparison."""

    def is_met(number: int) -> bool:
        left: Any = part.left.value if isinstance(part.left, Literal) else Decimal(number)
        right: Any = part.right.value if isinstance(part.right, Literal) else Decimal(number)
        return left in right if part.sign == "in" else COMPARISONS[part.sign](left, right)

    if any(is_met(number) for number in range(HIGHEST[name] + 1)):
        return ""
    return f"This is never met: {name} is a whole number from 0 to {HIGHEST[name]}."


def _known(name: str) -> Collection[str] | None:
    """Return the values that a fact can have; None where any text can be one."""
    if name == "account":
        return set(ChannelAccount.objects.values_list("name", flat=True))
    if name == "earlier_team":
        return {"", *Team.objects.values_list("name", flat=True)}
    fixed: dict[str, Collection[str]] = {
        "channel": dict(channels.kinds()),
        "weekday": DAYS,
        "verified": ("yes", "no"),
        "working_hours": ("yes", "no"),
        "intent": ("", *Conversation.Intent.values),
    }
    return fixed.get(name)
