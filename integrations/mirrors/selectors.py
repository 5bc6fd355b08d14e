"""Read the mirror of a connection's ad campaigns, without any outside call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import F

from core.actors import Actor
from integrations import platforms
from integrations.calls.rights import VIEW
from integrations.mirrors.services import AD_CAMPAIGNS
from integrations.models import MirroredAdCampaign, ProviderAccount, SyncCursor

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class MirrorState:
    """The ad campaigns of a connection as they were read last, and how their reading goes.

    `cursor` is None before the first reading; `more` says that there are further ones.
    """

    cursor: SyncCursor | None
    rows: Sequence[MirroredAdCampaign]
    more: bool

    def seen_at(self, row: MirroredAdCampaign) -> datetime:
        """Return when an ad campaign was seen last: a reading that finds nothing changed writes no rows."""
        last = self.cursor.last_success_at if self.cursor and row.gone_at is None else None
        return max(row.seen_at, last or row.seen_at)


def find_mirror(*, viewer: Actor, connection: ProviderAccount) -> MirrorState | None:
    """Return the mirror of a connection, None if its system has none. Two queries.

    Those that are no longer there come last. Needs `integrations.view_connection`.
    """
    viewer.require(VIEW)
    if connection.provider not in platforms.mirrored():
        return None
    cursor = SyncCursor.objects.filter(connection=connection, stream=AD_CAMPAIGNS).first()
    rows = MirroredAdCampaign.objects.filter(connection=connection)
    found = list(rows.order_by(F("gone_at").asc(nulls_first=True), "name", "id")[: MOST + 1])
    return MirrorState(cursor, found[:MOST], len(found) > MOST)
