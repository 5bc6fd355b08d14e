"""The port through which mail leaves: what is sent, how that ends, and who hears what became of it."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from integrations.mail.progress import What


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with a name, as a From line shows it."""

    address: str = field(repr=False)
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, ready to leave."""

    delivery_id: UUID
    type: str
    sender: Mailbox
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    reply_to: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tracks_opens: bool = False
    tracks_clicks: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider has the mail."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider does not have the mail, for sure; `counts` is False when it was not even asked."""

    code: str
    permanent: bool
    retry_after: int | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the provider has the mail: it is not sent again by itself."""

    code: str


Outcome = Taken | Rejected | Unknown
Told = What | Literal["spam", "unsubscribed"]


class MailSender(ABC):
    """Speaks to one provider. Never raises for what the outside does."""

    provider: ClassVar[str]

    @abstractmethod
    def send(self, mail: Mail) -> Outcome:
        """Hand over one mail, once, within a time limit."""


@dataclass(frozen=True, slots=True)
class MailEvent:
    """Something that became of a mail, told to those who registered for its type."""

    delivery_id: UUID
    type: str
    ref: UUID | None
    user_id: UUID | None
    what: Told
    at: datetime
    error: str = ""
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Belongs:
    """What a mail belongs to, as the list of mails shows it: in words and, where it has one, its page."""

    words: str
    url: str = ""


class MailReceiver(ABC):
    """Hears of the mails of a type, in the tenant's scope and in the transaction that moves the row.

    Each thing is told once per mail, except "spam" and "unsubscribed", which may be told again.
    Raising undoes the move, and the report is worked again later.
    """

    # The provider puts a picture into the mail, or rewrites its links, only where somebody listens.
    tracks_opens: ClassVar[bool] = False
    tracks_clicks: ClassVar[bool] = False
    # Carried by the installation's own mail alone: whoever keeps an organisation's account could read it.
    by_installation: ClassVar[bool] = False

    @abstractmethod
    def hear(self, event: MailEvent) -> None:
        """Take note; no calls to the outside."""

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, Belongs]:
        """Return what the mails with these refs belong to, in one query; without personal data."""
        return {}

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Return what stands in the mail's `text` for a secret, with the secret, for this one time of handing it over.

        The row keeps the text as it was queued; the secret is only in what the provider gets.
        """
        return {}
