"""How lists are written: as a table that no spreadsheet executes, or as JSON lines."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any, ClassVar, Final, Literal

Format = Literal["csv", "jsonl"]
_EXECUTED: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Spreadsheets take a cell that begins with one of these for a formula; the last four are the wide forms."""
_BEFORE: Final = ("\t", "\r", "\n")
# Each sign that divides the cells in some reader's country; numbers stay as they are.
_FORMULA: Final = re.compile(
    r"(^|[,;|\t\r\n])(\"?[^\S\r\n]{0,20})(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
    r"(?![+-]?\d[\d., ]{0,40}%?\"?(?:[,;|\t\r\n]|$))"
)


class Csv:
    """A table with a heading, in UTF-8 with the mark by which spreadsheets recognise it."""

    content_type: ClassVar[str] = "text/csv; charset=utf-8"

    def head(self, columns: Sequence[str]) -> bytes:
        """Return the mark and the heading."""
        return b"\xef\xbb\xbf" + _written(columns)

    def line(self, values: Mapping[str, Any]) -> bytes:
        """Return one row."""
        return _written(safe_cell(value) for value in values.values())

    def note(self, text: str, columns: Sequence[str]) -> bytes:
        """Return a row with the text in its first cell."""
        return _written([text, *("" for _ in columns[1:])])


class JsonLines:
    """One JSON object a line."""

    content_type: ClassVar[str] = "application/x-ndjson"

    def head(self, columns: Sequence[str]) -> bytes:
        """Return nothing: each line names its columns."""
        return b""

    def line(self, values: Mapping[str, Any]) -> bytes:
        """Return one object."""
        return json.dumps(values, ensure_ascii=False).encode() + b"\n"

    def note(self, text: str, columns: Sequence[str]) -> bytes:
        """Return an object with the text as `note`."""
        return self.line({"note": text})


Shape = Csv | JsonLines
FORMATS: Final[dict[Format, Shape]] = {"csv": Csv(), "jsonl": JsonLines()}


def safe_cell(value: Any) -> str:
    """Return the text of a cell; what a spreadsheet would execute begins with an apostrophe, numbers never."""
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = "; ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    is_executed = text.startswith(_BEFORE) or text.lstrip().startswith(_EXECUTED)
    return f"'{text}" if is_executed else text


def safe_table(text: str) -> str:
    """Return a table that somebody else wrote, with an apostrophe before what a spreadsheet would execute."""
    return _FORMULA.sub(r"\1\2'", text)


def _written(cells: Iterable[str]) -> bytes:
    line = StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
