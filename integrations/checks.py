"""System check for invalid mail settings."""

from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from integrations.mail.providers.routes import CONSOLE, smtp_server


@register
def check_mail(**_: Any) -> list[CheckMessage]:
    """Report an invalid mail server URL and a missing sender."""
    problems: list[CheckMessage] = []
    if settings.EMAIL_URL and urlsplit(settings.EMAIL_URL).scheme != CONSOLE:
        try:
            smtp_server(settings.EMAIL_URL)
        except ValueError as problem:
            problems.append(Error("EMAIL_URL is not valid.", hint=str(problem), id="integrations.E001"))
    is_set_up = settings.EMAIL_URL or settings.SENDGRID_API_KEY
    if is_set_up and "@" not in parseaddr(settings.MAIL_FROM)[1]:
        hint = 'Set MAIL_FROM to "Name <address>".'
        problems.append(Error("Mail is set up without a sender.", hint=hint, id="integrations.E002"))
    return problems
