"""Connect a Twilio number, send test messages and link a colleague's phone."""

import re
from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

from channels_app.kit.connect import CHANGE
from channels_app.kit.phones.numbers import PhoneConnect, Wanted
from channels_app.twilio import senders
from channels_app.twilio.transport import send_text
from conversations.models import ChannelAccount
from core.actors import Actor
from core.errors import Invalid
from integrations.twilio import errors

_ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")


class TwilioConnect(PhoneConnect):
    """How Twilio's numbers are connected and tried out."""

    account: ClassVar[Mapping[str, str]] = {"provider": senders.PROVIDER}
    secrets: ClassVar[tuple[str, ...]] = ("auth_token", "secondary_auth_token", "webhook_key")
    needed: ClassVar[tuple[str, str, str]] = (
        "auth_token",
        "The auth token is missing.",
        "Copy it from the Twilio console.",
    )
    send_text = staticmethod(send_text)
    describe = staticmethod(errors.describe_error)
    meaning_of = staticmethod(errors.meaning_of)


def connect_number(
    *,
    actor: Actor,
    name: str,
    number: str,
    account_sid: str,
    kind: str = "",
    account_id: UUID | None = None,
    mms: bool = False,
    **given: str,
) -> ChannelAccount:
    """Save a number; `mms`: it can send files. Needs `CHANGE`; raises `Invalid`, `NotFound`, `Conflict`."""
    actor.require(CHANGE)
    if not _ACCOUNT_SID.fullmatch(account_sid):
        raise Invalid("This isn't an account SID.", fields={"account_sid": ["Enter AC followed by 32 characters."]})
    if account_id:
        kind = TwilioConnect.find(account_id).kind
    option = {senders.MMS: True} if mms and kind == ChannelAccount.Kind.SMS else {}
    wanted = Wanted(kind, name, number, account_sid, {"account_sid": account_sid, **option})
    return TwilioConnect.save(actor=actor, wanted=wanted, given=given, account_id=account_id)
