"""Send a message as one or more Twilio messages, or as a template."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from channels_app.file_links import make_link
from channels_app.kit.phones.failures import result_of_failure
from channels_app.kit.phones.numbers import PREFIX
from conversations.models import ChannelAccount, DeliveryAttempt, Message, MessageTemplate
from conversations.types import (
    COMMON,
    Explanation,
    OutboundMessage,
    OutboundTemplate,
    SendResult,
    Transport,
    explain_common,
)
from core.actors import system
from core.clock import now
from core.reach.verdict import OPTED_OUT, UNREACHABLE, WINDOW_CLOSED
from integrations.outcomes import Failed, Sent, Unknown
from integrations.twilio.errors import MEANINGS, TEMPLATE_STATES, meaning_of, page_of
from integrations.twilio.types import ListedMessage

if TYPE_CHECKING:
    from integrations.twilio.client import TwilioClient

ACTOR: Final = system("whatsapp")
# Error codes that mean an address cannot receive our messages any more.
BLOCKING: Final = {"21610": OPTED_OUT, **dict.fromkeys(("21211", "21614", "63003", "63024"), UNREACHABLE)}
# A request whose answer was lost may still be in flight; after this it has arrived or never will.
SETTLED: Final = timedelta(seconds=20)
CLOCKS_APART: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Part:
    """One message at Twilio: a text, or files with or without one."""

    text: str
    urls: tuple[str, ...] = ()

    def is_in(self, body: str) -> bool:
        """Return True if a message that Twilio has is this part: files without a text have an empty body."""
        return self.text in body if self.text else not body


SendPart = Callable[[Part, str], Sent | Failed | Unknown]


@dataclass(frozen=True, slots=True)
class Route:
    """Our number and the customer's address, as Twilio writes them."""

    sender: str
    to: str


class TwilioTransport(Transport):
    """Sends messages through the tenant's own Twilio account."""

    template_states: ClassVar[Mapping[str, str]] = TEMPLATE_STATES
    prefix: ClassVar[str]
    """What stands before our number and the customer's."""

    channel: ClassVar[str]

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Send the message; parts that an earlier attempt got through are not sent twice."""
        from integrations.twilio.client import TwilioClient  # noqa: PLC0415  (large, and only workers send)

        kept = outbound.credentials or {}
        account_sid, token = str(kept.get("account_sid") or ""), str(kept.get("auth_token") or "")
        if not account_sid or not token:
            return self._result_of(outbound, Failed("no_credentials", permanent=True))
        template = outbound.template
        if template and outbound.media:
            # A template carries no files, and without them the text may make no sense.
            return SendResult(ok=False, error=WINDOW_CLOSED, permanent=True)
        route = Route(f"{self.prefix}{outbound.from_address}", f"{self.prefix}{outbound.recipient.value}")
        client = TwilioClient(account_sid, token)
        # A template has no parts; its text says which one an earlier attempt got through.
        first = next(iter(template.values.values()), template.name) if template else ""
        parts = [Part(first)] if template else self.parts_of(outbound)

        def send_part(part: Part, callback: str) -> Sent | Failed | Unknown:
            ends = {"sender": route.sender, "to": route.to, "callback": callback}
            if template:
                return client.send_template(template_sid=template.provider_id, variables=template.values, **ends)
            if part.urls:
                return client.send_media(body=part.text, urls=part.urls, **ends)
            return client.send_text(body=part.text, **ends)

        return self._result_of(outbound, _send_all(client, route, outbound, parts, send_part))

    @abstractmethod
    def parts_of(self, outbound: OutboundMessage) -> list[Part]:
        """Return the messages that a reply becomes."""

    def _result_of(self, outbound: OutboundMessage, outcome: Sent | Failed | Unknown) -> SendResult:
        if isinstance(outcome, Sent):
            return SendResult(ok=True, provider_id=outcome.message_id, http_status=201)
        return result_of_failure(
            outbound,
            outcome,
            actor=ACTOR,
            channel=self.channel,
            meaning=meaning_of(outcome.code),
            blocks=BLOCKING.get(outcome.code, ""),
            settled=SETTLED,
        )

    @classmethod
    def explain(cls, code: str) -> Explanation:
        """Return one of Twilio's codes, or of ours, in words."""
        if code in COMMON or (code not in MEANINGS and not page_of(code)):
            return explain_common(code)
        meaning = meaning_of(code)
        return Explanation(meaning.words, meaning.advice, page_of(code))


def links_of(outbound: OutboundMessage) -> list[str]:
    """Return the signed addresses of a reply's files, from which Twilio fetches them."""
    return [make_link(message_id=outbound.message_id, attachment_id=UUID(str(file["id"]))) for file in outbound.media]


def _send_all(
    client: "TwilioClient", route: Route, outbound: OutboundMessage, parts: list[Part], send: SendPart
) -> Sent | Failed | Unknown:
    """Send the parts in order, except those that an earlier attempt got through. Return the last result."""
    there = _list_already_sent(client, route, outbound)
    if not isinstance(there, list):
        return there
    outcome: Sent | Failed | Unknown = Failed("21619", permanent=True)
    for number, part in enumerate(parts, start=1):
        found = next((one for one in there if part.is_in(one.body)), None)
        if found is not None:
            there.remove(found)
            outcome = Sent(found.sid)
            continue
        outcome = send(part, callback_url(outbound.message_id, number, len(parts)))
        if not isinstance(outcome, Sent):
            return outcome
    return outcome


def _list_already_sent(
    client: "TwilioClient", route: Route, outbound: OutboundMessage
) -> list[ListedMessage] | Failed | Unknown:
    """Return what Twilio already has of this message; nothing on the first attempt."""
    if outbound.attempt <= 1:
        return []
    rows = DeliveryAttempt.objects.filter(message=outbound.message_id)
    began: datetime | None = rows.order_by("number").values_list("started_at", flat=True).first()
    last: datetime | None = (
        rows.filter(number__lt=outbound.attempt).order_by("-number").values_list("started_at", flat=True).first()
    )
    if last is not None and now() - last < SETTLED:
        # The previous attempt may still be in flight if it was cut off, or ended without an answer.
        before = rows.filter(number=outbound.attempt - 1)
        if before.filter(error__in=("cut_off", "timed_out", "connection_lost", "bad_answer")).exists():
            return Unknown("timed_out")
    listed = client.list_sent(sender=route.sender, to=route.to)
    if not isinstance(listed, list) or began is None:
        return listed
    fresh = [one for one in listed if one.created_at is None or one.created_at >= began - CLOCKS_APART]
    sids = [one.sid for one in fresh]
    others = Message.objects.filter(channel_message_id__in=sids).exclude(pk=outbound.message_id)
    attempts = DeliveryAttempt.objects.filter(provider_id__in=sids).exclude(message=outbound.message_id)
    taken = {*others.values_list("channel_message_id", flat=True), *attempts.values_list("provider_id", flat=True)}
    # Oldest first, as the parts were sent.
    return [one for one in reversed(fresh) if one.sid not in taken]


def callback_url(message_id: UUID, number: int = 1, of: int = 1) -> str:
    """Return the URL for Twilio's reports about a part of one of our messages."""
    path = reverse("whatsapp_status", args=[message_id])
    return f"{settings.PUBLIC_URL}{path}" + (f"?part={number}-{of}" if of > 1 else "")


def send_text(account: ChannelAccount, number: str, text: str) -> Sent | Failed | Unknown:
    """Send a text from a number. Outside call; the caller has asked the gate."""
    prefix = PREFIX if account.kind == ChannelAccount.Kind.WHATSAPP else ""
    return _client(account).send_text(sender=prefix + account.address, to=prefix + number, body=text, callback="")


def send_template(
    account: ChannelAccount, number: str, *, row: MessageTemplate, filled: OutboundTemplate, ref: UUID | None
) -> Sent | Failed | Unknown:
    """Send a template to a number by WhatsApp. Outside call; the caller has asked the gate."""
    return _client(account).send_template(
        sender=PREFIX + account.address,
        to=PREFIX + number,
        template_sid=row.provider_id,
        variables=filled.values,
        callback=callback_url(ref) if ref else "",
    )


def _client(account: ChannelAccount) -> "TwilioClient":
    from integrations.twilio.client import TwilioClient  # noqa: PLC0415  (large, and only workers send)

    kept = account.credentials or {}
    return TwilioClient(str(kept.get("account_sid") or ""), str(kept.get("auth_token") or ""))
