"""System check: a number or mail account whose webhooks nobody can verify."""

from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError

from channels_app.email import mailboxes
from channels_app.whatsapp.senders import KINDS, secrets_of
from conversations.models import ChannelAccount
from core.errors import Unavailable
from core.tenancy.scope import platform_scope, tenant_scope


@register(Tags.database)
def check_secrets(**options: Any) -> list[CheckMessage]:
    """Report active numbers and mail accounts without a secret: their webhooks are answered 503, nothing is taken."""
    if not options.get("databases"):
        return []
    try:
        with platform_scope():
            rows = list(ChannelAccount.objects.filter(kind__in=[*KINDS, mailboxes.KIND], is_active=True))
        found = []
        for account in rows:
            with tenant_scope(account.tenant_id):
                try:
                    is_mail = account.kind == mailboxes.KIND
                    if not (mailboxes.keys_of if is_mail else secrets_of)(account.credentials):
                        found.append(_warning(account))
                except Unavailable:
                    found.append(_unreadable(account))
        return found
    except DatabaseError:
        # Before the first migration there is no such table.
        return []


def _unreadable(account: ChannelAccount) -> CheckMessage:
    return checks.Error(
        f"The credentials of the channel account {account.pk} cannot be read.",
        hint="They were kept under other keys: start with the WALKER_KEYS they were made with, old ones included.",
        id="channels_app.E001",
    )


def _warning(account: ChannelAccount) -> CheckMessage:
    if account.kind == mailboxes.KIND:
        return checks.Warning(
            f"The mail account {account.pk} has no verification key: what becomes of its mail is not taken.",
            hint="Enter the verification key of the signed Event Webhook under Channels in the console.",
            id="channels_app.W002",
        )
    return checks.Warning(
        f"The channel account {account.pk} has no auth token: its webhooks are not taken.",
        hint="Enter the auth token under Channels in the console.",
        id="channels_app.W001",
    )
