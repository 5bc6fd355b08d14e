"""Whether the installation has mail of its own, by its settings."""

from email.utils import parseaddr

from django.conf import settings


def installation_sends() -> bool:
    """Tell whether the installation has a mail server or account and a sender, whatever its organisations have."""
    is_named = bool(parseaddr(settings.MAIL_FROM)[1])
    return is_named and bool(settings.SENDGRID_API_KEY or settings.EMAIL_URL)
