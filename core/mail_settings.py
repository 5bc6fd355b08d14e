"""The installation's own mail settings."""

from email.utils import parseaddr

from django.conf import settings


def installation_sends() -> bool:
    """Return True if the installation has a mail server or account and a sender of its own."""
    is_named = bool(parseaddr(settings.MAIL_FROM)[1])
    return is_named and bool(settings.SENDGRID_API_KEY or settings.EMAIL_URL)
