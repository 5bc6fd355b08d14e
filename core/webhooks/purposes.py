"""What webhooks are for: the apps that send them register the rules of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from core.http import Patience
from core.notices import register_kind
from core.registry import Registry

if TYPE_CHECKING:
    from core.models import WebhookDelivery, WebhookEndpoint

NOTICE: Final = "webhooks"
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200, 18_000, 36_000))


register_kind(NOTICE, "Webhooks", "alert")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a delivery may be sent now: yes by default, later with `until`, never with a `reason`."""

    reason: str = ""
    until: datetime | None = None


class WebhookPurpose:
    """The rules of one purpose. Its methods run in the tenant's scope and may run twice."""

    permission: ClassVar[str]
    """Who may change its endpoints, replay deliveries and get notices of failures."""
    pauses: ClassVar[tuple[timedelta, ...]] = PAUSES
    """How long it waits after each failed attempt; after the last one it is given up."""
    jitter: ClassVar[float] = 0.0
    """The part of a pause by which it may be shorter or longer, so that many do not come back at once."""
    patience: ClassVar[Patience | None] = None
    """How long an attempt may take; None for the usual time."""
    switched_off_after: ClassVar[timedelta | None] = None
    """After how long of nothing but failures an endpoint is switched off; None for never."""
    keeps_content: ClassVar[bool] = False
    """Whether bodies are kept once they are delivered, and the beginnings of answers: only what names nobody."""

    def verdict(self, delivery: WebhookDelivery, *, now: datetime) -> Verdict:
        """Return whether it may be sent; asked after the claim, right before each attempt."""
        return Verdict()

    def delivered(self, delivery: WebhookDelivery) -> None:
        """Note that the receiver has it, in the transaction that records it."""

    def failed(self, delivery: WebhookDelivery, error: str) -> None:
        """Note that it is given up, in the transaction that records it."""

    def link(self, endpoint: WebhookEndpoint) -> str:
        """Return the path of the page where the endpoint is set up, or ""."""
        return ""


PURPOSES: Final[Registry[WebhookPurpose]] = Registry(WebhookPurpose, name="webhook purpose")


def purpose_of(endpoint: WebhookEndpoint) -> WebhookPurpose:
    """Return the rules of an endpoint. Raises NotFound if no app has them."""
    return PURPOSES.get(endpoint.purpose)()
