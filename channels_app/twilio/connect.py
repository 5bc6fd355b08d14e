"""Connect a Twilio number, send test messages and link a colleague's phone."""

import re
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.selectors import list_members
from channels_app.exchanges import calls
from channels_app.kit.phones.failures import note_fault
from channels_app.twilio import senders
from channels_app.twilio.transport import SmsTransport
from conversations import services
from conversations.models import ChannelAccount
from conversations.services import reach
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Invalid, NotFound
from integrations.outcomes import Sent
from integrations.twilio.errors import describe_error, meaning_of

TEST_TEXT: Final = "This is a test from Walker. The number works."
SECRETS: Final = ("auth_token", "secondary_auth_token", "webhook_key")
MISSING: Final = "There is no such number."
_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")


def connect_number(
    *,
    actor: Actor,
    kind: str,
    name: str,
    number: str,
    account_sid: str,
    account_id: UUID | None = None,
    mms: bool = False,
    **given: str,
) -> ChannelAccount:
    """Connect a number, or change a connected one.

    An empty number or secret stays unchanged. `mms` says that an SMS number can send files.
    Needs `channels_app.change_channelaccount`; raises `Invalid` with the field, `NotFound`, `Conflict`.
    """
    actor.require("channels_app.change_channelaccount")
    if not _ACCOUNT_SID.fullmatch(account_sid):
        raise Invalid("This isn't an account SID.", fields={"account_sid": ["Enter AC followed by 32 characters."]})
    with transaction.atomic():
        # Locked: two colleagues who each change a secret must not undo one another.
        before = locked(ChannelAccount, account_id, MISSING, provider=senders.PROVIDER) if account_id else None
        kept = (before.credentials or {}) if before else {}
        secrets = {name: (given.get(name) or "").strip() or str(kept.get(name) or "") for name in SECRETS}
        if not secrets["auth_token"] or not all(text.isascii() and text.isprintable() for text in secrets.values()):
            raise Invalid("The auth token is missing.", fields={"auth_token": ["Copy it from the Twilio console."]})
        account = services.connect_channel(
            actor=actor,
            kind=kind,
            provider=senders.PROVIDER,
            name=name,
            address=before.address if before and not number.strip() else international(number),
            provider_account=account_sid,
            credentials={
                "account_sid": account_sid,
                **{name: text for name, text in secrets.items() if text},
                **({SmsTransport.option: True} if mms and kind == ChannelAccount.Kind.SMS else {}),
            },
            account_id=account_id,
        )
    senders.forget()
    return account


def _number(account_id: UUID) -> ChannelAccount:
    found: ChannelAccount | None = ChannelAccount.objects.filter(pk=account_id, provider=senders.PROVIDER).first()
    if found is None:
        raise NotFound(MISSING)
    return found


def international(number: str, field: str = "number") -> str:
    """Return a phone number as E.164. Raises `Invalid`."""
    import phonenumbers  # noqa: PLC0415  (large, for the first number only)

    try:
        parsed = phonenumbers.parse(number.removeprefix(senders.PREFIX), None)
    except phonenumbers.NumberParseException:
        wrong = {field: ["Enter it with + and the country code."]}
        raise Invalid("This isn't an international phone number.", fields=wrong) from None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def send_test(*, actor: Actor, account_id: UUID, to: str) -> str:
    """Send one message from a number and return the result in words.

    Needs `channels_app.change_channelaccount`; raises `NotFound`, `gate.NotReachable` for an owner who opted out, and
    `Invalid` with the reason when Twilio refused it.
    """
    from integrations.twilio.client import TwilioClient  # noqa: PLC0415  (large, and seldom needed here)

    actor.require("channels_app.change_channelaccount")
    account = _number(account_id)
    kept = account.credentials or {}
    prefix = senders.PREFIX if account.kind == ChannelAccount.Kind.WHATSAPP else ""
    number = international(to, "to")
    # Whether it is within WhatsApp's window is the provider's answer: that is what a test is for.
    reach.require_wanted(sender=SenderIdentity(kind="phone", value=number), channel=account.kind)
    recipient = prefix + number
    client = TwilioClient(str(kept.get("account_sid") or ""), str(kept.get("auth_token") or ""))
    outcome = calls.make(
        account,
        calls.TEST,
        lambda: client.send_text(sender=prefix + account.address, to=recipient, body=TEST_TEXT, callback=""),
    )
    with transaction.atomic():
        chain.record(
            actor=actor,
            action="CHANNEL_TESTED",
            object_type="conversations.channelaccount",
            object_id=account.pk,
            new_state="sent" if isinstance(outcome, Sent) else "failed",
        )
    if not isinstance(outcome, Sent):
        note_fault(account_id=account.pk, code=outcome.code, meaning=meaning_of(outcome.code))
        raise Invalid(describe_error(outcome.code), fields={"to": [describe_error(outcome.code)]})
    services.note_tested(account_id=account.pk)
    return "Test message sent. Check your phone."


def introduce_colleague(*, actor: Actor, number: str, email: str) -> UUID:
    """Link a phone number to a colleague, so that its messages count as theirs, also for four eyes.

    Needs `accounts.manage_membership`; raises `Invalid` for someone who is not a member, or a number
    that belongs to someone else.
    """
    actor.require("accounts.manage_membership")
    wanted = email.strip().lower()
    user_id = next((member.user_id for member in list_members() if member.user.email.lower() == wanted), None)
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
