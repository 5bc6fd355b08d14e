"""What an error tells people is said in their words, not in ours."""

import ast
import re
from collections.abc import Iterator

from core import errors
from tests.structure.source import product

NAMES = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.WalkerError)}
OURS = re.compile(r"\b(origins?|parked|doors?|fences?|leases?|replay|actors?|out of shape|payloads?|enum|null)\b", re.I)
# Said to programs only, as the name of what is wrong with a value.
CODES = {"unknown", "personal data", "not JSON", "too large", "unknown: "}


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the words in an expression, those around the holes of an f-string included."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def raised() -> Iterator[tuple[str, ast.Call]]:
    for source in product():
        for call in source.calls():
            if isinstance(call.func, ast.Name) and call.func.id in NAMES:
                yield f"{source.path}:{call.lineno}", call


def fields_of(call: ast.Call) -> Iterator[ast.AST]:
    """Yield what is said of single values."""
    for keyword in call.keywords:
        if keyword.arg == "fields" and isinstance(keyword.value, ast.Dict):
            yield from (value for value in keyword.value.values if isinstance(value, ast.List))


def test_errors_use_no_words_of_ours() -> None:
    said = [
        (place, text) for place, call in raised() for part in [*call.args, *fields_of(call)] for text in texts(part)
    ]
    assert [each for each in said if OURS.search(each[1])] == []


def test_what_is_wrong_with_a_value_is_a_sentence() -> None:
    said = [(place, next(texts(part), "")) for place, call in raised() for part in fields_of(call)]
    assert [each for each in said if each[1][:1].islower() and each[1] not in CODES] == []
