"""Read a file of an email from the stored email itself."""

from django.conf import settings

from channels_app.email.inbox import WHOLE_TEXT
from channels_app.mime import mails
from channels_app.models import InboundDelivery
from conversations.models import Attachment
from integrations.media import LIMIT, FetchFailure, MediaFile, is_wanted


def read_file(attachment: Attachment) -> MediaFile | FetchFailure:
    """Return one file of an email, or why there is none. Nothing is unpacked."""
    _, _, place = attachment.source.partition(":")
    delivery_id, _, part = place.partition(":")
    delivery = InboundDelivery.objects.filter(pk=delivery_id, body__isnull=False).first() if place else None
    if delivery is None:
        return FetchFailure("gone", permanent=True)
    mail = mails.read(delivery.body.encode("latin-1"))
    if part == WHOLE_TEXT:
        text = "\n\n".join(filter(None, (mail.subject, mail.text, mail.quoted)))
        return MediaFile(text.encode("utf-8", "replace"), "text/plain")
    found = mail.parts[int(part)] if part.isdigit() and int(part) < len(mail.parts) else None
    if found is None:
        return FetchFailure("gone", permanent=True)
    if found.size > min(LIMIT, settings.MAIL_BYTES):
        return FetchFailure("too_large", permanent=True)
    if not is_wanted(found.content_type):
        return FetchFailure("type_refused", permanent=True)
    content = found.content()
    return MediaFile(content, found.content_type) if content else FetchFailure("empty", permanent=True)
