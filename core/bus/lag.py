"""How far consumers are behind, and what may hold them back."""

from typing import Final

from django.db import connection

from core.db import replica
from core.observability import health
from core.tenancy.scope import platform_scope

LATE: Final = 60.0

# By hand, as in `positions`: the oldest event behind the mark over all tenants, and behind each cursor that waits for
# another try. Each is one look at an index.
_OLDEST: Final = """
select extract(epoch from now() - least(
  (select e.created_at from core_streamevent e
   where e.version is not null and (e.xid, e.id) > (%s::xid8, %s::uuid) order by e.xid, e.id limit 1),
  (select min(next.created_at) from core_buscursor c cross join lateral (
     select e.created_at from core_streamevent e
     where e.tenant_id = c.tenant_id and e.version is not null and (e.xid, e.id) > (c.xid, c.event_id)
     order by e.xid, e.id limit 1) next
   where c.consumer = %s and c.retry_at is not null)))
"""
_MARK: Final = "select xid::text, event_id from core_busconsumer where name = %s"
_OPEN: Final = """
select coalesce(max(extract(epoch from now() - xact_start)), 0) from pg_stat_activity
where backend_xid is not null and pid <> pg_backend_pid()
"""


def seconds_behind(consumer: str) -> float:
    """Return the age of the oldest event that a consumer has not taken, over all tenants; 0 if it has all."""
    with replica.connection().cursor() as cursor:
        cursor.execute(_MARK, [consumer])
        mark = cursor.fetchone()
        if mark is None:
            return 0.0
        with platform_scope():  # an age, no row of anyone
            cursor.execute(_OLDEST, [*mark, consumer])
        (seconds,) = cursor.fetchone()
    return max(0.0, float(seconds or 0))


def oldest_transaction() -> float:
    """Return for how long the oldest writing transaction is open that this role may see: consumers wait for it."""
    with connection.cursor() as cursor:  # on a replica nobody writes
        cursor.execute(_OPEN)
        return float(cursor.fetchone()[0])


def register_gauge_of(consumer: str) -> None:
    """Show how far a consumer is behind."""
    health.register_gauge(
        "walker_bus_lag_seconds",
        lambda: seconds_behind(consumer),
        help="Age of the oldest event that a consumer has not taken yet.",
        late_above=LATE,
        label=("consumer", consumer),
    )


health.register_gauge(
    "walker_oldest_transaction_seconds",
    oldest_transaction,
    help="Age of the oldest open transaction that writes; consumers of events wait for it.",
    late_above=LATE,
)
