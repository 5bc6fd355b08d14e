"""The channel of WhatsApp by Twilio."""

from channels_app import kit
from channels_app.twilio.channel import TwilioChannel
from channels_app.twilio_whatsapp.transport import WhatsAppTransport
from conversations.models import ChannelAccount


class TwilioWhatsApp(TwilioChannel):
    """WhatsApp through an organisation's own Twilio account."""

    kind = ChannelAccount.Kind.WHATSAPP
    label = "WhatsApp by Twilio"
    transport = WhatsAppTransport


kit.register(TwilioWhatsApp)
