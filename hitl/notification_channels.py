"""Ways to reach an approver outside the app, which higher apps register."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from core.registry import Registry

IN_APP: Final = "in_app"
"""The console itself, which needs no delivery."""


@dataclass(frozen=True)
class Delivery:
    """What became of one try to send a notification; `retry` says that trying again may help."""

    sent: bool
    provider: str = ""
    provider_message_id: str = ""
    response: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    retry: bool = False


class Notifier(ABC):
    """Sends notifications of one channel, such as `email`; the id of the row is the idempotency key."""

    @abstractmethod
    def notify(self, notification_id: UUID) -> Delivery:
        """Send it (outside call, in the tenant's scope, never inside a transaction).

        An exception counts as a failure that may be tried again.
        """

    def keepers(self) -> Collection[UUID]:
        """Return who ever held the secrets of the account that messages leave by: he may read them."""
        return ()


notifiers: Final[Registry[Notifier]] = Registry(Notifier, name="notifier")  # type: ignore[type-abstract]


def register(channel: str, notifier: type[Notifier]) -> None:
    """Offer a channel; raises `TypeError` for a class that is not a notifier."""
    notifiers.register(channel, notifier)
