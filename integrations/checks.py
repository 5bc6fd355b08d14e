"""Checks of mail, registration, the bucket, and accounts with a provider unknown here: at the start, and on request."""

import secrets
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from accounts.sign_in.registration import OPEN, WAYS
from core.installation.address import in_production
from core.installation.registry import Check, Finding, failure, well
from core.installation.registry import register as register_check
from core.installation.registry import warning as warn
from core.mail_settings import installation_sends
from core.privacy.sealed_files import StoreFailed
from core.tenancy.scope import platform_scope
from integrations.mail.providers.routes import CONSOLE, smtp_server
from integrations.models import ProviderAccount
from integrations.object_store import files_from_settings
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


def mail_provider() -> Finding:
    """Find whether the installation itself can send mail, and whether it leaves this machine."""
    if not installation_sends():
        return warn(
            "The installation sends no mail: nobody can reset a password, unless their organisation has an account.",
            "Set EMAIL_URL or SENDGRID_API_KEY, and MAIL_FROM.",
        )
    if not settings.SENDGRID_API_KEY and urlsplit(settings.EMAIL_URL).scheme == CONSOLE:
        return in_production("Mail is printed instead of sent.", "Set EMAIL_URL to a mail server.")
    return well("The installation sends mail by " + ("SendGrid." if settings.SENDGRID_API_KEY else "a mail server."))


def bucket() -> Finding:
    """Write, read and delete an object of its own in the bucket of files, if one is set (outside calls)."""
    store = files_from_settings()
    if store is None:
        return well("No bucket is set: files are kept in the database.")
    key, content = f"doctor/{secrets.token_hex(16)}", secrets.token_bytes(32)
    try:
        store.put(key, content)
        is_same = store.get(key) == content
        store.remove(key)
    except StoreFailed as problem:
        return failure(
            f"The bucket can't be written, read and emptied: {problem}",
            "Look at WALKER_FILE_STORE, its key's rights (put, get, delete) and region.",
        )
    if not is_same:
        return failure("The bucket gave back other bytes than it was given.", "Look at what WALKER_FILE_STORE names.")
    return well("The bucket takes, gives back and deletes an object.")


register_check(Check("mail", "Mail", mail_provider))
register_check(Check("bucket", "Bucket", bucket, seconds=8.0))
