"""The rows of consumers: where each started, and up to where nothing is left to look for in any tenant."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import connection

from core.bus.positions import BEGINNING, HORIZON, NOBODY, SYSTEM, Position
from core.bus.subscriptions import Subscription

# By hand, as in `positions`.
_READ: Final = f"select name, xid::text, event_id, system <> {SYSTEM} from core_busconsumer where name = any(%s)"
_MAKE: Final = f"""
insert into core_busconsumer (name, start_xid, xid, event_id, system)
select %s, start, start, %s, {SYSTEM} from (select case when %s then '0'::xid8 else {HORIZON} end as start) at
on conflict (name) do nothing
"""
# What another worker moves at this moment is left to it: no statement waits, and two can't wait for each other.
_MOVE: Final = """
update core_busconsumer set xid = %s::xid8, event_id = %s where name in (
  select name from core_busconsumer where name = any(%s) and (xid, event_id) < (%s::xid8, %s::uuid)
  for update skip locked)
"""


class Mark(NamedTuple):
    """The position of a consumer over all tenants; `is_foreign` if it is of another database cluster."""

    position: Position
    is_foreign: bool


def read_marks(consumers: Sequence[Subscription]) -> dict[str, Mark]:
    """Return the marks of consumers; one without a row gets it."""
    wanted = {each.name: each for each in consumers}
    found = _read(list(wanted))
    missing = wanted.keys() - found.keys()
    if not missing:
        return found
    with connection.cursor() as cursor:
        for name in sorted(missing):
            cursor.execute(_MAKE, [name, NOBODY, wanted[name].start == "beginning"])
    return _read(list(wanted))


def _read(wanted: list[str]) -> dict[str, Mark]:
    with connection.cursor() as cursor:
        cursor.execute(_READ, [wanted])
        return {name: Mark(Position(xid, event_id), foreign) for name, xid, event_id, foreign in cursor.fetchall()}


def move_marks(consumers: Sequence[str], position: Position) -> None:
    """Move marks on; never back, as another worker may be further."""
    if not consumers or position == BEGINNING:
        return
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [*position, list(consumers), *position])
