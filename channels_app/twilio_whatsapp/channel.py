"""The channel of WhatsApp by Twilio."""

from typing import ClassVar

from channels_app import kit
from channels_app.kit.phones.numbers import PREFIX
from channels_app.twilio.channel import TwilioChannel
from channels_app.twilio.transport import Part, TwilioTransport, links_of
from conversations import mediums
from conversations.models import ChannelAccount
from conversations.types import Medium, OutboundMessage


class WhatsAppTransport(TwilioTransport):
    """Sends WhatsApp messages through the tenant's own Twilio account."""

    medium: ClassVar[type[Medium]] = mediums.TwilioWhatsApp
    prefix = PREFIX
    channel = "whatsapp"

    def parts_of(self, outbound: OutboundMessage) -> list[Part]:
        """Return the messages of a reply: its text, then each file. WhatsApp drops the text beside most kinds."""
        texts = self.medium.split(outbound.text) if outbound.text.strip() else []
        return [*map(Part, texts), *(Part("", (url,)) for url in links_of(outbound))]


class TwilioWhatsApp(TwilioChannel):
    """WhatsApp through an organisation's own Twilio account."""

    kind = ChannelAccount.Kind.WHATSAPP
    kind_label = "WhatsApp"
    transport = WhatsAppTransport


kit.register(TwilioWhatsApp)
