"""Read one row that has to be there."""

from typing import Any, TypeVar

from django.db.models import QuerySet

from core.errors import NotFound

Row = TypeVar("Row")


def get_or_missing(rows: QuerySet[Any, Row], missing: str = "") -> Row:
    """Return the first of some rows. Raises `NotFound` with this sentence if there is none."""
    found = rows.first()
    if found is None:
        raise NotFound(missing)
    return found
