"""How many marketing messages were sent by day, to one person and by the organisation."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q, Sum

from core.clock import now
from core.ids import uuid7
from core.models import SendCount
from core.reach.verdict import DAYS_AHEAD
from core.retention import remove
from core.tenancy.scope import current_tenant_id

TENANT: Final = ""
"""What stands for all of the organisation's messages."""
SHARES: Final = tuple(f"#{number}" for number in range(16))
"""The addresses of the rows over which an organisation's limit of a day is spread, so that none is locked by all."""
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
    """Return the numbers of the next days by address; the organisation's, if it has a limit, under `TENANT`."""
    found: dict[str, dict[date, int]] = {index: {} for index in (*indexes, TENANT)}
    days = (since, since + timedelta(days=DAYS_AHEAD + 1))
    rows = SendCount.objects.filter(address_index__in=[*found, *SHARES], day__range=days)
    for index, day, sent in rows.values_list("address_index", "day", "sent"):
        counted = found[TENANT if index in SHARES else index]
        counted[day] = counted.get(day, 0) + sent
    return found


def take_place(*, indexes: Collection[str], day: date, per_contact: int, per_day: int) -> None:
    """Count one message, in the caller's transaction. Raises `Full` and counts nothing if the day is full.

    It is counted for the lowest of the person's addresses; what others have, from before it was theirs, counts too.
    Without a limit of the organisation only that row is written.
    """
    lowest, most = min(indexes), per_contact
    if per_contact and (others := set(indexes) - {lowest}):
        sent = SendCount.objects.filter(address_index__in=others, day=day).aggregate(total=Sum("sent"))["total"]
        most = per_contact - (sent or 0)
        if most < 1:
            raise Full
    with transaction.atomic(), connection.cursor() as cursor:
        if per_day and not _take_share(day, per_day):
            raise Full
        cursor.execute(_TAKE, [uuid7(), current_tenant_id(), lowest, day, most, most])
        if cursor.rowcount != 1:
            raise Full


def _take_share(day: date, limit: int) -> bool:
    """Take a place in one of the shares; an UPDATE leaves full rows unlocked, so that none waits in a circle."""
    shares = list(_shares_of(limit))
    start = random.randrange(len(shares))  # noqa: S311  (which row is no secret)
    for index, most in (*shares[start:], *shares[:start]):
        rows = SendCount.objects.filter(address_index=index, day=day)
        if rows.filter(sent__lt=most).update(sent=F("sent") + 1):
            return True
        if not rows.exists():
            row = SendCount(address_index=index, day=day, sent=1)
            SendCount.objects.bulk_create([row], ignore_conflicts=True)
            if SendCount.objects.filter(pk=row.pk).exists():
                return True
    return False


def _shares_of(total: int) -> Iterator[tuple[str, int]]:
    """Yield the rows and their parts of a number, without empty ones."""
    each, rest = divmod(total, len(SHARES))
    for number, index in enumerate(SHARES):
        if part := each + (number < rest):
            yield index, part


def start_counting(since: date) -> None:
    """Begin to count the organisation's messages with those that its contacts' rows have; in the caller's transaction.

    For the moment when a limit is set. What is queued in these seconds by processes that don't know it isn't counted.
    """
    SendCount.objects.filter(address_index__in=SHARES).delete()
    rows = SendCount.objects.filter(day__gte=since).exclude(address_index=TENANT)
    totals = rows.values("day").annotate(total=Sum("sent")).values_list("day", "total")
    SendCount.objects.bulk_create(
        SendCount(address_index=index, day=day, sent=part) for day, total in totals for index, part in _shares_of(total)
    )


def prune() -> int:
    """Delete the numbers of past days; return how many. For the sweep."""
    return remove(SendCount, Q(day__lt=(now() - KEPT).date()))
