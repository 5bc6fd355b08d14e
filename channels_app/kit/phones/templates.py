"""Fetch the templates of WhatsApp accounts from their vendors."""

from typing import Final
from uuid import UUID

from channels_app.kit.phones.channel import phone_channel_of
from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.db.rows import get_row
from core.errors import Invalid
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope

log = get_logger(__name__)
CHANGE: Final = "channels_app.change_channelaccount"
# Their words -> ours; all others are still in review.
STATES: Final = {
    **dict.fromkeys(("approved", "reinstated", "flagged"), "approved"),
    **dict.fromkeys(("pending", "in_appeal"), "pending"),
    **dict.fromkeys(("deleted", "pending_deletion"), "gone"),
    **{state: state for state in ("paused", "rejected", "disabled")},
}
WHATSAPP: Final = ChannelAccount.Kind.WHATSAPP


def fetch_templates(*, actor: Actor, account_id: UUID) -> int:
    """Fetch and count templates. Needs `channels_app.change_channelaccount`; raises `NotFound`, `Invalid` in words."""
    actor.require(CHANGE)
    account = get_row(ChannelAccount, account_id, "There is no such number.", kind=WHATSAPP, is_active=True)
    channel = phone_channel_of(account)
    found = channel.list_templates(account)
    if isinstance(found, str):
        accounts.note_trouble(account_id=account.pk, code=found)
        raise Invalid(channel.connect.describe(found))
    return accounts.store_templates(account_id=account.pk, found=found)


def sweep_account(account_id: UUID) -> int:
    """Fetch the templates of an account; a failure is logged, and the next sweep tries again."""
    account = ChannelAccount.objects.filter(pk=account_id, kind=WHATSAPP, is_active=True).first()
    found = phone_channel_of(account).list_templates(account) if account is not None else "gone"
    if account is None or isinstance(found, str):
        log.info("templates_not_fetched", account=str(account_id), code=found)
        return 0
    return accounts.store_templates(account_id=account.pk, found=found)


def list_accounts() -> list[tuple[UUID, UUID]]:
    """Return (tenant, account) of the WhatsApp accounts of all tenants."""
    with platform_scope():
        rows = ChannelAccount.objects.filter(kind=WHATSAPP, is_active=True)
        return list(rows.values_list("tenant_id", "id"))
