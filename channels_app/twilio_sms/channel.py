"""The channel of text messages by Twilio."""

from typing import ClassVar

from channels_app import kit
from channels_app.twilio.channel import TwilioChannel
from channels_app.twilio.senders import MMS
from channels_app.twilio.transport import Part, TwilioTransport, links_of
from conversations.mediums import Mms, Sms
from conversations.models import ChannelAccount
from conversations.types import Medium, OutboundMessage


class SmsTransport(TwilioTransport):
    """Sends SMS through the same account and API as WhatsApp: no prefix and no 24-hour window."""

    medium: ClassVar[type[Medium]] = Sms
    option = MMS
    medium_with_option = Mms
    prefix = ""
    channel = "sms"

    def parts_of(self, outbound: OutboundMessage) -> list[Part]:
        """Return the parts of the text; all files go with the first one, as one MMS."""
        first, *others = self.medium.split(outbound.text)
        return [Part(first, tuple(links_of(outbound))), *map(Part, others)]


class TwilioSms(TwilioChannel):
    """Text messages, and files where the number can, through an organisation's own Twilio account."""

    kind = ChannelAccount.Kind.SMS
    kind_label = "SMS"
    transport = SmsTransport


kit.register(TwilioSms)
