"""Send a WhatsApp message through Twilio."""

from typing import ClassVar

from channels_app.kit.phones.numbers import PREFIX
from channels_app.twilio.transport import Part, TwilioTransport, links_of
from conversations.mediums import TwilioWhatsApp
from conversations.types import Medium, OutboundMessage


class WhatsAppTransport(TwilioTransport):
    """Sends WhatsApp messages through the tenant's own Twilio account."""

    medium: ClassVar[type[Medium]] = TwilioWhatsApp
    prefix = PREFIX
    channel = "whatsapp"

    def parts_of(self, outbound: OutboundMessage) -> list[Part]:
        """Return the messages that a reply becomes: its text, then each file on its own.

        WhatsApp takes one file at a time, and drops the text beside most kinds.
        """
        texts = self.medium.split(outbound.text) if outbound.text.strip() else []
        return [*map(Part, texts), *(Part("", (url,)) for url in links_of(outbound))]
