"""Link one's own WhatsApp number: entered in the console, proven with a code that comes by template."""

from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from channels_app.approver_channels import addresses
from channels_app.approver_channels.whatsapp import messages
from channels_app.kit.phones.numbers import international
from channels_app.models import ColleagueAddress
from conversations.models import ChannelAccount
from core import notices
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Invalid, Unavailable
from core.reach.gate import NotReachable
from integrations.outcomes import Sent

WHATSAPP = ChannelAccount.Kind.WHATSAPP


class OwnNumber(NamedTuple):
    """A colleague's proven number, and the number of ours that proved it."""

    account: ChannelAccount
    number: str


def send_code(*, actor: Actor, number: str) -> str:
    """Send a code to an actor's number; an outside call. Raises as `addresses.request_code`, Invalid, Unavailable."""
    account = _account()
    plain = international(number)
    found = addresses.request_code(actor=actor, account=account, address=plain)
    code = f"{found.code[:4]} {found.code[4:]}"
    try:
        outcome = messages.send_words(
            account, plain, person_id=addresses.person_behind(actor), use=messages.CODE, words=[code]
        )
    except NotReachable:
        say = "This number opted out of our messages. Write START to our WhatsApp number first."
        raise Invalid(say, fields={"number": [say]}) from None
    if not isinstance(outcome, Sent):
        say = "WhatsApp didn't take the message. Check the number, or ask an administrator to look at the channel."
        raise Invalid(say, fields={"number": [say]})
    return "Code sent. Look for a WhatsApp message from your organisation."


def link(*, actor: Actor, code: str) -> None:
    """Link the number that the code was sent to. Raises what `addresses.confirm_code` raises, and Unavailable."""
    addresses.confirm_code(actor=actor, account=_account(), code=code)


def unlink(*, actor: Actor) -> None:
    """Unlink the actor's own number. Raises what `addresses.unlink` raises."""
    row = get_or_missing(
        _proven().filter(person_id=addresses.person_behind(actor)).select_related("channel_account"),
        "You have no linked WhatsApp number.",
    )
    addresses.unlink(actor=actor, account=row.channel_account)


def number_of(person_id: UUID) -> OwnNumber | None:
    """Return the number that a colleague proved lately, at a number of ours that is open. One query."""
    rows = _proven().filter(person_id=person_id, channel_account__is_active=True, channel_account__paused_at=None)
    rows = rows.filter(proven_at__gt=clock_now() - addresses.NUMBER_LIFE)
    row = rows.select_related("channel_account").order_by("-proven_at").first()
    return None if row is None else OwnNumber(row.channel_account, str(row.address))


def remind_of_old(person_id: UUID) -> None:
    """Leave one notice for a colleague whose number was proven too long ago: it may be somebody else's by now."""
    row = _proven().filter(person_id=person_id, proven_at__lte=clock_now() - addresses.NUMBER_LIFE).first()
    if row is not None:
        notices.leave(
            people=[person_id],
            kind=addresses.KIND,
            title="Confirm your WhatsApp number again",
            link=reverse("admin:channels_app_colleagueaddress_changelist"),
            body="You confirmed it half a year ago. Until you do so again, requests that need you come by email.",
            dedupe_key=f"own-address-old:{row.pk}",
        )


def _proven() -> QuerySet[ColleagueAddress]:
    return ColleagueAddress.objects.filter(channel_account__kind=WHATSAPP, proven_at__isnull=False)


def _account() -> ChannelAccount:
    accounts = messages.own_numbers()
    if not accounts:
        raise Unavailable(
            "No WhatsApp number can send codes and notices yet. Ask an administrator to choose templates for both.",
            code="not_connected",
        )
    return accounts[0]
