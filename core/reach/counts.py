"""How many marketing messages were sent by day, to one address and by the organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from core.clock import now
from core.ids import uuid7
from core.models import SendCount
from core.reach.verdict import DAYS_AHEAD
from core.retention import BATCH, remove
from core.tenancy.scope import current_tenant_id

TENANT: Final = ""
"""The address of the row that counts all of the organisation's messages."""
KEPT: Final = timedelta(days=3)
# By hand: counting and the limit are one statement, so that two workers never both take the last place.
_TAKE: Final = """
insert into core_sendcount (id, tenant_id, address_index, day, sent) values (%s, %s, %s, %s, 1)
on conflict (tenant_id, address_index, day)
do update set sent = core_sendcount.sent + 1 where %s = 0 or core_sendcount.sent < %s
"""


class Full(Exception):
    """Someone else took the last place of the day."""


def sent_on(indexes: Sequence[str], since: date) -> Mapping[str, Mapping[date, int]]:
    """Return the numbers of the next days by address, the organisation's under `TENANT`. One query."""
    wanted = [*dict.fromkeys(indexes), TENANT]
    found: dict[str, dict[date, int]] = {index: {} for index in wanted}
    days = (since, since + timedelta(days=DAYS_AHEAD + 1))
    rows = SendCount.objects.filter(address_index__in=wanted, day__range=days)
    for index, day, sent in rows.values_list("address_index", "day", "sent"):
        found[index][day] = sent
    return found


def take_place(*, address_index: str, day: date, per_contact: int, per_day: int) -> None:
    """Count one message, in the caller's transaction. Raises `Full` and counts nothing if the day is full."""
    with transaction.atomic(), connection.cursor() as cursor:
        for index, limit in ((TENANT, per_day), (address_index, per_contact)):
            cursor.execute(_TAKE, [uuid7(), current_tenant_id(), index, day, limit, limit])
            if cursor.rowcount != 1:
                raise Full


def prune(*, limit: int = BATCH) -> int:
    """Delete the numbers of past days; return how many. For the sweep."""
    return remove(SendCount, Q(day__lt=(now() - KEPT).date()), limit=limit)
