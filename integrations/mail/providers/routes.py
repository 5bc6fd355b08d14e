"""Which provider sends a tenant's mail: its own account, otherwise the installation's."""

import sys
from dataclasses import dataclass
from email.utils import parseaddr
from typing import ClassVar, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings

from accounts.selectors import support_name
from core.errors import Unavailable
from core.mail_settings import installation_sends
from core.tenancy.scope import current_tenant_id
from integrations.mail.mime import message_id_of, message_of
from integrations.mail.providers.sendgrid import SendGridSender
from integrations.mail.providers.smtp import SmtpSender, SmtpServer
from integrations.mail.types import Accepted, Mail, Mailbox, MailOutcome, MailSender
from integrations.models import ProviderAccount

PORTS: Final = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
CONSOLE: Final = "console"
PROVIDER: Final = "sendgrid"


class TerminalSender(MailSender):
    """Prints mail to the terminal instead of sending it, for development."""

    provider: ClassVar[str] = "console"

    def send(self, mail: Mail) -> MailOutcome:
        sys.stdout.write(f"{'-' * 72}\n{message_of(mail).as_string()}\n{'-' * 72}\n")
        sys.stdout.flush()
        return Accepted(message_id_of(mail))


@dataclass(frozen=True, slots=True)
class Route:
    """The provider and the sender's mailbox for a mail."""

    sender: MailSender
    mailbox: Mailbox


def find_route() -> Route:
    """Return the route of the tenant in scope; raises `Unavailable` "not_connected" without one."""
    account = own_account()
    if account is None:
        return find_installation_route()
    stored = account.credentials
    mailbox = Mailbox(stored.get("from_address", ""), stored.get("from_name") or support_name())
    return Route(_sendgrid(stored.get("api_key", ""), str(current_tenant_id())), mailbox)


def find_installation_route() -> Route:
    """Return the installation's route; raises `Unavailable` "not_connected" without one."""
    name, address = parseaddr(settings.MAIL_FROM)
    sender: MailSender
    if address and settings.SENDGRID_API_KEY:
        sender = _sendgrid(settings.SENDGRID_API_KEY, "installation")
    elif address and settings.EMAIL_URL:
        is_console = urlsplit(settings.EMAIL_URL).scheme == CONSOLE
        sender = TerminalSender() if is_console else SmtpSender(smtp_server(settings.EMAIL_URL))
    else:
        raise Unavailable("No mail account is connected.", code="not_connected")
    return Route(sender, Mailbox(address, name))


def is_connected() -> bool:
    """Return True if the tenant in scope can send mail."""
    return own_account() is not None or installation_sends()


def own_account() -> ProviderAccount | None:
    """Return the tenant's own mail account, or None."""
    return ProviderAccount.objects.filter(provider=PROVIDER, is_active=True, is_default=True).first()


def _sendgrid(api_key: str, account: str) -> MailSender:
    return SendGridSender(base_url=settings.SENDGRID_API_BASE, api_key=api_key, account=account)


def smtp_server(url: str) -> SmtpServer:
    """Parse `smtp://user:password@host:port`, `smtp+tls://` (STARTTLS) or `smtp+ssl://`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("EMAIL_URL must be smtp://, smtp+tls:// or smtp+ssl:// with a host, or console://")
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme == "smtp+tls",
        ssl=parts.scheme == "smtp+ssl",
    )
