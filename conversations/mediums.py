"""The rules of each kind of channel: recipients, reply window, lengths, files and buttons."""

from datetime import timedelta
from typing import Final

from conversations.types import Medium

MB: Final = 1024 * 1024
_OOXML: Final = "application/vnd.openxmlformats-officedocument"
_WORD, _SHEET, _SLIDES = (
    f"{_OOXML}.{name}" for name in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)


class WebChat(Medium):
    """Our own chat on a website."""

    recipient_kinds = ("member", "webchat")
    media_limits = dict.fromkeys(("image", "audio", "video", "application", "text"), 16 * MB)
    media_count = 10
    buttons = 3
    button_limit = 40


class OwnApp(Medium):
    """A company's own app, which gets each message as one webhook."""

    recipient_kinds = ("customer",)
    media_limits = WebChat.media_limits
    media_count = 10


class Sms(Medium):
    """Text messages to phones."""

    recipient_kinds = ("phone",)
    text_limit = 1600
    no_media = (
        "This number can't send files by SMS. If Twilio lists MMS among its capabilities, turn that on in the "
        "channel's settings; otherwise send a link or use another channel."
    )


class Mms(Sms):
    """Text messages of a number that can send files as well."""

    media_limits = dict.fromkeys(
        (
            "image/jpeg",
            "image/png",
            "image/gif",
            "audio/mpeg",
            "audio/amr",
            "audio/mp4",
            "video/mp4",
            "video/3gpp",
            "application/pdf",
            "text/vcard",
            "text/csv",
        ),
        5 * MB,
    )
    media_count = 10
    media_total = 5 * MB


class Email(Medium):
    """Emails, which have room for everything a person writes."""

    recipient_kinds = ("email",)
    # Encoded they grow by a third: what most mail servers take is 25 MB, and many only 15.
    media_limits = dict.fromkeys(("image", "audio", "video", "application", "text"), 10 * MB)
    media_count = 10
    media_total = 10 * MB


class WhatsApp(Medium):
    """WhatsApp as Meta offers it to businesses."""

    recipient_kinds = ("phone", "bsuid")
    window = timedelta(hours=24)
    text_limit = 4096
    caption_limit = 1024
    media_limits = {
        "image/jpeg": 5 * MB,
        "image/png": 5 * MB,
        **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * MB),
        "video/mp4": 16 * MB,
        "video/3gpp": 16 * MB,
        "application/pdf": 100 * MB,
        "application/msword": 100 * MB,
        "application/vnd.ms-excel": 100 * MB,
        "application/vnd.ms-powerpoint": 100 * MB,
        _WORD: 100 * MB,
        _SHEET: 100 * MB,
        _SLIDES: 100 * MB,
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
        # Twilio, "Accepted content types for media"; WebP is for stickers only.
        "image/jpeg": 5 * MB,
        "image/png": 5 * MB,
        **dict.fromkeys(("audio/ogg", "audio/amr", "audio/aac", "audio/mpeg", "video/mp4", "video/3gpp"), 16 * MB),
        **dict.fromkeys(("application/pdf", "application/msword", _WORD, _SHEET, _SLIDES, "text/vcard"), 16 * MB),
    }
    buttons = 0
    list_rows = 0
