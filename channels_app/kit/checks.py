"""System checks: channels that lack a part, accounts of no channel, and accounts whose webhooks nobody can verify."""

from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError

from channels_app.kit.channel import Channel, Verify, channel_for, channels, missing_parts
from conversations.models import ChannelAccount
from core.errors import Unavailable
from core.tenancy.scope import platform_scope, tenant_scope


@register()
def check_parts(**_: Any) -> list[CheckMessage]:
    """Report every part that a registered channel neither has nor says why it is without."""
    return [message for channel in channels() for message in messages_about(channel)]


def messages_about(channel: type[Channel]) -> Iterator[CheckMessage]:
    """Yield an error for each part that a channel lacks, by name."""
    for part in missing_parts(channel):
        yield checks.Error(
            f"The channel {channel.__name__} is registered without its part “{part}”.",
            hint=f'Declare it on {channel.__module__}.{channel.__name__}, or say why there is none: Without("…").',
            id="channels_app.E002",
        )


@register(Tags.database)
def check_pairs(**options: Any) -> list[CheckMessage]:
    """Report accounts whose kind and provider belong to no channel: nothing is sent or received by them."""
    if not options.get("databases"):
        return []
    try:
        with platform_scope():
            pairs = sorted(set(ChannelAccount.objects.values_list("kind", "provider")))
    except DatabaseError:
        # Before the first migration there is no such table.
        return []
    return [
        checks.Error(
            f"There are accounts of the kind “{kind}” with the provider “{provider}”, and no such channel.",
            hint="Register a channel of this pair under channels_app, or delete its accounts.",
            id="channels_app.E003",
        )
        for kind, provider in pairs
        if channel_for(kind, provider) is None
    ]


@register(Tags.database)
def check_secrets(**options: Any) -> list[CheckMessage]:
    """Report active accounts without a secret. Their webhooks get a 503."""
    if not options.get("databases"):
        return []
    alarmed = {
        (channel.kind, channel.provider): channel.verify
        for channel in channels()
        if isinstance(channel.verify, Verify) and channel.verify.alarm
    }
    try:
        with platform_scope():
            providers = {provider for _, provider in alarmed}
            rows = list(ChannelAccount.objects.filter(provider__in=providers, is_active=True))
        found = (_message_about(account, alarmed.get((account.kind, account.provider))) for account in rows)
        return [message for message in found if message is not None]
    except DatabaseError:
        # Before the first migration there is no such table.
        return []


def _message_about(account: ChannelAccount, verify: Verify | None) -> CheckMessage | None:
    """Return what is wrong with an account's secrets, or None."""
    if verify is None or verify.alarm is None:
        return None
    try:
        with tenant_scope(account.tenant_id):
            if verify.secrets(account.credentials):
                return None
    except Unavailable:
        return checks.Error(
            f"The credentials of the channel account {account.pk} cannot be read.",
            hint="They were encrypted with other keys: start with the WALKER_KEYS used then, including old ones.",
            id="channels_app.E001",
        )
    alarm = verify.alarm
    return checks.Warning(alarm.lacks.format(account.pk), hint=alarm.hint, id=alarm.id)
