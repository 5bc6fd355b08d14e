"""Ways to reach an approver outside the app, which higher apps register."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from uuid import UUID

from core.registry import Registry

IN_APP: Final = "in_app"
"""The console itself, which needs no delivery."""
EMAIL: Final = "email"
"""The channel that memberships switch on and off."""
TITLES: Final = {
    "approval_opened": "needs your approval",
    "approval_reminder": "still needs your approval",
    "approval_escalated": "was escalated to you",
    "approval_answered": "has an answer to your question",
    "approval_stuck": "is stuck and needs attention",
    "approval_overridden": "was decided in an emergency",
    "approval_delegated": "was delegated to you and needs your approval",
    "request_info_requested": "needs an answer from you",
    "request_returned": "was sent back to you for changes",
    "request_drifted": "has to be approved again because conditions changed",
    "request_unknown": "was approved, but its outcome is unknown",
    "request_executed": "was executed",
    "request_failed": "was approved, but couldn't be executed",
    "request_rejected": "was rejected",
    "request_expired": "has expired",
    "request_cancelled": "was cancelled",
}
"""What each notification says after the reference of its request."""
ASKS: Final = frozenset(
    {"approval_opened", "approval_reminder", "approval_answered", "approval_escalated", "approval_delegated"}
)
"""The notifications that ask for a decision; their emails may include a decision link."""


MAX_ATTEMPTS: Final = 5
"""After this many failures a notification becomes a failed job, unless its notifier finds another way."""


@dataclass(frozen=True)
class Delivery:
    """The result of one attempt to send a notification; `retry` says that another may help."""

    sent: bool
    provider: str = ""
    provider_message_id: str = ""
    response: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    retry: bool = False
    retry_after: int = 0
    """Seconds that the provider asked to wait before another attempt."""


class Notifier(ABC):
    """Sends notifications of one channel, such as `email`; the id of the row is the idempotency key.

    People's settings, quiet hours, the limit per hour, retries and failed jobs are the same for every channel and not
    its concern. A channel with `gathers` also sends what waited as one message; without it, one by one. `has_links`
    and `has_buttons` say what its messages can hold.
    """

    label: ClassVar[str] = ""
    has_links: ClassVar[bool] = True
    has_buttons: ClassVar[bool] = False
    gathers: ClassVar[bool] = False

    @abstractmethod
    def notify(self, notification_id: UUID) -> Delivery:
        """Send a notification (outside call, in the tenant's scope, never inside a transaction).

        An exception counts as a failure that can be retried.
        """

    def notify_together(self, digest_id: UUID, notification_ids: Sequence[UUID]) -> Delivery:
        """Send what waited for a person as one message; `digest_id` is the idempotency key.

        As `notify`; only for channels that gather. Notifications that are no longer needed are left out, and tracked
        as skipped.
        """
        raise NotImplementedError

    def people_who_can_read_mail(self) -> Collection[UUID]:
        """Return everyone who ever had the credentials of the sending account, and so can read its mail."""
        return ()


notifiers: Final[Registry[Notifier]] = Registry(Notifier, name="notifier")  # type: ignore[type-abstract]


def register(channel: str, notifier: type[Notifier]) -> None:
    """Register a channel. Raises TypeError for a class that is not a notifier."""
    notifiers.register(channel, notifier)


def channels() -> list[tuple[str, str]]:
    """Return the channels outside the app with their labels, in order."""
    return sorted((name, found.label or name.replace("_", " ").capitalize()) for name, found in notifiers.items())


def people_who_can_read_mail() -> set[UUID]:
    """Return the people who could use a link in someone else's mail."""
    return {person for _, notifier in notifiers.items() for person in notifier().people_who_can_read_mail()}
