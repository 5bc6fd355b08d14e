"""The check of an installation that looks whether providers call its channels at their present address."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db.models import Exists, OuterRef

from channels_app.kit.channel import Verify, channel_of
from channels_app.models import InboundDelivery
from channels_app.webhooks.intake import refused_key
from conversations.models import ChannelAccount
from core.clock import now
from core.installation.address import in_production, is_local
from core.installation.registry import Check, Finding, register, warning, well
from core.tenancy.scope import platform_scope

NEW: Final = timedelta(days=1)
"""For how long an account may have heard nothing."""


def channel_addresses() -> Finding:
    """Find accounts that providers call at another address than PUBLIC_URL, or never have called.

    Providers keep the address themselves. What Walker has are the webhooks: those it refused, as their signature
    covers the address, and none at all.
    """
    with platform_scope():  # numbers, and whether webhooks came: no row of anyone
        came = InboundDelivery.objects.filter(channel_account=OuterRef("pk"))
        active = ChannelAccount.objects.filter(is_active=True, paused_at=None).annotate(was_called=Exists(came))
        rows: list[Any] = list(active.defer("credentials"))
    called = [row for row in rows if isinstance(getattr(channel_of(row), "verify", None), Verify)]
    if not called:
        return well("There is no channel that a provider calls.")
    if is_local() or not settings.IS_HTTPS:
        return in_production(
            f"Providers call {len(called)} channels, and can't do so at PUBLIC_URL.",
            "Set PUBLIC_URL, then enter each channel's address at its provider again.",
        )
    refused = len(cache.get_many([refused_key(row.tenant_id, row.pk) for row in called]))
    silent = sum(not row.was_called and row.created_at < now() - NEW for row in called)
    wrong = [f"{refused} got webhooks with a wrong signature in the last day"] if refused else []
    wrong += [f"{silent} never got a webhook"] if silent else []
    if wrong:
        return warning(
            f"Of {len(called)} channels that providers call, {' and '.join(wrong)}.",
            "Each channel's page shows the address to enter at its provider; it begins with PUBLIC_URL.",
        )
    return well(f"Providers reach all {len(called)} channels that they call, as far as their webhooks show.")


register(Check("channels", "Addresses of channels", channel_addresses))
