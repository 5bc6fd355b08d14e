"""Answers to a company's own app: queued as a signed webhook, or read on the socket alone."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.urls import reverse

from channels_app.web_chat.app_customers import customer_of
from conversations import services
from conversations.mediums import OwnApp
from conversations.models import Attachment, ChannelAccount, Message
from conversations.services import accounts, transports
from conversations.types import COMMON, Explanation, Medium, OutboundMessage, SendResult, Transport
from core.actors import system
from core.errors import NotFound
from core.models import WebhookDelivery, WebhookEndpoint
from core.webhooks.deliveries import queue_again, queue_delivery
from core.webhooks.endpoints import find_endpoint
from core.webhooks.purposes import Verdict, WebhookPurpose
from core.webhooks.words import describe

ACTOR: Final = system("app")
PURPOSE: Final = "app"
# How often webhooks that wait for a paused channel look whether it was resumed.
PAUSED_LOOK: Final = timedelta(seconds=30)
CREATED: Final = "message.created"


class AppTransport(Transport):
    """Hands a message to the webhooks; without an address the customer's socket has it already."""

    medium: ClassVar[type[Medium]] = OwnApp

    @classmethod
    def explain(cls, code: str) -> Explanation:
        """Return an error code in words: ours about the customer, else what the company's server did."""
        if code in COMMON and code not in ("timed_out", "not_reachable", "cut_off"):
            return COMMON[code]
        return Explanation(describe(code), "The channel's page lists each attempt. Send it again when it works.")

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Queue the webhook under the message's own id, so that an attempt that is repeated sends one."""
        key = f"msg_{outbound.message_id.hex}"
        endpoint = find_endpoint(purpose=PURPOSE, ref=outbound.channel_account_id)
        if endpoint is None:
            return SendResult(ok=True, provider_id=key)
        if endpoint.state == WebhookEndpoint.State.GONE:
            return SendResult(ok=False, error="gone", permanent=True)
        # Names of staff are not part of what the app gets.
        columns = ("seq", "sender_type", "created_at")
        seq, sender, created_at = Message.objects.values_list(*columns).get(pk=outbound.message_id)
        names = {str(row.pk): row.filename for row in Attachment.objects.filter(message=outbound.message_id)}
        delivery = queue_delivery(
            endpoint=endpoint,
            event_type=CREATED,
            event={
                "message_id": str(outbound.message_id),
                "conversation_id": str(outbound.conversation_id),
                "customer_id": customer_of(outbound.recipient.value),
                "seq": seq,
                "sender": sender,
                "content_type": outbound.content_type,
                "text": outbound.text,
                "media": [{**file, "name": names.get(str(file["id"]), "")} for file in outbound.media],
                "created_at": created_at.isoformat(),
            },
            key=key,
            ref=outbound.message_id,
            line=str(outbound.conversation_id),
        )
        if delivery.state == WebhookDelivery.State.FAILED and delivery.body is not None:
            # The message is sent again.
            queue_again(delivery)
        return SendResult(ok=True, provider_id=key)


class AppWebhooks(WebhookPurpose):
    """The rules of answers to an app."""

    permission = "channels_app.change_channelaccount"

    def verdict(self, delivery: WebhookDelivery, *, now: datetime) -> Verdict:
        """Ask the gate again: much can happen while a server is down. A closed channel sends nothing."""
        if delivery.ref is None:
            paused = ChannelAccount.objects.filter(pk=delivery.endpoint.ref, paused_at__isnull=False)
            return Verdict(until=now + PAUSED_LOOK) if paused.exists() else Verdict()
        rows = Message.objects.select_related("channel_account", "conversation").filter(pk=delivery.ref)
        message: Message | None = rows.first()
        if message is None:
            return Verdict(reason="erased")
        account = message.channel_account
        if not account.is_active:
            return Verdict(reason="channel_off")
        if account.paused_at is not None:
            return Verdict(until=now + PAUSED_LOOK)
        found = transports.find_way(message, account, message.conversation, now).verdict
        if found.kind == "wait":
            return Verdict(until=found.until)
        return Verdict() if found.may_leave else Verdict(reason=found.reason)

    def delivered(self, delivery: WebhookDelivery) -> None:
        accounts.clear_trouble(account_id=delivery.endpoint.ref)
        self._report(delivery, "delivered")

    def failed(self, delivery: WebhookDelivery, error: str) -> None:
        """Mark the message as failed, which hands the conversation to a person."""
        accounts.note_trouble(account_id=delivery.endpoint.ref, code=error)
        self._report(delivery, "failed", error)

    def _report(self, delivery: WebhookDelivery, status: str, error: str = "") -> None:
        if delivery.ref is None:
            return
        try:
            services.record_status(actor=ACTOR, status=status, message_id=delivery.ref, error=error)
        except NotFound:
            # The message was erased meanwhile.
            return

    def link(self, endpoint: WebhookEndpoint) -> str:
        return reverse("admin:conversations_channelaccount_change", args=[endpoint.ref])
