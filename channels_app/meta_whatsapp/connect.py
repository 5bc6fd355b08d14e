"""Connect a number of the WhatsApp Cloud API and send test messages."""

import re
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from channels_app.kit.connect import CHANGE
from channels_app.kit.phones.numbers import PhoneConnect, Wanted
from channels_app.meta_whatsapp import numbers
from channels_app.meta_whatsapp.transport import send_text
from conversations.models import ChannelAccount
from core.actors import Actor
from core.errors import Conflict, Invalid
from integrations.meta import errors

_ID = re.compile(r"[0-9]{5,32}")


class MetaConnect(PhoneConnect):
    """How numbers of the Cloud API are connected and tried out."""

    account: ClassVar[Mapping[str, str]] = {"provider": numbers.PROVIDER}
    secrets: ClassVar[tuple[str, ...]] = ("access_token", "app_secret", "secondary_app_secret")
    needed: ClassVar[tuple[str, str, str]] = ("access_token", "The access token is missing.", "Copy it from Meta.")
    send_text = staticmethod(send_text)
    describe = staticmethod(errors.describe_error)
    meaning_of = staticmethod(errors.meaning_of)

    @classmethod
    def facts_of(cls, wanted: Wanted, before: ChannelAccount | None) -> Mapping[str, Any]:
        """Return a number's ids at Meta, and the token by which Meta verifies the address."""
        for other in ChannelAccount.objects.filter(provider=numbers.PROVIDER).exclude(pk=before.pk if before else None):
            if numbers.phone_number_id_of(other.credentials) == wanted.provider_account:
                wrong = {"phone_number_id": ["This ID is already in use."]}
                raise Conflict("Another channel already uses this phone number ID.", fields=wrong)
        kept = (before.credentials or {}) if before else {}
        return {**wanted.facts, "verify_token": str(kept.get("verify_token") or secrets.token_urlsafe(24))}


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
    """Save a number, off without an app secret. Needs `CHANGE`; raises `Invalid`, `NotFound`, `Conflict`."""
    actor.require(CHANGE)
    ids = {"phone_number_id": phone_number_id, "business_account_id": business_account_id}
    for field, value in ids.items():
        if not _ID.fullmatch(value):
            raise Invalid("This isn't an ID of Meta's.", fields={field: ["Enter digits only, as Meta shows them."]})
    wanted = Wanted(ChannelAccount.Kind.WHATSAPP, name, number, phone_number_id, ids)
    return MetaConnect.save(actor=actor, wanted=wanted, given=given, account_id=account_id)
