"""The channel of text messages by Twilio."""

from channels_app import kit
from channels_app.twilio.channel import TwilioChannel
from channels_app.twilio_sms.transport import SmsTransport
from conversations.models import ChannelAccount


class TwilioSms(TwilioChannel):
    """Text messages, and files where the number can, through an organisation's own Twilio account."""

    kind = ChannelAccount.Kind.SMS
    label = "SMS by Twilio"
    transport = SmsTransport


kit.register(TwilioSms)
