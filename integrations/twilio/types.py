"""What Twilio lists of the messages that it has."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message that Twilio has."""

    sid: str
    body: str = field(repr=False)
    created_at: datetime | None
