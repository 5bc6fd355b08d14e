"""Conditions in words of our own, such as `cost > 1000 or level == "critical"`: no code, no names but ours (pure)."""

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
WORDS: Final = frozenset({"and", "or", "not", "in"})
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
    r"""|(?P<word>[a-z_]{1,20})|(?P<sign>==|!=|<=|>=|<|>|\(|\)|,))""",
    re.ASCII,
)


class BadExpression(ValueError):
    """The text is not a condition; the message says where and why."""


class NotEvaluable(ValueError):
    """A fact the condition needs is not known for this request."""


@dataclass(frozen=True)
class Token:
    """One word of a condition, and where it begins."""

    type: str
    text: str
    at: int


@dataclass(frozen=True)
class Name:
    """A fact of the request."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A number or a text, or several in parentheses."""

    value: Any


@dataclass(frozen=True)
class Compare:
    """`left sign right`."""

    sign: str
    left: Name | Literal
    right: Name | Literal


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    part: Node


@dataclass(frozen=True)
class Join:
    """Several conditions: `and` needs all of them, `or` any."""

    word: str
    parts: tuple[Node, ...]


Node = Compare | Not | Join


@lru_cache(maxsize=512)
def parse(text: str) -> Node:
    """Read a condition. Raises BadExpression with a sentence for the person who wrote it."""
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"A condition has at most {MAX_LENGTH} characters.")
    parser = _Parser(list(_tokens(text)))
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
    """Descends from `or` over `and` and `not` to comparisons; never deeper than MAX_DEPTH."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> str:
        """Return the text of the next token, quotes included."""
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self) -> Token:
        """Return the next token and go on."""
        if self.at >= len(self.tokens):
            raise BadExpression("The condition ends too early.")
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, text: str) -> bool:
        """Go over the token if it is the next one."""
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def expect_end(self) -> None:
        """Refuse what is left over."""
        if self.at < len(self.tokens):
            raise BadExpression(f"“{self.peek()}” is one word too many: join conditions with and / or.")

    def either(self, depth: int) -> Node:
        """Read conditions joined by `or`."""
        return self._joined("or", self.every, depth)

    def every(self, depth: int) -> Node:
        """Read conditions joined by `and`."""
        return self._joined("and", self.negation, depth)

    def _joined(self, word: str, part: Callable[[int], Node], depth: int) -> Node:
        parts = [part(depth + 1)]
        while self.skip(word):
            parts.append(part(depth + 1))
        return parts[0] if len(parts) == 1 else Join(word, tuple(parts))

    def negation(self, depth: int) -> Node:
        """Read one condition, perhaps turned round or in parentheses."""
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
        """Read `fact sign value`."""
        left = self.operand()
        if self.skip("not"):
            if not self.skip("in"):
                raise BadExpression("After “not” comes “in” here.")
            return Not(self._membership(left))
        if self.skip("in"):
            return self._membership(left)
        sign = self.take().text
        if sign not in COMPARISONS:
            raise BadExpression(f"“{sign}” does not compare; use == != < <= > >= or in.")
        return _checked(Compare(sign, left, self.operand()))

    def operand(self) -> Name | Literal:
        """Read a fact, a number or a text."""
        token = self.take()
        if token.type == "number":
            return Literal(_decimal(token.text))
        if token.type == "text":
            return Literal(token.text[1:-1])
        if token.type == "word" and token.text in NAMES:
            return Name(token.text)
        known = ", ".join(sorted(NAMES))
        raise BadExpression(f"“{token.text}” is not a fact. Known are {known}; texts stand in quotes.")

    def _membership(self, left: Name | Literal) -> Compare:
        if self.skip("("):
            values = [self.operand()]
            while self.skip(","):
                values.append(self.operand())
            if not self.skip(")"):
                raise BadExpression("A closing parenthesis is missing.")
            if not all(isinstance(value, Literal) for value in values):
                raise BadExpression("In parentheses after “in” stand numbers or texts.")
            items = tuple(value.value for value in values if isinstance(value, Literal))
            wanted = _type_of(left)
            if wanted == "list" or any(_type_of(Literal(item)) != wanted for item in items):
                raise BadExpression("The values after “in” are of another sort than what stands before it.")
            return Compare("in", left, Literal(items))
        right = self.operand()
        if not (isinstance(right, Name) and right.name in LISTS):
            raise BadExpression('After “in” comes tags, or values such as ("a", "b").')
        if _type_of(left) != "text":
            raise BadExpression("Tags are texts.")
        return Compare("in", left, right)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadExpression(f"“{text}” is not a number.") from None


def _type_of(operand: Name | Literal) -> str:
    if isinstance(operand, Literal):
        return "number" if isinstance(operand.value, Decimal) else "text"
    if operand.name in NUMBERS:
        return "number"
    return "list" if operand.name in LISTS else "text"


def _checked(compare: Compare) -> Compare:
    left, right = _type_of(compare.left), _type_of(compare.right)
    if left != right or "list" in (left, right):
        raise BadExpression("Numbers are compared with numbers and texts with texts; tags take “in”.")
    if left == "text" and compare.sign not in ("==", "!="):
        raise BadExpression("Texts are equal or not: use ==, != or in.")
    return compare


def holds(node: Node, facts: Mapping[str, Any]) -> bool:
    """Tell whether the condition is true of the facts. Raises NotEvaluable when one is not known.

    Every part is looked at: an unknown fact never hides behind one that happens to be true.
    """
    if isinstance(node, Join):
        results = [holds(part, facts) for part in node.parts]
        return all(results) if node.word == "and" else any(results)
    if isinstance(node, Not):
        return not holds(node.part, facts)
    left, right = _value(node.left, facts), _value(node.right, facts)
    return left in right if node.sign == "in" else COMPARISONS[node.sign](left, right)


def _value(operand: Name | Literal, facts: Mapping[str, Any]) -> Any:
    if isinstance(operand, Literal):
        return operand.value
    value = facts.get(operand.name)
    if value is None or (operand.name in NUMBERS and not isinstance(value, Decimal | int)):
        raise NotEvaluable(f"{operand.name} is not known")
    return value


def names_in(node: Node) -> frozenset[str]:
    """Return the facts the condition asks for."""
    if isinstance(node, Join):
        return frozenset().union(*(names_in(part) for part in node.parts))
    if isinstance(node, Not):
        return names_in(node.part)
    return frozenset(side.name for side in (node.left, node.right) if isinstance(side, Name))
