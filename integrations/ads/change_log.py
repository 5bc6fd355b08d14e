"""What a platform's change log says of a value: which change is ours, and what it replaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from integrations.ads.ports import AdsClient
from integrations.ads.types import Change, LogEntry
from integrations.calls.answers import Answer

SKEW: Final = timedelta(seconds=5)
"""How far the vendor's clock may be behind ours; its times may have no fractions of seconds either."""


@dataclass(frozen=True)
class History:
    """The changes of one value since a moment, newest first."""

    vendor: str
    entries: Sequence[LogEntry]

    def find_ours(self, change: Change) -> LogEntry | None:
        """Return our newest change to the value that was wanted."""
        return next(
            (one for one in self.entries if one.is_ours and one.field == change.field and one.new == change.new), None
        )

    def overwritten(self, change: Change, ours: LogEntry) -> str:
        """Return a sentence about a change of somebody else that ours replaced; "" if it replaced what was approved."""
        if ours.old == change.old:
            return ""
        earlier = self.entries[list(self.entries).index(ours) + 1 :]
        other = next((one for one in earlier if one.field == ours.field and one.new == ours.old), None)
        who = f"{other.who or 'somebody'} at {other.at:%H:%M:%S} UTC" if other else "somebody in the same seconds"
        before = "just before Walker's change replaced it"
        return f"{self.vendor}'s change log says that the value was changed by {who}, {before}."


def read_history(client: AdsClient, change: Change, since: datetime) -> Answer[list[LogEntry]]:
    """Return the rows of the log about a change's value since a moment (outside call)."""
    return client.list_changes(change, since - SKEW)
