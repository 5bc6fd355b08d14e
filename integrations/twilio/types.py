"""What became of a message that was handed to Twilio."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """Twilio has the message."""

    sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Twilio does not have the message, for sure."""

    code: str
    permanent: bool
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether Twilio has the message: look before sending it again."""

    code: str


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message that Twilio has."""

    sid: str
    body: str = field(repr=False)
    created_at: datetime | None
