"""System check: mail settings that cannot work."""

from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from integrations.mail.routes import CONSOLE, smtp_server


@register
def check_mail(**_: Any) -> list[CheckMessage]:
    """Report an address of a mail server that cannot be read, and a missing sender."""
    found: list[CheckMessage] = []
    if settings.EMAIL_URL and urlsplit(settings.EMAIL_URL).scheme != CONSOLE:
        try:
            smtp_server(settings.EMAIL_URL)
        except ValueError as problem:
            found.append(Error("EMAIL_URL cannot be used.", hint=str(problem), id="integrations.E001"))
    is_meant = settings.EMAIL_URL or settings.SENDGRID_API_KEY
    if is_meant and "@" not in parseaddr(settings.MAIL_FROM)[1]:
        hint = 'Set MAIL_FROM to "Name <address>".'
        found.append(Error("Mail is set up but nobody is named as its sender.", hint=hint, id="integrations.E002"))
    return found
