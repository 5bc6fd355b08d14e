"""Endpoints of channel accounts."""

from typing import Any, ClassVar

from django_filters import ChoiceFilter
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin

from conversations.contacts.selectors import directory
from conversations.models import ChannelAccount
from core.reach import channels
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet, BooleanFilter
from core.rest.views import ListViewSet


class AccountSummarySerializer(serializers.Serializer[Any]):
    """The channel account."""

    id = serializers.UUIDField(source="pk", read_only=True)
    kind = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)


class ChannelAccountSerializer(RowSerializer[ChannelAccount]):
    """A number, mailbox or widget; its credentials are never shown."""

    kind = serializers.ChoiceField(channels.kinds(), read_only=True)
    provider = serializers.ChoiceField(channels.providers(), read_only=True)
    widget_key = serializers.SerializerMethodField(
        help_text="The key of a web chat or an app, which is public; else empty."
    )

    class Meta:
        model = ChannelAccount
        fields: ClassVar[list[str]] = (
            "id kind provider name address widget_key origins is_active paused_at pause_reason last_error "
            "last_error_at created_at"
        ).split()

    def get_widget_key(self, account: ChannelAccount) -> str:
        """Return the key that stands in public pages; the one in a mail hook's address is a secret."""
        is_public = account.kind in (ChannelAccount.Kind.WEBCHAT, ChannelAccount.Kind.APP)
        return account.public_key if is_public else ""


VIEW = "channels_app.view_channelaccount"


class AccountFilters(ApiFilterSet):
    """The filters of channel accounts."""

    kind = ChoiceFilter(choices=channels.kinds())
    provider = ChoiceFilter(choices=channels.providers())
    active = BooleanFilter(field_name="is_active")


class ChannelAccountViewSet(RetrieveModelMixin, ListViewSet):
    """Channel accounts."""

    descriptions: ClassVar = {
        "list": "List numbers, mailboxes and widgets, never their credentials.",
        "retrieve": "Read a channel account, never its credentials.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW}
    serializer_class = ChannelAccountSerializer
    filterset_class = AccountFilters
    lookup_url_kwarg = "account_id"
    list_rows = staticmethod(directory.query_channel_accounts)
    read_row = directory.get_channel_account
