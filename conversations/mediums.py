"""The rules of each kind of channel: recipients, reply window, lengths, files and buttons."""

from datetime import timedelta
from typing import Final

from conversations.types import Medium

MB: Final = 1024 * 1024


class WebChat(Medium):
    """Our own chat on a website."""

    recipient_kinds = ("member", "webchat")


class OwnApp(Medium):
    """A company's own app, which gets each message as one webhook."""

    recipient_kinds = ("customer",)


class Sms(Medium):
    """Text messages to phones."""

    recipient_kinds = ("phone",)
    text_limit = 1600


class WhatsApp(Medium):
    """WhatsApp as Meta offers it to businesses."""

    recipient_kinds = ("phone", "bsuid")
    window = timedelta(hours=24)
    text_limit = 4096
    caption_limit = 1024
    media_limits = {
        "image/jpeg": 5 * MB,
        "image/png": 5 * MB,
        "audio": 16 * MB,
        "video/mp4": 16 * MB,
        "video/3gpp": 16 * MB,
        "application": 100 * MB,
        "text/plain": 100 * MB,
    }
    media_count = 1
    buttons = 3
    button_limit = 20
    list_rows = 10
    row_limit = 24


class TwilioWhatsApp(WhatsApp):
    """WhatsApp through Twilio, which takes less: shorter texts, smaller files, buttons only in templates."""

    text_limit = 1600
    caption_limit = 1600
    media_limits = {
        "image/jpeg": 5 * MB,
        "image/png": 5 * MB,
        "audio": 16 * MB,
        "video/mp4": 16 * MB,
        "application/pdf": 16 * MB,
    }
    buttons = 0
    list_rows = 0
