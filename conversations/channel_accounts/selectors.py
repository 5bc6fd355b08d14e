"""Message templates: lists, one, and those that are chosen but can't be sent."""

from uuid import UUID

from django.db.models import QuerySet

from conversations.models import ChannelAccount, MessageTemplate
from core.actors import Actor
from core.db.rows import get_or_missing

VIEW = "channels_app.view_channelaccount"


def query_templates(*, viewer: Actor) -> QuerySet[MessageTemplate]:
    """Return templates. Needs `channels_app.view_channelaccount`."""
    viewer.require(VIEW)
    return MessageTemplate.objects.select_related("channel_account").defer("channel_account__credentials")


def get_template(*, viewer: Actor, template_id: UUID) -> MessageTemplate:
    """Return one template; raises `NotFound`. Needs the right to view them."""
    return get_or_missing(query_templates(viewer=viewer).filter(pk=template_id), "There is no such template.")


def find_lost_templates(*, viewer: Actor) -> list[MessageTemplate]:
    """Return chosen templates of open accounts that aren't approved. Needs the right to view them."""
    viewer.require(VIEW)
    accounts = ChannelAccount.objects.filter(is_active=True).exclude(template_uses={})
    chosen = [key for uses in accounts.values_list("template_uses", flat=True) for use in uses.values()
              for key in use.values()]  # fmt: skip
    if not chosen:
        return []
    rows = MessageTemplate.objects.filter(pk__in=chosen).exclude(state=MessageTemplate.State.APPROVED)
    return list(rows.order_by("name", "language"))
