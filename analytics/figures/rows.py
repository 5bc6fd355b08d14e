"""Add to the rows of hours and days."""

from itertools import chain
from typing import Any, Final

from django.db import connection

from analytics.figures.counts import Increments
from core.ids import uuid7
from core.tenancy.scope import current_tenant_id

BATCH: Final = 5000
"""Rows of one statement: half a year is a dozen of them. COPY is refused on tables with row-level security."""
# Raw SQL: the ORM has no upsert that adds to a stored value.
_ADD: Final = """
insert into analytics_figure{level} as f
  (id, tenant_id, metric, dimension, {level}, value, bucket, currency, n, total)
select row.id, %s, row.metric, row.dimension, row.at, row.value, row.bucket, row.currency, row.n, row.total
from unnest(%s::uuid[], %s::text[], %s::text[], %s::{type}[], %s::text[], %s::smallint[], %s::text[], %s::bigint[],
  %s::numeric[]) as row (id, metric, dimension, at, value, bucket, currency, n, total)
on conflict (tenant_id, metric, dimension, {level}, value, bucket, currency)
do update set n = f.n + excluded.n, total = f.total + excluded.total
"""
_TYPES: Final = {"hour": "timestamptz", "day": "date"}


def add(hours: Increments, days: Increments) -> None:
    """Add to the tenant's rows in the caller's transaction, which has to be the one that marks the events as counted.

    Rows are locked in the order of their index, first hours and then days, so that two writers can't deadlock.
    """
    _add("hour", hours)
    _add("day", days)


def _add(level: str, rows: Increments) -> None:
    tenant_id = current_tenant_id()
    ordered = sorted(rows)
    with connection.cursor() as cursor:
        for first in range(0, len(ordered), BATCH):
            batch = ordered[first : first + BATCH]
            values: list[Any] = [tenant_id, [uuid7() for _ in batch]]
            columns = zip(*(chain(row, rows[row]) for row in batch), strict=True)
            values += [list(column) for column in columns]
            cursor.execute(_ADD.format(level=level, type=_TYPES[level]), values)
