"""System check: numbers and mail accounts whose webhooks cannot be verified."""

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError

from channels_app.email import mailboxes
from channels_app.twilio.senders import PROVIDER, secrets_of
from conversations.models import ChannelAccount
from core.errors import Unavailable
from core.tenancy.scope import platform_scope, tenant_scope


@register(Tags.database)
def check_secrets(**options: Any) -> list[CheckMessage]:
    """Report active numbers and mail accounts without a secret.

    Their webhooks get a 503.
    """
    if not options.get("databases"):
        return []
    try:
        with platform_scope():
            rows = list(ChannelAccount.objects.filter(provider__in=[PROVIDER, mailboxes.PROVIDER], is_active=True))
        found: list[CheckMessage] = []
        for account in rows:
            is_mail = account.provider == mailboxes.PROVIDER
            try:
                with tenant_scope(account.tenant_id):
                    has_secret = bool((mailboxes.keys_of if is_mail else secrets_of)(account.credentials))
            except Unavailable:
                found.append(
                    checks.Error(
                        f"The credentials of the channel account {account.pk} cannot be read.",
                        hint="They were encrypted with other keys: start with the WALKER_KEYS used then, "
                        "including old ones.",
                        id="channels_app.E001",
                    )
                )
                continue
            if not has_secret and is_mail:
                found.append(
                    checks.Warning(
                        f"The mail account {account.pk} has no verification key: its delivery reports are refused.",
                        hint="Enter the verification key of the signed Event Webhook under Channels in the console.",
                        id="channels_app.W002",
                    )
                )
            elif not has_secret:
                found.append(
                    checks.Warning(
                        f"The channel account {account.pk} has no auth token: its webhooks are refused.",
                        hint="Enter the auth token under Channels in the console.",
                        id="channels_app.W001",
                    )
                )
        return found
    except DatabaseError:
        # Before the first migration there is no such table.
        return []
