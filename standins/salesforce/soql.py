"""The query language of the sandbox Salesforce: one object, conditions, an order and a limit."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_]\w*)|(?P<sign><=|>=|!=|<>|[=<>(),]))"
)
ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}
Row = Mapping[str, Any]
Condition = Callable[[Row], bool]


class Malformed(ValueError):
    """The query can't be read."""


@dataclass(frozen=True)
class Query:
    """A query that was read; no `fields` count the rows."""

    fields: tuple[str, ...]
    of: str
    meets: Condition
    order: tuple[tuple[str, bool], ...]
    limit: int | None
    named: frozenset[str]

    def rows_of(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows that are asked for, in their order."""
        found = [row for row in rows if self.meets(row)]
        for name, is_down in reversed(self.order):
            found.sort(key=lambda row: (row[name] is not None, row[name] or ""), reverse=is_down)
        return found if self.limit is None else found[: self.limit]


def parse(text: str) -> Query:
    """Return a query; raises `Malformed`."""
    return _Reader(text).read()


class _Reader:
    """Reads a query from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.named: set[str] = set()
        place = 0
        while place < len(text.rstrip()):
            found = TOKEN.match(text, place)
            if found is None or found.lastgroup is None:
                raise Malformed(f"unexpected token: {text[place : place + 10]!r}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def read(self) -> Query:
        self.expect("SELECT")
        fields: list[str] = []
        if self.takes("COUNT"):
            self.expect("(")
            self.expect(")")
        else:
            fields = self.list_of(self.name)
            if len({name.lower() for name in fields}) < len(fields):
                raise Malformed("duplicate field selected")
        self.expect("FROM")
        of, limit = self.word(), None
        meets: Condition = _always
        order: list[tuple[str, bool]] = []
        if self.takes("WHERE"):
            meets = self.conditions()
        if self.takes("ORDER"):
            self.expect("BY")
            order = self.list_of(self.ordered)
        if self.takes("LIMIT"):
            limit = int(self.next("number"))
        if self.tokens:
            raise Malformed(f"unexpected token: {self.tokens[0][1]!r}")
        return Query(tuple(fields), of, meets, tuple(order), limit, frozenset(self.named))

    def conditions(self) -> Condition:
        """Read conditions that are joined by AND alone or by OR alone; others need brackets."""
        found = [self.condition()]
        joint = next((word for word in ("AND", "OR") if self.is_next(word)), "")
        while joint and self.takes(joint):
            found.append(self.condition())
        if joint == "OR":
            return lambda row: any(meets(row) for meets in found)
        return lambda row: all(meets(row) for meets in found)

    def condition(self) -> Condition:
        if self.takes("NOT"):
            inner = self.condition()
            return lambda row: not inner(row)
        if self.takes("("):
            inside = self.conditions()
            self.expect(")")
            return inside
        name, is_without = self.name(), self.takes("NOT")
        if is_without or self.is_next("IN"):
            self.expect("IN")
            self.expect("(")
            among = self.list_of(self.value)
            self.expect(")")
            return lambda row: any(_is_same(row[name], one) for one in among) != is_without
        sign = self.next("sign")
        wanted = self.value()
        if sign in ("=", "!=", "<>"):
            return lambda row: _is_same(row[name], wanted) == (sign == "=")
        if sign not in COMPARED or wanted is None:
            raise Malformed(f"unexpected token: {sign!r}")
        return lambda row: row[name] is not None and _compare(sign, row[name], wanted)

    def ordered(self) -> tuple[str, bool]:
        name = self.name()
        return name, not self.takes("ASC") and self.takes("DESC")

    def name(self) -> str:
        found = self.word()
        self.named.add(found)
        return found

    def word(self) -> str:
        return self.next("word")

    def value(self) -> Any:
        kind, text = self.tokens.pop(0) if self.tokens else ("", "the end")
        match kind, text.lower():
            case "text", _:
                return re.sub(r"\\(.)", lambda found: ESCAPED.get(found[1], found[1]), text[1:-1])
            case "moment", _:
                return datetime.fromisoformat(text)
            case "number", _:
                return float(text)
            case "word", ("true" | "false" | "null") as said:
                return {"true": True, "false": False, "null": None}[said]
        raise Malformed(f"unexpected token: {text!r}")

    def list_of(self, read: Callable[[], Any]) -> list[Any]:
        found = [read()]
        while self.takes(","):
            found.append(read())
        return found

    def is_next(self, word: str) -> bool:
        return bool(self.tokens) and self.tokens[0][0] != "text" and self.tokens[0][1].upper() == word

    def takes(self, word: str) -> bool:
        if not self.is_next(word):
            return False
        self.tokens.pop(0)
        return True

    def expect(self, word: str) -> None:
        if not self.takes(word):
            raise Malformed(f"expecting {word!r}")

    def next(self, kind: str) -> str:
        if not self.tokens or self.tokens[0][0] != kind:
            raise Malformed(f"expecting a {kind}")
        return self.tokens.pop(0)[1]


def _always(row: Row) -> bool:
    return True


def _is_same(found: Any, wanted: Any) -> bool:
    """Compare as the vendor does: moments as such, texts without regard to capitals."""
    if isinstance(found, str) and isinstance(wanted, datetime):
        return datetime.fromisoformat(found) == wanted
    if isinstance(found, str) and isinstance(wanted, str):
        return found.lower() == wanted.lower()
    return bool(found == wanted)


def _compare(sign: str, found: Any, wanted: Any) -> bool:
    there = datetime.fromisoformat(found) if isinstance(wanted, datetime) else found
    if not isinstance(wanted, type(there)):
        raise Malformed("the value doesn't fit the field")
    return COMPARED[sign](there, wanted)
