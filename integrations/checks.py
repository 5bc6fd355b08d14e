"""System checks for invalid settings of mail and registration, and for accounts with a provider unknown here."""

from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from accounts.sign_in.registration import OPEN, WAYS
from core.mail_settings import installation_sends
from core.tenancy.scope import platform_scope
from integrations.mail.providers.routes import CONSOLE, smtp_server
from integrations.models import ProviderAccount
from integrations.platforms import providers


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


@register
def check_registration(**_: Any) -> list[CheckMessage]:
    """Report a word of WALKER_REGISTRATION that means nothing, and an open registration that can't send its emails."""
    if settings.REGISTRATION not in WAYS:
        hint = f"Choose one of {', '.join(WAYS)}. Until then nobody can register."
        return [Error("WALKER_REGISTRATION is not valid.", hint=hint, id="integrations.E004")]
    if settings.REGISTRATION == OPEN and not installation_sends():
        hint = "Set EMAIL_URL or SENDGRID_API_KEY, and MAIL_FROM."
        return [Error("Registering is open, but no email can prove an address.", hint=hint, id="integrations.E005")]
    return []


@register(Tags.database)
def check_providers(**options: Any) -> list[CheckMessage]:
    """Report active accounts whose platform is not registered: nothing can read from it or execute on it."""
    if not options.get("databases"):
        return []
    try:
        with platform_scope():
            rows = ProviderAccount.objects.filter(is_active=True).exclude(provider__in=providers())
            gone = sorted(set(rows.values_list("provider", flat=True)))
    except DatabaseError:
        return []  # before the first migration there is no such table
    hint = "Name its class in PLATFORMS, or switch these accounts off."
    return [
        Error(f"There are accounts with {key!r}, which is no platform here.", hint=hint, id="integrations.E003")
        for key in gone
    ]
