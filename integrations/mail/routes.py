"""Which provider carries a tenant's mail: its own account, else that of the installation."""

from dataclasses import dataclass
from email.utils import parseaddr
from typing import Final
from urllib.parse import unquote, urlsplit

from django.conf import settings

from core.errors import Unavailable
from core.mail_settings import installation_sends
from core.tenancy.scope import current_tenant_id
from integrations.mail.sendgrid import SendGridSender
from integrations.mail.smtp import SmtpSender, SmtpServer
from integrations.mail.terminal import TerminalSender
from integrations.mail.types import Mailbox, MailSender
from integrations.models import ProviderAccount

PORTS: Final = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
CONSOLE: Final = "console"
PROVIDER: Final = ProviderAccount.Provider.SENDGRID


@dataclass(frozen=True, slots=True)
class Route:
    """Who carries a mail, and from whom it comes."""

    sender: MailSender
    mailbox: Mailbox


def find_route() -> Route:
    """Return the way out for the tenant in scope; raises `Unavailable` "not_connected" without one."""
    account = own_account()
    if account is not None:
        kept = account.credentials
        mailbox = Mailbox(kept.get("from_address", ""), kept.get("from_name", ""))
        return Route(_sendgrid(kept.get("api_key", ""), str(current_tenant_id())), mailbox)
    return find_installations_route()


def find_installations_route() -> Route:
    """Return the installation's own way out, whatever accounts its organisations have; raises as `find_route`."""
    name, address = parseaddr(settings.MAIL_FROM)
    sender = _of_installation() if address else None
    if sender is None:
        raise Unavailable("No mail account is connected.", code="not_connected")
    return Route(sender, Mailbox(address, name))


def is_connected() -> bool:
    """Tell whether the tenant in scope can send mail at all."""
    return own_account() is not None or installation_sends()


def own_account() -> ProviderAccount | None:
    """Return the tenant's own mail account."""
    rows = ProviderAccount.objects.filter(provider=PROVIDER, is_active=True)
    found: ProviderAccount | None = rows.first()
    return found


def _sendgrid(api_key: str, account: str) -> MailSender:
    return SendGridSender(base_url=settings.SENDGRID_API_BASE, api_key=api_key, account=account)


def _of_installation() -> MailSender | None:
    if settings.SENDGRID_API_KEY:
        return _sendgrid(settings.SENDGRID_API_KEY, "installation")
    if not settings.EMAIL_URL:
        return None
    parts = urlsplit(settings.EMAIL_URL)
    return TerminalSender() if parts.scheme == CONSOLE else SmtpSender(smtp_server(settings.EMAIL_URL))


def smtp_server(url: str) -> SmtpServer:
    """Read `smtp://user:password@host:port`, `smtp+tls://` (STARTTLS) or `smtp+ssl://`; raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("EMAIL_URL is smtp://, smtp+tls://, smtp+ssl:// with a host, or console://")
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme == "smtp+tls",
        ssl=parts.scheme == "smtp+ssl",
    )
