"""A small language for conditions, such as `cost > 1000 or level == "critical"` (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

MAX_LENGTH: Final = 500
MAX_DEPTH: Final = 12
MAX_TOKENS: Final = 120

NUMBERS: Final = frozenset({"cost", "share", "reach", "risk", "hour", "spent"})
TEXTS: Final = frozenset({"currency", "level", "kind", "channel", "agent", "weekday"})
LISTS: Final = frozenset({"tags"})
NAMES: Final = NUMBERS | TEXTS | LISTS
FIELD: Final = "field_"
"""What the names of custom fields begin with."""


@dataclass(frozen=True)
class Vocabulary:
    """The facts that conditions of one kind can use, by type."""

    numbers: frozenset[str]
    texts: frozenset[str]
    lists: frozenset[str]
    calls: frozenset[str] = frozenset()
    """Names of numbers that take values in parentheses, such as `p95("first_answer", 1)`."""
    takes_fields: bool = False
    """Whether every name of a custom field is a fact: of the type that it is compared with."""

    @property
    def names(self) -> frozenset[str]:
        """Return the names of all facts."""
        return self.numbers | self.texts | self.lists | self.calls

    def has(self, name: str) -> bool:
        """Return True for the name of a fact, and for that of a custom field where any can be one."""
        return name in self.names or (self.takes_fields and len(name) > len(FIELD) and name.startswith(FIELD))


REQUESTS: Final = Vocabulary(NUMBERS, TEXTS, LISTS, takes_fields=True)
"""Facts of requests, for workflows."""
COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>\d{1,12}(?:\.\d{1,6})?)|(?P<text>"[^"\\]{0,80}"|'[^'\\]{0,80}')"""
    r"""|(?P<word>[a-z_][a-z0-9_]{0,39})|(?P<sign>==|!=|<=|>=|<|>|\(|\)|,))""",
    re.ASCII,
)


class BadExpression(ValueError):
    """The text is not a valid condition; the message says where and why."""


class NotEvaluable(ValueError):
    """A fact in the condition is unknown for this request."""


@dataclass(frozen=True)
class Token:
    """A token of a condition, and its position."""

    type: str
    text: str
    at: int


@dataclass(frozen=True)
class Name:
    """A fact of the request."""

    name: str


@dataclass(frozen=True)
class Call:
    """A number that takes values. The module that measures it checks them."""

    name: str
    values: tuple[Decimal | str, ...]

    def __str__(self) -> str:
        """Return it as it is written in a condition."""
        words = (f'"{value}"' if isinstance(value, str) else format(value, "f") for value in self.values)
        return f"{self.name}({', '.join(words)})"


@dataclass(frozen=True)
class Literal:
    """A number or a text, or several in parentheses."""

    value: Any


@dataclass(frozen=True)
class Compare:
    """`left sign right`."""

    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    part: Node


@dataclass(frozen=True)
class Join:
    """Conditions joined by `and` or `or`."""

    word: str
    parts: tuple[Node, ...]


Operand = Name | Call | Literal
Node = Compare | Not | Join


@lru_cache(maxsize=512)
def parse(text: str, vocabulary: Vocabulary = REQUESTS) -> Node:
    """Parse a condition over the facts of a vocabulary. Raises BadExpression with a sentence for its author."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"Use at most {MAX_LENGTH} characters for a condition.")
    parser = _Parser(list(_tokens(text)), vocabulary)
    node = parser.either(0)
    parser.expect_end()
    return node


def _tokens(text: str) -> Iterator[Token]:
    at, count = 0, 0
    stripped = text.rstrip()
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if found is None or found.lastgroup is None:
            raise BadExpression(f"“{stripped[at:].strip()[:12]}” is not understood.")
        count += 1
        if count > MAX_TOKENS:
            raise BadExpression("The condition is too long.")
        yield Token(found.lastgroup, found.group(found.lastgroup), found.start(found.lastgroup))
        at = found.end()


class _Parser:
    """A recursive descent parser, never deeper than MAX_DEPTH."""

    def __init__(self, tokens: list[Token], vocabulary: Vocabulary) -> None:
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.at = 0

    def peek(self) -> str:
        """Return the text of the next token, quotes included."""
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self) -> Token:
        """Consume and return the next token."""
        if self.at >= len(self.tokens):
            raise BadExpression("The condition ends too early.")
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, text: str) -> bool:
        """Consume the token if it is the next one; return True if it was."""
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def expect_end(self) -> None:
        """Raise BadExpression if tokens are left."""
        if self.at < len(self.tokens):
            raise BadExpression(f"“{self.peek()}” is unexpected. Join conditions with and / or.")

    def either(self, depth: int) -> Node:
        """Parse conditions joined by `or`."""
        return self._joined("or", self.every, depth)

    def every(self, depth: int) -> Node:
        """Parse conditions joined by `and`."""
        return self._joined("and", self.negation, depth)

    def _joined(self, word: str, part: Callable[[int], Node], depth: int) -> Node:
        parts = [part(depth + 1)]
        while self.skip(word):
            parts.append(part(depth + 1))
        return parts[0] if len(parts) == 1 else Join(word, tuple(parts))

    def negation(self, depth: int) -> Node:
        """Parse one condition, perhaps negated or in parentheses."""
        if depth > MAX_DEPTH * 3:
            raise BadExpression("The condition has too many parentheses.")
        if self.skip("not"):
            return Not(self.negation(depth + 1))
        if self.skip("("):
            inner = self.either(depth + 1)
            if not self.skip(")"):
                raise BadExpression("A closing parenthesis is missing.")
            return inner
        return self.comparison()

    def comparison(self) -> Node:
        """Parse `fact sign value`."""
        left = self.operand()
        if self.skip("not"):
            if not self.skip("in"):
                raise BadExpression("Write “in” after “not” here.")
            return Not(self._membership(left))
        if self.skip("in"):
            return self._membership(left)
        sign = self.take().text
        if sign not in COMPARISONS:
            raise BadExpression(f"“{sign}” is not a comparison. Use == != < <= > >= or in.")
        return self._checked(Compare(sign, left, self.operand()))

    def operand(self) -> Operand:
        """Parse a fact, a number or a text."""
        token = self.take()
        if token.type == "number":
            try:
                return Literal(Decimal(token.text))
            except InvalidOperation:
                raise BadExpression(f"“{token.text}” is not a number.") from None
        if token.type == "text":
            return Literal(token.text[1:-1])
        if token.type == "word" and token.text in self.vocabulary.calls:
            if not self.skip("("):
                raise BadExpression(f"Write values in parentheses after “{token.text}”.")
            return Call(token.text, self._literals(token.text))
        if token.type == "word" and self.vocabulary.has(token.text):
            return Name(token.text)
        known = ", ".join(sorted(self.vocabulary.names))
        raise BadExpression(f"“{token.text}” is not a fact. Use {known}; put texts in quotes.")

    def _literals(self, before: str) -> tuple[Any, ...]:
        """Parse the rest of values in parentheses."""
        values = [self.operand()]
        while self.skip(","):
            values.append(self.operand())
        if not self.skip(")"):
            raise BadExpression("A closing parenthesis is missing.")
        if not all(isinstance(value, Literal) for value in values):
            raise BadExpression(f"Write numbers or texts in parentheses after “{before}”.")
        return tuple(value.value for value in values if isinstance(value, Literal))

    def _membership(self, left: Operand) -> Compare:
        if self.skip("("):
            items = self._literals("in")
            wanted = self._type_of(left)
            if wanted == "field":
                wanted = self._type_of(Literal(items[0]))
            if wanted == "list" or any(self._type_of(Literal(item)) != wanted for item in items):
                raise BadExpression("The values after “in” have another type than the fact before it.")
            return Compare("in", left, Literal(items))
        right = self.operand()
        if not (isinstance(right, Name) and right.name in self.vocabulary.lists):
            raise BadExpression('Write tags after “in”, or values such as ("a", "b").')
        if self._type_of(left) != "text":
            raise BadExpression("Tags are texts.")
        return Compare("in", left, right)

    def _type_of(self, operand: Operand) -> str:
        if isinstance(operand, Call):
            return "number"
        if isinstance(operand, Literal):
            return "number" if isinstance(operand.value, Decimal) else "text"
        if operand.name in self.vocabulary.numbers:
            return "number"
        if operand.name in self.vocabulary.lists:
            return "list"
        return "text" if operand.name in self.vocabulary.texts else "field"

    def _checked(self, compare: Compare) -> Compare:
        left, right = self._type_of(compare.left), self._type_of(compare.right)
        if "field" in (left, right):
            if not isinstance(compare.right if left == "field" else compare.left, Literal):
                raise BadExpression("Compare a custom field with a number or a text.")
            left = right = right if left == "field" else left
        if left != right or "list" in (left, right):
            raise BadExpression("Compare numbers with numbers and texts with texts; use “in” for tags.")
        if left == "text" and compare.sign not in ("==", "!="):
            raise BadExpression("Texts can only be equal or not: use ==, != or in.")
        return compare


def holds(node: Node, facts: Mapping[Any, Any], optional: frozenset[str] = frozenset()) -> bool:
    """Return True if the facts meet the condition.

    Raises NotEvaluable for an unknown fact. Every part is evaluated, so that an unknown fact is never hidden by a
    part that is true. Some facts may be unknown: no comparison with an `optional` one that is None holds.
    """
    if isinstance(node, Join):
        results = [holds(part, facts, optional) for part in node.parts]
        return all(results) if node.word == "and" else any(results)
    if isinstance(node, Not):
        return not holds(node.part, facts, optional)
    sides = [side.name for side in (node.left, node.right) if isinstance(side, Name)]
    if any(name in optional and facts.get(name) is None for name in sides):
        return False
    left, right = _value(node.left, facts), _value(node.right, facts)
    if any(name.startswith(FIELD) for name in sides):
        others = right if isinstance(right, tuple) else (right,)
        if any(isinstance(one, str) != isinstance(left, str) for one in others):
            raise NotEvaluable("a custom field is of another kind")
    return left in right if node.sign == "in" else COMPARISONS[node.sign](left, right)


def holds_if_known(node: Node, facts: Mapping[Any, Any], optional: frozenset[str] = frozenset()) -> bool | None:
    """Return whether facts meet the condition, None where that depends on one that is None and isn't `optional`."""
    if isinstance(node, Join):
        results = [holds_if_known(part, facts, optional) for part in node.parts]
        settles = node.word == "or"
        return settles if settles in results else None if None in results else not settles
    if isinstance(node, Not):
        inner = holds_if_known(node.part, facts, optional)
        return None if inner is None else not inner
    asked = [_key(side) for side in (node.left, node.right) if not isinstance(side, Literal)]
    is_unknown = any(facts.get(key) is None and key not in optional for key in asked)
    return None if is_unknown else holds(node, facts, optional)


def _key(operand: Name | Call) -> str | Call:
    return operand.name if isinstance(operand, Name) else operand


def _value(operand: Operand, facts: Mapping[Any, Any]) -> Any:
    if isinstance(operand, Literal):
        return operand.value
    value = facts.get(_key(operand))
    if value is None or (operand.name in NUMBERS and not isinstance(value, Decimal | int)):
        raise NotEvaluable(f"{operand.name} is unknown")
    return value


def names_in(node: Node) -> frozenset[str]:
    """Return the names of the facts in a condition, without those that take values."""
    return frozenset(side.name for side in _sides(node) if isinstance(side, Name))


def calls_in(node: Node) -> frozenset[Call]:
    """Return the numbers in a condition that take values."""
    return frozenset(side for side in _sides(node) if isinstance(side, Call))


def _sides(node: Node) -> Iterator[Operand]:
    if isinstance(node, Join):
        for part in node.parts:
            yield from _sides(part)
    elif isinstance(node, Not):
        yield from _sides(node.part)
    else:
        yield from (node.left, node.right)
