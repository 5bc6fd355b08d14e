"""Tables of cases as one test: every row is tried, and every row that fails is named."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Row = TypeVar("Row")


def check_rows(rows: Iterable[Row], check: Callable[[Row], object], *, named: Callable[[Row], str] = repr) -> None:
    """Run a check for each row, and fail with all rows that fail it and what each one says."""
    tried, failed = 0, []
    for row in rows:
        tried += 1
        try:
            check(row)
        except Exception as problem:  # noqa: BLE001  (the next row is tried whatever is wrong with this one)
            failed.append(f"{named(row)}: {type(problem).__name__}: {problem}")
    assert tried, "there is no row to check"
    assert not failed, f"{len(failed)} of {tried} rows fail:\n" + "\n".join(failed)
