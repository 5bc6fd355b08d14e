"""System check: a number whose webhooks nobody can verify."""

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError

from channels_app.whatsapp.numbers import KINDS, secrets_of
from conversations.models import ChannelAccount
from core.scope import platform_scope, tenant_scope


@register(Tags.database)
def check_secrets(**options: Any) -> list[CheckMessage]:
    """Report active numbers without a secret: their webhooks are answered 503 and nothing is taken."""
    if not options.get("databases"):
        return []
    try:
        return [_warning(account) for account in _without_secret()]
    except DatabaseError:
        # Before the first migration there is no such table.
        return []


def _without_secret() -> list[ChannelAccount]:
    with platform_scope():
        rows = list(ChannelAccount.objects.filter(kind__in=KINDS, is_active=True))
    found = []
    for account in rows:
        with tenant_scope(account.tenant_id):
            if not secrets_of(account.credentials):
                found.append(account)
    return found


def _warning(account: ChannelAccount) -> CheckMessage:
    return checks.Warning(
        f"The channel account {account.pk} has no auth token: its webhooks are not taken.",
        hint="Enter the auth token under Channels in the console.",
        id="channels_app.W001",
    )
