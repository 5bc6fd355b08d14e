"""The web chat transport: the event on the conversation's stream is the delivery."""

from conversations.mediums import WebChat
from conversations.types import OutboundMessage, SendResult, Transport


class WebChatTransport(Transport):
    """Sends nothing itself: the customer's page reads the stream."""

    instant = True
    medium = WebChat

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Confirm: the page has the event, or reads it when it reconnects."""
        return SendResult(ok=True, provider_id=str(outbound.message_id))
