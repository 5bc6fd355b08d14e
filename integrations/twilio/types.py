"""Outcomes of sending a message through Twilio."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """Twilio has the message."""

    sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Twilio certainly does not have the message."""

    code: str
    permanent: bool
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Twilio may have the message: check before sending it again."""

    code: str


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message that Twilio has."""

    sid: str
    body: str = field(repr=False)
    created_at: datetime | None
