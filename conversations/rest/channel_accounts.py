"""Endpoints of channel accounts."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet

from conversations import selectors
from conversations.models import ChannelAccount
from conversations.rest import serializers as shapes
from core.actors import Actor
from core.rest.operations import lists, reads
from core.rest.views import ApiView

VIEW = "channels_app.view_channelaccount"


class ChannelAccounts(ApiView):
    """Channel accounts."""

    permissions: ClassVar = {"GET": VIEW}

    @lists("channel_accounts_list", shapes.ChannelAccountSerializer, query=shapes.AccountQuery)
    def get(self, viewer: Actor) -> QuerySet[ChannelAccount]:
        """List numbers, mailboxes and widgets, never their credentials. Needs `channels_app.view_channelaccount`."""
        return selectors.query_channel_accounts(viewer=viewer, kind=self.asked["kind"], active=self.asked["active"])


class ChannelAccountPage(ApiView):
    """One channel account."""

    permissions: ClassVar = {"GET": VIEW}

    @reads("channel_accounts_retrieve", shapes.ChannelAccountSerializer)
    def get(self, viewer: Actor, account_id: UUID) -> ChannelAccount:
        """Read a channel account, never its credentials. Needs `channels_app.view_channelaccount`."""
        return selectors.get_channel_account(viewer=viewer, account_id=account_id)
