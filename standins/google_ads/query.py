"""The query language of Google Ads, as far as the product needs it.

`SELECT … FROM … [WHERE … AND …] [ORDER BY …] [LIMIT n]`, with the operators =, !=, <, <=, >, >=, IN, NOT IN, BETWEEN,
DURING and LIKE. After Google's grammar of the language; errors are those of `QueryErrorEnum`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from standins.google_ads.errors import Fault, Refused

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<mark><=|>=|!=|=|<|>|\(|\)|,)|(?P<word>[A-Za-z0-9_.\-:]+))"
)
COMPARE: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}
FIELD = re.compile(r"[a-z_]+(\.[a-z0-9_]+)+")


@dataclass(frozen=True)
class Condition:
    """A condition of WHERE."""

    field: str
    operator: str
    values: tuple[str, ...]

    def holds(self, value: object) -> bool:
        """Tell whether a value meets it; numbers are compared as numbers."""
        if self.operator in ("IN", "NOT IN"):
            return (str(value) in self.values) == (self.operator == "IN")
        if self.operator == "LIKE":
            pattern = ".*".join(re.escape(part) for part in self.values[0].split("%"))
            return re.fullmatch(pattern, str(value), re.IGNORECASE) is not None
        if self.operator == "BETWEEN":
            return _order(value, self.values[0]) >= 0 and _order(value, self.values[1]) <= 0
        return COMPARE[self.operator](_order(value, self.values[0]))


@dataclass(frozen=True)
class Query:
    """A query that could be read."""

    fields: tuple[str, ...]
    resource: str
    conditions: tuple[Condition, ...]
    orders: tuple[tuple[str, bool], ...]
    limit: int | None

    def named(self) -> set[str]:
        """Return all fields that it names."""
        return {*self.fields, *(one.field for one in self.conditions), *(name for name, _ in self.orders)}


def query_error(name: str, message: str) -> Refused:
    """Return an error of a query."""
    return Refused(400, Fault("queryError", name, message))


class Reader:
    """The tokens of a query, read one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            match = TOKEN.match(text, place)
            if match is None:
                raise query_error("BAD_SYMBOL", f"Error in query: unexpected input at {place}.")
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind][1:-1] if kind == "text" else match[kind]))
            place = match.end()

    def is_next(self, *words: str) -> bool:
        """Tell whether the next tokens are these words."""
        following = [token[1].upper() for token in self._tokens[: len(words)] if token[0] != "text"]
        return following == list(words)

    def skip(self, *words: str) -> bool:
        """Read these words if they are next."""
        found = self.is_next(*words)
        if found:
            del self._tokens[: len(words)]
        return found

    def take(self) -> str:
        """Read the next token."""
        if not self._tokens:
            raise query_error("UNEXPECTED_END_OF_QUERY", "Error in query: unexpected end.")
        return self._tokens.pop(0)[1]

    def take_field(self) -> str:
        """Read the name of a field."""
        name = self.take()
        if not FIELD.fullmatch(name):
            raise query_error("BAD_FIELD_NAME", f"Error in query: '{name}' is no field.")
        return name

    @property
    def is_done(self) -> bool:
        """Tell whether all was read."""
        return not self._tokens


def parse_query(text: str, today: date) -> Query:
    """Return a query; raises an error with the name of what is wrong."""
    reader = Reader(text)
    if not reader.skip("SELECT"):
        raise query_error("EXPECTED_SELECT", "Error in query: expected SELECT.")
    fields = [reader.take_field()]
    while reader.skip(","):
        fields.append(reader.take_field())
    if not reader.skip("FROM"):
        raise query_error("EXPECTED_FROM", "Error in query: expected FROM.")
    resource, conditions, orders, limit = reader.take(), [], [], None
    if reader.skip("WHERE"):
        conditions.append(_condition(reader, today))
        while reader.skip("AND"):
            conditions.append(_condition(reader, today))
    if reader.skip("ORDER", "BY"):
        orders.append(_ordering(reader))
        while reader.skip(","):
            orders.append(_ordering(reader))
    if reader.skip("LIMIT"):
        given = reader.take()
        if not given.isdigit() or int(given) < 1:
            raise query_error("BAD_LIMIT_VALUE", "Error in query: LIMIT must be a positive number.")
        limit = int(given)
    if not reader.is_done:
        raise query_error("UNEXPECTED_INPUT", f"Error in query: unexpected input {reader.take()}.")
    return Query(tuple(fields), resource, tuple(conditions), tuple(orders), limit)


def _ordering(reader: Reader) -> tuple[str, bool]:
    name = reader.take_field()
    is_falling = reader.skip("DESC")
    if not is_falling:
        reader.skip("ASC")
    return name, is_falling


def _condition(reader: Reader, today: date) -> Condition:
    name = reader.take_field()
    operator = "NOT IN" if reader.skip("NOT", "IN") else reader.take().upper()
    if operator in ("IN", "NOT IN"):
        if not reader.skip("("):
            raise query_error("EXPECTED_LIST", "Error in query: expected a list.")
        values = [reader.take()]
        while reader.skip(","):
            values.append(reader.take())
        if not reader.skip(")"):
            raise query_error("EXPECTED_LIST", "Error in query: the list has no end.")
        return Condition(name, operator, tuple(values))
    if operator == "BETWEEN":
        first = reader.take()
        if not reader.skip("AND"):
            raise query_error("EXPECTED_AND", "Error in query: expected AND.")
        return Condition(name, operator, (first, reader.take()))
    if operator == "DURING":
        return Condition(name, "BETWEEN", _during(reader.take().upper(), today))
    if operator not in (*COMPARE, "LIKE"):
        raise query_error("BAD_OPERATOR", f"Error in query: unknown operator {operator}.")
    return Condition(name, operator, (reader.take(),))


def _during(name: str, today: date) -> tuple[str, str]:
    yesterday, month = today - timedelta(1), today.replace(day=1)
    spans = {
        "TODAY": (today, today),
        "YESTERDAY": (yesterday, yesterday),
        "THIS_MONTH": (month, today),
        "LAST_MONTH": ((month - timedelta(1)).replace(day=1), month - timedelta(1)),
        **{f"LAST_{days}_DAYS": (today - timedelta(days), yesterday) for days in (7, 14, 30)},
    }
    if name not in spans:
        raise query_error("INVALID_VALUE_WITH_DURING_OPERATOR", f"Error in query: {name} is no period.")
    return spans[name][0].isoformat(), spans[name][1].isoformat()


def _order(value: object, given: str) -> int:
    """Return -1, 0 or 1; a day stands for its first moment where it is compared with a time."""
    if isinstance(value, bool):
        return int(str(value).lower() != given.lower())
    if isinstance(value, int | float):
        try:
            number = float(given)
        except ValueError:
            raise query_error("BAD_NUMBER", f"Error in query: {given} is no number.") from None
        return (value > number) - (value < number)
    text = str(value)
    return (text > given) - (text < given)
