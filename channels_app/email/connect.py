"""Connect a SendGrid account and send test mails."""

from collections.abc import Mapping
from typing import ClassVar, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from channels_app.email import mailboxes
from channels_app.email.sendgrid import signature
from channels_app.kit.connect import CHANGE, OBJECT, Connect
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Invalid
from core.ids import uuid7
from integrations.mail.delivery import REFUSED
from integrations.mail.errors import describe_error
from integrations.mail.providers.routes import PROVIDER, own_account
from integrations.mail.services import deliver_mail, queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from integrations.services import connect_provider

# The tenant has one mail account at a time; its row keeps this name when the displayed one changes.
ACCOUNT: Final = "Mail"


class MailConnect(Connect[MailDelivery]):
    """How mail accounts of any provider are found and tried out; a test is recorded like every mail."""

    account: ClassVar[Mapping[str, str]] = {"kind": mailboxes.KIND}
    missing: ClassVar[str] = "There is no such mail account."
    secrets: ClassVar[tuple[str, ...]] = ("event_public_key", "secondary_event_public_key")
    tested: ClassVar[str] = "Test mail sent. Check your inbox."

    @classmethod
    def try_out(cls, account: ChannelAccount, to: str, *, actor: Actor) -> MailDelivery:
        """Send one mail now."""
        with transaction.atomic():
            row = queue_mail(
                NewMail(
                    type="test",
                    recipient=to,
                    subject="A test from Walker",
                    text="This is a test from Walker. The mail account works.",
                    ref=account.pk,
                    key=f"test:{uuid7()}",
                    user_id=actor.user_id,
                )
            )
            chain.record(actor, "CHANNEL_TESTED", OBJECT, account.pk)
        deliver_mail(row.pk)
        sent: MailDelivery = MailDelivery.objects.get(pk=row.pk)
        return sent

    @classmethod
    def record_test(cls, actor: Actor, account: ChannelAccount, code: str | None) -> None:
        """Record nothing: the entry was written with the mail."""

    @classmethod
    def failure_of(cls, outcome: MailDelivery) -> str | None:
        """Return the code of a failure, and None for a mail that left or is still on its way."""
        if outcome.status not in ("failed", "unknown", "queued") or not outcome.error:
            return None
        return str(outcome.error)

    @classmethod
    def note_failure(cls, account: ChannelAccount, outcome: MailDelivery) -> None:
        """Note a failure on the account unless the gate refused the mail."""
        if not outcome.error.startswith(REFUSED):
            accounts.note_trouble(account_id=account.pk, code=outcome.error)

    describe = staticmethod(describe_error)


class SendGridConnect(MailConnect):
    """How accounts at SendGrid are connected."""

    account: ClassVar[Mapping[str, str]] = mailboxes.CHANNEL


def connect_mail(
    *,
    actor: Actor,
    name: str,
    from_address: str,
    from_name: str = "",
    api_key: str = "",
    account_id: UUID | None = None,
    **given: str,
) -> ChannelAccount:
    """Save the mail account. Needs `channels_app.change_channelaccount`; raises `Invalid`, `NotFound`, `Conflict`."""
    actor.require(CHANGE)
    before = (
        SendGridConnect.find(account_id) if account_id else ChannelAccount.objects.filter(**mailboxes.CHANNEL).first()
    )
    keys = {one: text for one in MailConnect.secrets if (text := (given.get(one) or "").strip())}
    try:
        validate_email(from_address)
    except ValidationError:
        raise Invalid("This isn't an email address.", fields={"from_address": ["Enter an email address."]}) from None
    if not from_name.isprintable():
        wrong = {"from_name": ["Use printable characters."]}
        raise Invalid("This name contains characters that can't be shown.", fields=wrong)
    for one, text in keys.items():
        if signature.public_key(text) is None:
            wrong = {one: ["Copy the whole verification key."]}
            raise Invalid("This isn't the verification key of a webhook.", fields=wrong)
    secret = api_key.strip()
    if not secret:
        provider = own_account()
        secret = str(provider.credentials.get("api_key") or "") if provider else ""
    if not secret:
        raise Invalid("The API key is missing.", fields={"api_key": ["Copy it from SendGrid."]})
    with transaction.atomic():
        # Locked: two colleagues who each change a key must not undo one another.
        kept = (locked(ChannelAccount, before.pk, MailConnect.missing).credentials or {}) if before else {}
        account = accounts.connect_channel(
            actor=actor,
            **mailboxes.CHANNEL,
            name=name,
            address=from_address,
            provider_account=PROVIDER,
            credentials={**kept, **keys},
            account_id=before.pk if before else None,
        )
        sender = {"from_address": from_address, **({"from_name": from_name} if from_name else {})}
        credentials = {"api_key": secret, **sender}
        connect_provider(actor=actor, provider=PROVIDER, name=ACCOUNT, credentials=credentials)
    return account


def sender_of_account() -> dict[str, str]:
    """Return the sender of the account, without the secret."""
    account = own_account()
    kept = account.credentials if account else {}
    return {name: str(kept.get(name) or "") for name in ("from_address", "from_name")}
