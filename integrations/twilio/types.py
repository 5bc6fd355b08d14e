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
    """Twilio certainly does not have the message; `text` and `status` are its own words and HTTP status."""

    code: str
    permanent: bool
    retry_after: int | None = None
    text: str = field(default="", repr=False, compare=False)
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Twilio may have the message: check before sending it again."""

    code: str
    status: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message that Twilio has."""

    sid: str
    body: str = field(repr=False)
    created_at: datetime | None
