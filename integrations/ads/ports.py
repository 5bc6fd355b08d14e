"""The port of advertising platforms: what each client can do, so that changes are made and looked up in one way."""

from abc import ABC, abstractmethod
from datetime import date, datetime, timedelta
from typing import ClassVar

from integrations.ads.types import AdAccount, Change, Figures, Limit, LogEntry
from integrations.calls.answers import Answer
from integrations.calls.runner import Client


class AdsClient(Client, ABC):
    """One ad account at a vendor without idempotency keys, whose change log says afterwards what was done."""

    vendor: ClassVar[str]
    silent: ClassVar[timedelta]
    """How long the change log has to stay silent before "nothing was logged" is taken for "nothing was done"."""

    @abstractmethod
    def get_account(self) -> Answer[AdAccount]:
        """Return the ad account with its currency and time zone."""

    @abstractmethod
    def list_figures(self, first: date, last: date, object_id: str = "") -> Answer[list[Figures]]:
        """Return the sums from the first to the last day of each ad campaign, or of the object that is named."""

    @abstractmethod
    def read_value(self, change: Change) -> Answer[str]:
        """Return the value that a change sets, as it is now and as the vendor writes it."""

    @abstractmethod
    def list_changes(self, change: Change, since: datetime) -> Answer[list[LogEntry]]:
        """Return what the change log says of a change's value since a moment, newest first."""

    @abstractmethod
    def try_change(self, change: Change) -> Answer[bool]:
        """Let the vendor check a change without making it."""

    @abstractmethod
    def make_change(self, change: Change, key: str) -> Answer[bool]:
        """Make a change once. The vendor knows no keys: ours is only for the record of calls."""

    def find_limit(self, change: Change) -> Limit | None:
        """Return until when the vendor takes no further change of a value that is limited (outside call)."""
        return None
