"""Reply windows: when the owner of an address last wrote to one of our numbers."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from core.ids import uuid7
from core.models import ReplyWindow, SendCount
from core.tenancy.scope import current_tenant_id

# By hand: one statement that never moves a window back, however late or often a message is delivered.
_NOTE: Final = """
insert into core_replywindow (id, tenant_id, address_index, line, wrote_at) values (%s, %s, %s, %s, %s)
on conflict (tenant_id, address_index, line)
do update set wrote_at = excluded.wrote_at where core_replywindow.wrote_at < excluded.wrote_at
"""


def note_inbound(*, address_index: str, line: UUID, at: datetime) -> None:
    """Open the window of an address: its owner wrote to this number. Older messages don't shorten it."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [uuid7(), current_tenant_id(), address_index, line, at])


def last_written(indexes: Iterable[str], lines: Iterable[UUID] | None) -> dict[tuple[str, UUID], datetime]:
    """Return when the owners of addresses last wrote to these numbers, or to any with None. One query."""
    rows = ReplyWindow.objects.filter(address_index__in=list(indexes))
    if lines is not None:
        rows = rows.filter(line__in=list(lines))
    return {(index, line): at for index, line, at in rows.values_list("address_index", "line", "wrote_at")}


def erase(indexes: Iterable[str]) -> None:
    """Delete the windows and numbers of addresses; the ledger stays, so that nobody writes to them again."""
    wanted = list(indexes)
    ReplyWindow.objects.filter(address_index__in=wanted).delete()
    SendCount.objects.filter(address_index__in=wanted).delete()
