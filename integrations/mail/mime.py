"""Mail as a MIME message for SMTP."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from core.clock import now
from integrations.mail.types import Mail


def message_of(mail: Mail) -> EmailMessage:
    """Return the message with plain text, HTML and files; its Message-ID contains our delivery id."""
    message = EmailMessage(policy=SMTP)
    message["From"] = str(Address(mail.sender.name, addr_spec=mail.sender.address))
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now())
    message["Message-ID"] = message_id_of(mail)
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    for name, value in mail.headers.items():
        if name != "Message-ID":
            message[name] = value
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for file in mail.files:
        family, _, kind = file.content_type.partition("/")
        message.add_attachment(file.content, maintype=family, subtype=kind, filename=file.name)
    return message


def message_id_of(mail: Mail) -> str:
    """Return the Message-ID, the same for all attempts, so that servers can detect a repeat."""
    if chosen := mail.headers.get("Message-ID"):
        return chosen
    return f"<{mail.delivery_id}@{mail.sender.address.rpartition('@')[2]}>"
