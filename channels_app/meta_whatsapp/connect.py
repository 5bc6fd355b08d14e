"""Connect a number of the WhatsApp Cloud API and send test messages."""

import re
import secrets
from typing import Final
from uuid import UUID

from django.db import transaction

from channels_app.exchanges import calls
from channels_app.kit.phones.failures import note_fault
from channels_app.meta_whatsapp import numbers
from channels_app.twilio.connect import TEST_TEXT, international
from conversations import services
from conversations.models import ChannelAccount
from conversations.services import reach
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound
from integrations.meta.client import MetaClient
from integrations.meta.errors import describe_error, meaning_of
from integrations.outcomes import Sent

CHANGE: Final = "channels_app.change_channelaccount"
SECRETS: Final = ("access_token", "app_secret", "secondary_app_secret")
MISSING: Final = "There is no such number."
_ID = re.compile(r"[0-9]{5,32}")


def connect_number(
    *,
    actor: Actor,
    name: str,
    number: str,
    phone_number_id: str,
    business_account_id: str,
    account_id: UUID | None = None,
    **given: str,
) -> ChannelAccount:
    """Connect a number of the Cloud API, or change a connected one; an empty number or secret stays unchanged.

    Without an app secret it is saved and stays switched off. Needs `channels_app.change_channelaccount`;
    raises `Invalid` with the field, `NotFound`, `Conflict`.
    """
    actor.require(CHANGE)
    for field, value in (("phone_number_id", phone_number_id), ("business_account_id", business_account_id)):
        if not _ID.fullmatch(value):
            raise Invalid("This isn't an ID of Meta's.", fields={field: ["Enter digits only, as Meta shows them."]})
    with transaction.atomic():
        # Locked: two colleagues who each change a secret must not undo one another.
        before = locked(ChannelAccount, account_id, MISSING, provider=numbers.PROVIDER) if account_id else None
        kept = (before.credentials or {}) if before else {}
        texts = {one: (given.get(one) or "").strip() or str(kept.get(one) or "") for one in SECRETS}
        if not texts["access_token"] or not all(text.isascii() and text.isprintable() for text in texts.values()):
            raise Invalid("The access token is missing.", fields={"access_token": ["Copy it from Meta."]})
        _require_free(phone_number_id, before)
        credentials = {
            "phone_number_id": phone_number_id,
            "business_account_id": business_account_id,
            "verify_token": str(kept.get("verify_token") or secrets.token_urlsafe(24)),
            **{one: text for one, text in texts.items() if text},
        }
        account = services.connect_channel(
            actor=actor,
            kind=ChannelAccount.Kind.WHATSAPP,
            provider=numbers.PROVIDER,
            name=name,
            address=before.address if before and not number.strip() else international(number),
            provider_account=phone_number_id,
            credentials=credentials,
            account_id=account_id,
        )
    numbers.forget()
    return account


def _require_free(phone_number_id: str, before: ChannelAccount | None) -> None:
    """Raise `Conflict` if another account of the organisation has the phone number ID."""
    for other in ChannelAccount.objects.filter(provider=numbers.PROVIDER).exclude(pk=before.pk if before else None):
        if numbers.phone_number_id_of(other.credentials) == phone_number_id:
            wrong = {"phone_number_id": ["This ID is already in use."]}
            raise Conflict("Another channel already uses this phone number ID.", fields=wrong)


def find_number(account_id: UUID) -> ChannelAccount:
    """Return a number of the Cloud API. Raises `NotFound`."""
    found: ChannelAccount | None = ChannelAccount.objects.filter(pk=account_id, provider=numbers.PROVIDER).first()
    if found is None:
        raise NotFound(MISSING)
    return found


def send_test(*, actor: Actor, account_id: UUID, to: str) -> str:
    """Send one message from a number and return the result in words.

    Needs `channels_app.change_channelaccount`; raises `NotFound`, `gate.NotReachable` for an owner who opted out, and
    `Invalid` with the reason when Meta refused it.
    """
    actor.require(CHANGE)
    account = find_number(account_id)
    kept = account.credentials or {}
    client = MetaClient(numbers.phone_number_id_of(kept), str(kept.get("access_token") or ""))
    content = {"type": "text", "text": {"body": TEST_TEXT, "preview_url": False}}
    number = international(to, "to")
    # Whether it is within WhatsApp's window is the provider's answer: that is what a test is for.
    reach.require_wanted(sender=SenderIdentity(kind="phone", value=number), channel=account.kind)
    outcome = calls.make(account, calls.TEST, lambda: client.send_message(number.removeprefix("+"), content))
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
