"""Connect phone numbers of any provider, and send their test messages."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction

from accounts.selectors import list_members
from channels_app.exchanges import calls
from channels_app.kit import found
from channels_app.kit.connect import Connect
from channels_app.kit.phones.failures import note_fault
from conversations import services
from conversations.models import ChannelAccount
from conversations.services import accounts, transports
from conversations.types import SenderIdentity
from core.actors import Actor
from core.db.locks import locked
from core.errors import Invalid
from integrations.meanings import Meaning
from integrations.outcomes import Failed, Sent, Unknown

KINDS: Final = (ChannelAccount.Kind.WHATSAPP, ChannelAccount.Kind.SMS)
PREFIX: Final = "whatsapp:"
"""What stands before a WhatsApp number where text messages have none."""
TEST_TEXT: Final = "This is a test from Walker. The number works."


def international(number: str, field: str = "number") -> str:
    """Return a phone number as E.164. Raises `Invalid`."""
    import phonenumbers  # noqa: PLC0415  (large, for the first number only)

    try:
        parsed = phonenumbers.parse(number.removeprefix(PREFIX), None)
    except phonenumbers.NumberParseException:
        wrong = {field: ["Enter it with + and the country code."]}
        raise Invalid("This isn't an international phone number.", fields=wrong) from None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number as somebody connects it; an empty number stays unchanged."""

    kind: str
    name: str
    number: str
    provider_account: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the provider's API needs beside the secrets."""


class PhoneConnect(Connect[Sent | Failed | Unknown]):
    """How numbers of one provider are connected and tried out."""

    missing: ClassVar[str] = "There is no such number."
    needed: ClassVar[tuple[str, str, str]]
    """The secret without which nothing works: its name, what to say without it, and where it is."""

    @classmethod
    def save(
        cls, *, actor: Actor, wanted: Wanted, given: Mapping[str, str], account_id: UUID | None = None
    ) -> ChannelAccount:
        """Save a number. Needs `channels_app.change_channelaccount`; raises `Invalid`, `NotFound`, `Conflict`."""
        with transaction.atomic():
            # Locked: two colleagues who each change a secret must not undo one another.
            before = locked(ChannelAccount, account_id, cls.missing, **cls.account) if account_id else None
            texts = cls.secrets_of(before, given)
            secret, missing, place = cls.needed
            if not texts[secret] or not all(text.isascii() and text.isprintable() for text in texts.values()):
                raise Invalid(missing, fields={secret: [place]})
            facts = cls.facts_of(wanted, before)
            account = accounts.connect_channel(
                actor=actor,
                kind=wanted.kind,
                provider=cls.account["provider"],
                name=wanted.name,
                address=before.address if before and not wanted.number.strip() else international(wanted.number),
                provider_account=wanted.provider_account,
                credentials={**facts, **{name: text for name, text in texts.items() if text}},
                account_id=account_id,
            )
        found.forget()
        return account

    @classmethod
    def facts_of(cls, wanted: Wanted, before: ChannelAccount | None) -> Mapping[str, Any]:  # noqa: ARG003
        """Return the credentials that are no secrets; in the transaction, with the account locked."""
        return wanted.facts

    @classmethod
    def try_out(cls, account: ChannelAccount, to: str, *, actor: Actor) -> Sent | Failed | Unknown:  # noqa: ARG003
        number = international(to, "to")
        # Whether it is within WhatsApp's window is the provider's answer: that is what a test is for.
        transports.require_wanted(sender=SenderIdentity(kind="phone", value=number), channel=account.kind)
        return calls.make(account, calls.TEST, lambda: cls.send_text(account, number, TEST_TEXT))

    @staticmethod
    @abstractmethod
    def send_text(account: ChannelAccount, number: str, text: str) -> Sent | Failed | Unknown:
        """Send a text to a number. Outside call."""

    @classmethod
    def failure_of(cls, outcome: Sent | Failed | Unknown) -> str | None:
        """Return the code of a failure, and None for a success."""
        return None if isinstance(outcome, Sent) else outcome.code

    @classmethod
    def note_failure(cls, account: ChannelAccount, outcome: Sent | Failed | Unknown) -> None:
        """Show a failure on the channel's page if the channel is at fault."""
        if not isinstance(outcome, Sent):
            note_fault(account_id=account.pk, code=outcome.code, meaning=cls.meaning_of(outcome.code))

    @staticmethod
    @abstractmethod
    def meaning_of(code: str) -> Meaning:
        """Return what a code of the provider means."""


def introduce_colleague(*, actor: Actor, number: str, email: str) -> UUID:
    """Count a number's messages as a colleague's, also for four eyes.

    Needs `accounts.manage_membership`; raises `Invalid` for no member, and for somebody else's number.
    """
    actor.require("accounts.manage_membership")
    wanted = email.strip().lower()
    user_id = next((member.user_id for member in list_members() if member.user.mail_address.lower() == wanted), None)
    if user_id is None:
        raise Invalid(
            "No colleague signs in with this address.",
            fields={"email": ["Enter the email address that a colleague signs in with."]},
        )
    plain = international(number)
    sender = SenderIdentity(kind="phone", value=plain, verified=True)
    contact_id = services.introduce(actor=actor, sender=sender)
    # Linked by its own service, which records the actor: they may not approve requests from this phone.
    services.link_contact_to_user(actor=actor, contact_id=contact_id, user_id=user_id)
    return contact_id
