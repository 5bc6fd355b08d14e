"""What emails by SendGrid and from a mailbox have in common: how they leave, and what becomes of one that came."""

from typing import Any

from channels_app.email import arrivals, inbox, transport
from channels_app.email.connect import MailConnect
from channels_app.kit import Channel, Source
from channels_app.mime import mails
from channels_app.models import InboundDelivery
from conversations.models import Attachment, ChannelAccount
from integrations.mail.errors import MEANINGS
from integrations.media import FetchFailure, MediaFile


def words_of(delivery: InboundDelivery) -> dict[str, Any]:
    """Return a stored email's senders, recipients and words, decoded."""
    mail = mails.read(delivery.body.encode("latin-1"))
    names = ("from", "reply-to", "x-original-sender", "sender")
    found = [one.address for name in names for one in mail.headers.addresses(name)]
    others = [one.address for one in mail.recipients]
    return {"From": found, "To": others, "text": [mail.subject, mail.text, mail.quoted]}


MAILS = Source(arrivals.PROVIDER, inbox.receive_delivery, words=words_of, is_large=True)


class EmailChannel(Channel):
    """A mail account of an organisation."""

    kind = ChannelAccount.Kind.EMAIL
    kind_label = "Email"
    transport = transport.EmailTransport
    connect = MailConnect
    codes = MEANINGS
    page = "channels_app.email.admin.MailPage"

    @classmethod
    def fetch_file(cls, attachment: Attachment) -> MediaFile | FetchFailure:
        return inbox.read_file(attachment)


transport.register()
