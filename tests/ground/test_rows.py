"""Tables as one test: no row is left out because another one failed."""

import pytest

from tests.rows import check_rows


def _small(number: int) -> None:
    assert number < 3


def test_all_rows_that_fail_are_named() -> None:
    with pytest.raises(AssertionError) as failed:
        check_rows([1, 5, 2, 7], _small)
    said = str(failed.value)
    assert said.startswith("2 of 4 rows fail:\n5: AssertionError")
    assert "\n7: AssertionError" in said


def test_row_that_breaks_counts_as_failed_and_the_next_is_tried() -> None:
    with pytest.raises(AssertionError, match="2 of 2 rows fail"):
        check_rows(["x", "y"], int)


def test_table_without_rows_fails() -> None:
    with pytest.raises(AssertionError, match="no row"):
        check_rows([], _small)


def test_rows_that_pass_say_nothing() -> None:
    check_rows([1, 2], _small)
