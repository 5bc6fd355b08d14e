"""The mail port: mails, outcomes of sending, senders, and receivers of delivery events."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from django.template.loader import render_to_string

from core.models import Consent
from integrations.mail.progress import What

AUTOMATIC: Final = {"Auto-Submitted": "auto-generated"}
"""Headers that keep auto-responders from answering a mail (RFC 3834)."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with a name, as in a From line."""

    address: str = field(repr=False)
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file that goes with a mail; its name has no folders and no control characters."""

    name: str = field(repr=False)
    content_type: str
    content: bytes = field(repr=False)


class FileGone(Exception):
    """A file of the mail was deleted since the mail was queued."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, ready to send."""

    delivery_id: UUID
    type: str
    sender: Mailbox
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    reply_to: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[MailFile, ...] = ()
    tracks_opens: bool = False
    tracks_clicks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMail:
    """A mail to be queued, once per tenant and key; it doesn't leave before `not_before`."""

    type: str
    key: str
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    ref: UUID | None = None
    reply_to: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    user_id: UUID | None = None
    not_before: datetime | None = None

    @classmethod
    def rendered(cls, template: str, texts: Mapping[str, Any], **facts: Any) -> "NewMail":
        """Return the mail of a template, as text and as HTML; its subject is that of the texts, or their title."""
        subject = texts.get("subject") or texts["title"]
        text, html = (render_to_string(f"mail/{template}.{kind}", dict(texts)) for kind in ("txt", "html"))
        return cls(subject=subject, text=text, html=html, **facts)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the mail."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider certainly does not have the mail; `counts` is False if it was not even called.

    `is_failure` is False where the recipient doesn't want it: there is nothing to repair or to send again.
    `is_unreachable` says that the address takes no mail at all.
    """

    code: str
    permanent: bool
    retry_after: int | None = None
    counts: bool = True
    is_failure: bool = True
    is_unreachable: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider may have the mail, so it is not sent again automatically."""

    code: str


MailOutcome = Accepted | Rejected | Unknown
EventKind = What | Literal["spam", "unsubscribed"]


class MailSender(ABC):
    """Sends mail through one provider. Failures outside are returned, never raised."""

    provider: ClassVar[str]

    @abstractmethod
    def send(self, mail: Mail) -> MailOutcome:
        """Send one mail once, within a time limit."""


@dataclass(frozen=True, slots=True)
class MailEvent:
    """A mail's delivery event, for its type's receiver. `error_text` is the mail service's; it may name addresses."""

    delivery_id: UUID
    type: str
    ref: UUID | None
    user_id: UUID | None
    what: EventKind
    at: datetime
    error: str = ""
    url: str = field(default="", repr=False)
    error_text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RelatedObject:
    """What a mail is about, as the console lists it: words, and the URL of its page, if any."""

    words: str
    url: str = ""


class MailReceiver(ABC):
    """Handles the events of one mail type.

    In the tenant's scope, and in the transaction that updates the row.

    Each kind of event arrives once per mail, except "spam" and "unsubscribed", which may repeat.
    Raising rolls the update back, and the report is processed again later.
    """

    # The provider adds a tracking image or rewrites links only if these are set.
    tracks_opens: ClassVar[bool] = False
    tracks_clicks: ClassVar[bool] = False
    # What its mails are for: the gate refuses those that the recipient doesn't want.
    purpose: ClassVar[str] = Consent.Purpose.NOTICE
    # Sent only through the installation's account: the owner of a tenant's account could read it.
    by_installation: ClassVar[bool] = False

    @abstractmethod
    def on_event(self, event: MailEvent) -> None:
        """Handle one event, without calls to the outside."""

    def purpose_of(self, ref: UUID) -> str:
        """Return what the mail with this ref is for, where a type has mails for several purposes."""
        return self.purpose

    def others_of(self, ref: UUID) -> Sequence[str]:
        """Return the blind indexes of the recipient's other addresses from which a wish about this mail counts."""
        return ()

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        """Return what the mails with these refs are about, in one query and without personal data."""
        return {}

    def is_held(self, ref: UUID) -> bool:
        """Return True while a mail has to wait for something of the receiver's own."""
        return False

    def secrets_of(self, ref: UUID, text: str) -> Mapping[str, str]:
        """Return secrets by placeholder for this one attempt: only the provider gets them, the row never does."""
        return {}

    def files_of(self, ref: UUID) -> tuple[MailFile, ...]:
        """Return the files of a mail, for this one attempt to send it, outside any transaction. Raises `FileGone`."""
        return ()
