"""The way out: a message becomes one or more Twilio messages, a template, or a task for a person."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Protocol
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from channels_app.whatsapp import window
from channels_app.whatsapp.senders import PREFIX
from conversations import services
from conversations.models import DeliveryAttempt, Message
from conversations.registry import register_transport
from conversations.services.blocks import OPTED_OUT, UNREACHABLE
from conversations.types import OutboundMessage, PointKind, SendResult, Transport
from core.actors import system
from core.clock import now
from integrations.twilio.client import Failed, ListedMessage, Sent, TwilioClient, Unknown
from integrations.twilio.errors import meaning_of

DOOR: Final = system("whatsapp")
BODY_LIMIT: Final = 1600
# Codes that say that an address takes nothing from us any more.
BLOCKING: Final = {
    "21610": OPTED_OUT,
    **dict.fromkeys(("21211", "21614", "63003", "63024"), UNREACHABLE),
}
# A request whose answer was lost may still be on its way; after this it has arrived or never will.
SETTLED: Final = timedelta(seconds=20)
CLOCKS_APART: Final = timedelta(seconds=5)


class _Send(Protocol):
    def __call__(self, text: str, callback: str) -> Sent | Failed | Unknown: ...


@dataclass(frozen=True, slots=True)
class Route:
    """From which of our numbers to which address of the customer, as Twilio writes them."""

    sender: str
    to: str


class WhatsAppTransport(Transport):
    """Speaks WhatsApp through the tenant's own Twilio account."""

    recipient_kinds: ClassVar[tuple[PointKind, ...]] = ("phone", "bsuid")
    prefix: ClassVar[str] = PREFIX
    channel: ClassVar[str] = "whatsapp"
    has_window: ClassVar[bool] = True

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Hand the message to Twilio; what an earlier attempt may have left there is not sent twice."""
        kept = outbound.credentials or {}
        account_sid, token = str(kept.get("account_sid") or ""), str(kept.get("auth_token") or "")
        if not account_sid or not token:
            return self._ended(outbound, Failed("no_credentials", permanent=True))
        template = window.template_of(kept)
        is_template = bool(template) and bool(outbound.metadata.get(window.AS_TEMPLATE))
        if self.has_window and not is_template and not window.is_open(outbound.conversation_id, now()):
            if not template:
                return SendResult(ok=False, error=window.REASON, permanent=True)
            is_template = True
        route = Route(f"{self.prefix}{outbound.from_address}", f"{self.prefix}{outbound.recipient.value}")
        client = TwilioClient(account_sid, token)
        sender: _Send
        if is_template:
            texts = [window.template_variable(outbound.text)]
            sender = _template_sender(client, route, template)
        else:
            texts = split(outbound.text)
            sender = _text_sender(client, route)
        return self._ended(outbound, _send_all(client, route, outbound, texts, sender))

    def _ended(self, outbound: OutboundMessage, outcome: Sent | Failed | Unknown) -> SendResult:
        if isinstance(outcome, Sent):
            return SendResult(ok=True, provider_id=outcome.sid)
        if meaning_of(outcome.code).at_fault == "channel":
            services.note_trouble(account_id=outbound.channel_account_id, code=outcome.code)
        if reason := BLOCKING.get(outcome.code):
            services.block_point(actor=DOOR, sender=outbound.recipient, channel=self.channel, reason=reason)
        if isinstance(outcome, Unknown):
            return SendResult(ok=False, error=outcome.code, retry_after=int(SETTLED.total_seconds()))
        return SendResult(ok=False, error=outcome.code, permanent=outcome.permanent, retry_after=outcome.retry_after)


class SmsTransport(WhatsAppTransport):
    """The same account and API for plain text messages: no prefix and no window."""

    recipient_kinds = ("phone",)
    prefix = ""
    channel = "sms"
    has_window = False


def _text_sender(client: TwilioClient, route: Route) -> _Send:
    def send(text: str, callback: str) -> Sent | Failed | Unknown:
        return client.send_text(sender=route.sender, to=route.to, body=text, callback=callback)

    return send


def _template_sender(client: TwilioClient, route: Route, template: str) -> _Send:
    def send(text: str, callback: str) -> Sent | Failed | Unknown:
        return client.send_template(
            sender=route.sender, to=route.to, template_sid=template, variables={"1": text}, callback=callback
        )

    return send


def _send_all(
    client: TwilioClient, route: Route, outbound: OutboundMessage, texts: list[str], send: _Send
) -> Sent | Failed | Unknown:
    """Send the parts in order, without those that an earlier attempt got through; the last one's id counts."""
    there = _already_there(client, route, outbound)
    if not isinstance(there, list):
        return there
    outcome: Sent | Failed | Unknown = Failed("21619", permanent=True)
    for number, text in enumerate(texts, start=1):
        found = next((one for one in there if text in one.body), None)
        if found is not None:
            there.remove(found)
            outcome = Sent(found.sid, "")
            continue
        outcome = send(text, callback_url(outbound.message_id, number, len(texts)))
        if not isinstance(outcome, Sent):
            return outcome
    return outcome


def _already_there(
    client: TwilioClient, route: Route, outbound: OutboundMessage
) -> list[ListedMessage] | Failed | Unknown:
    """Return what Twilio has of this message from earlier attempts; the first attempt has nothing."""
    if outbound.attempt <= 1:
        return []
    rows = DeliveryAttempt.objects.filter(message=outbound.message_id)
    began: datetime | None = rows.order_by("number").values_list("started_at", flat=True).first()
    last: datetime | None = (
        rows.filter(number__lt=outbound.attempt).order_by("-number").values_list("started_at", flat=True).first()
    )
    if last is not None and now() - last < SETTLED and _is_open_question(outbound):
        return Unknown("timed_out")
    listed = client.list_sent(sender=route.sender, to=route.to)
    if not isinstance(listed, list) or began is None:
        return listed
    fresh = [one for one in listed if one.created_at is None or one.created_at >= began - CLOCKS_APART]
    taken = set(_sids_of_others(outbound.message_id, [one.sid for one in fresh]))
    # Oldest first, as the parts were sent.
    return [one for one in reversed(fresh) if one.sid not in taken]


def _is_open_question(outbound: OutboundMessage) -> bool:
    """Tell whether the attempt before was cut off, or ended without an answer."""
    before = DeliveryAttempt.objects.filter(message=outbound.message_id, number=outbound.attempt - 1)
    return before.filter(error__in=("cut_off", "timed_out", "connection_lost", "bad_answer")).exists()


def _sids_of_others(message_id: UUID, sids: list[str]) -> Iterator[str]:
    others = Message.objects.filter(channel_message_id__in=sids).exclude(pk=message_id)
    yield from others.values_list("channel_message_id", flat=True)
    attempts = DeliveryAttempt.objects.filter(provider_id__in=sids).exclude(message=message_id)
    yield from attempts.values_list("provider_id", flat=True)


def callback_url(message_id: UUID, number: int = 1, of: int = 1) -> str:
    """Return where Twilio reports about a part of one of our messages."""
    path = reverse("whatsapp_status", args=[message_id])
    return f"{settings.PUBLIC_URL}{path}" + (f"?part={number}-{of}" if of > 1 else "")


def split(text: str, limit: int = BODY_LIMIT) -> list[str]:
    """Cut a text into parts that Twilio takes, between words where there are any."""
    parts, rest = [], text
    while len(rest) > limit:
        breaks = [found.start() for found in re.finditer(r"\s", rest[: limit + 1]) if found.start() > limit // 2]
        at = breaks[-1] if breaks else limit
        parts.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*parts, rest] if rest or not parts else parts


def register() -> None:
    """Offer both transports; safe to repeat."""
    register_transport("whatsapp", WhatsAppTransport)
    register_transport("sms", SmsTransport)
