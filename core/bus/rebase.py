"""Positions after a restore into another database cluster, whose transactions have other numbers.

There the numbers stored with events may be higher than any of its own for a long time, or the same by chance. So each
tenant's events get small numbers, which no cluster gives to transactions: how many of the tenant's
consumers have yet to read the event, counted from behind. What each consumer had read stays read, and the rest follows
in the order of ids.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from core.bus.consumers import read_marks
from core.bus.positions import NOBODY, SYSTEM
from core.bus.subscriptions import subscriptions
from core.db.roles import allow_long_statements
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope, tenant_scope

log = get_logger(__name__)

LAST: Final = UUID(int=(1 << 128) - 1)
MOST_CONSUMERS: Final = 500
"""Below the first number that a new cluster gives to a transaction of ours."""
SKEW: Final = timedelta(seconds=1)

# By hand, as in `positions`.
_TENANTS: Final = "select distinct tenant_id from core_streamevent where version is not null"
_MAKE_ALL: Final = """
insert into core_buscursor (id, tenant_id, consumer, xid, event_id, system, moved_at, tries)
select gen_random_uuid(), %s, name, start_xid, %s, system, to_timestamp(0), 0 from core_busconsumer
on conflict (tenant_id, consumer) do nothing
"""
_CURSORS: Final = f"""
select id, xid::text, event_id, moved_at from core_buscursor where tenant_id = %s and system <> {SYSTEM}
order by core_buscursor.xid, event_id, consumer for update
"""
_NUMBER: Final = """
update core_streamevent set xid = case when id > %s then %s else {read} end::text::xid8
where tenant_id = %s and version is not null
"""
_PLACE: Final = f"update core_buscursor set xid = %s::xid8, event_id = %s, system = {SYSTEM} where id = %s"
_RESTART: Final = f"update core_busconsumer set start_xid = '0', xid = '0', event_id = %s, system = {SYSTEM}"


def rebase() -> None:
    """Place all cursors in the numbers of this cluster. Safe to repeat, also after half of it."""
    log.warning("bus_restarts_after_restore")
    with platform_scope(), connection.cursor() as cursor:  # ids of tenants, no row of anyone
        cursor.execute(_TENANTS)
        tenants = [tenant_id for (tenant_id,) in cursor.fetchall()]
    for tenant_id in tenants:
        with tenant_scope(tenant_id), transaction.atomic():
            allow_long_statements()
            _rebase_tenant(tenant_id)
    with connection.cursor() as cursor:
        cursor.execute(_RESTART, [NOBODY])
    read_marks(subscriptions())


def _rebase_tenant(tenant_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_ALL, [tenant_id, NOBODY])
        cursor.execute(_CURSORS, [tenant_id])
        found = cursor.fetchall()
        if not found:
            return
        if len(found) > MOST_CONSUMERS:
            raise RuntimeError(f"{len(found)} consumers are too many")
        # What was written since the restore came after everything that any of them had read.
        newest = UUID(int=int((max(moved_at for _, _, _, moved_at in found) + SKEW).timestamp() * 1000) << 80)
        # How many of the cursors an event lies behind of.
        read = " + ".join(["((xid, id) > (%s::xid8, %s::uuid))::int"] * len(found))
        values = [value for _, xid, event_id, _ in found for value in (xid, event_id)]
        cursor.execute(_NUMBER.format(read=read), [newest, len(found), *values, tenant_id])
        for number, (key, *_) in enumerate(found):
            cursor.execute(_PLACE, [str(number), LAST, key])
