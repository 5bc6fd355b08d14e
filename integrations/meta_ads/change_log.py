"""What Meta's change log says of a value: who changed it when, how often within the hour, and which change is ours.

Meta names no time after which its log is complete. Five minutes are ours: the log has to be silent for that long before
"nothing was logged" is taken for "nothing was done".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from core.clock import now
from integrations.calls.answers import Answer, Ok
from integrations.meta_ads.client import MetaAdsClient
from integrations.meta_ads.types import Change, LogEntry

SILENT: Final = timedelta(minutes=5)
SKEW: Final = timedelta(seconds=5)
"""How far the vendor's clock may be behind ours; its times have no fractions of seconds either."""
HOUR: Final = timedelta(hours=1)
CHANGES_AN_HOUR: Final = 4


@dataclass(frozen=True)
class History:
    """The changes of one value since a moment, newest first."""

    entries: Sequence[LogEntry]

    def find_ours(self, change: Change) -> LogEntry | None:
        """Return our newest change to the value that was wanted."""
        return next(
            (one for one in self.entries if one.is_ours and one.field == change.field and one.new == change.new), None
        )

    def find_before(self, ours: LogEntry) -> LogEntry | None:
        """Return the change that ours replaced, if it is in the log."""
        place = list(self.entries).index(ours)
        return next((one for one in self.entries[place + 1 :] if one.field == ours.field and one.new == ours.old), None)

    def overwritten(self, change: Change, ours: LogEntry) -> str:
        """Return a sentence about a change of somebody else that ours replaced; "" if it replaced what was approved."""
        if ours.old == change.old:
            return ""
        other = self.find_before(ours)
        who = f"{other.who or 'somebody'} at {other.at:%H:%M:%S} UTC" if other else "somebody in the same seconds"
        return f"Meta's change log says that the value was changed by {who}, just before Walker's change replaced it."


def read_history(client: MetaAdsClient, change: Change, since: datetime) -> Answer[list[LogEntry]]:
    """Return the rows of the log about a change's value since a moment (outside call)."""
    return client.list_changes(change.object, change.field, since - SKEW, settings.META_ADS_APP_ID)


def budget_changes(client: MetaAdsClient, ad_set: str) -> list[datetime] | None:
    """Return when an ad set's budget was changed in the last hour, the oldest first; None if it can't be read."""
    since = now() - HOUR
    answer = client.list_changes(ad_set, "daily_budget", since, settings.META_ADS_APP_ID)
    if not isinstance(answer, Ok):
        return None
    return sorted(one.at for one in answer.value if one.at > since)


def next_change(changes: Sequence[datetime]) -> datetime | None:
    """Return when an ad set's budget may be changed again, None if it may be now."""
    if len(changes) < CHANGES_AN_HOUR:
        return None
    return changes[-CHANGES_AN_HOUR] + HOUR + SKEW
