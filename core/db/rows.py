"""Read one row that has to be there, and move one among those that have an order."""

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from core.errors import NotFound
from core.tenancy.models import TenantModel

Row = TypeVar("Row")
M = TypeVar("M", bound=TenantModel)


def get_or_missing(rows: QuerySet[Any, Row], missing: str = "") -> Row:
    """Return the first of some rows. Raises `NotFound` with this sentence if there is none."""
    found = rows.first()
    if found is None:
        raise NotFound(missing)
    return found


def get_row(model: type[M], key: UUID, missing: str = "", **wanted: object) -> M:
    """Return the row with an id. Raises `NotFound` as `get_or_missing`, also if it doesn't match `wanted`."""
    found: M = get_or_missing(model.objects.filter(pk=key, **wanted), missing)
    return found


def move_row(row: TenantModel, *, up: bool) -> None:
    """Move a row one place up or down among the tenant's by their `position`; at the end nothing changes.

    The caller holds the lock of this order until the commit.
    """
    rows = type(row).objects.order_by("position", "id")
    order = list(rows.values_list("pk", flat=True))
    place = order.index(row.pk)
    order.insert(max(0, place + (-1 if up else 1)), order.pop(place))
    for position, pk in enumerate(order):
        rows.filter(pk=pk).exclude(position=position).update(position=position)
    row.refresh_from_db()
