"""Pause a channel: nothing leaves it, and what arrives is stored and processed once it is resumed."""

from uuid import UUID

from django.db import transaction

from channels_app.webhooks import deliveries
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor


def set_paused(*, actor: Actor, account_id: UUID, paused: bool, reason: str = "") -> ChannelAccount:
    """Pause a channel account, or resume it, and return it. Safe to repeat.

    While it is paused, messages to customers wait and webhooks are stored unprocessed; a mailbox is not read, and a
    web chat or an app's socket takes no one. Delivery reports of emails are processed all the same. Needs
    `channels_app.change_channelaccount`; raises `NotFound`, and `Invalid` for a pause without a reason.
    """
    with transaction.atomic():
        account = accounts.pause_channel(actor=actor, account_id=account_id, paused=paused, reason=reason)
        if not paused:
            deliveries.release(account_id)
    return account
