"""A mail as the text that SMTP carries."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from core.clock import now
from integrations.mail.types import Mail


def message_of(mail: Mail) -> EmailMessage:
    """Return the mail with plain text first and HTML beside it; its Message-ID is made of our id."""
    message = EmailMessage(policy=SMTP)
    message["From"] = str(Address(mail.sender.name, addr_spec=mail.sender.address))
    message["To"] = mail.recipient
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now())
    message["Message-ID"] = message_id_of(mail)
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message


def message_id_of(mail: Mail) -> str:
    """Return the id that stays the same over all attempts, so that a receiver can tell a repeat."""
    return f"<{mail.delivery_id}@{mail.sender.address.rpartition('@')[2]}>"
