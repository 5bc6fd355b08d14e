"""Endpoints of message templates."""

from typing import ClassVar

from django_filters import ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin

from conversations.channel_accounts import templates
from conversations.channel_accounts.selectors import get_template, query_templates
from conversations.models import MessageTemplate
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.views import ListViewSet

VIEW = "channels_app.view_channelaccount"


class TemplateSerializer(RowSerializer[MessageTemplate]):
    """A template as the provider has it, with what it is sent for."""

    account = serializers.UUIDField(source="channel_account_id")
    variables = serializers.ListField(child=serializers.CharField())
    preview = serializers.SerializerMethodField(help_text="The text with masked values.")
    uses = serializers.SerializerMethodField(help_text="What it is sent for in its language.")

    class Meta:
        model = MessageTemplate
        fields: ClassVar[list[str]] = (
            "id account name language category state body variables preview uses synced_at".split()
        )

    def get_preview(self, template: MessageTemplate) -> str:
        return templates.preview_of(template=template)

    def get_uses(self, template: MessageTemplate) -> list[str]:
        return templates.uses_of(template, account=template.channel_account)


class TemplateFilters(ApiFilterSet):
    """The filters of templates."""

    account = UUIDFilter(field_name="channel_account_id")
    state = ChoiceFilter(choices=MessageTemplate.State.choices)


class TemplateViewSet(RetrieveModelMixin, ListViewSet):
    """Message templates."""

    descriptions: ClassVar = {
        "list": "List the message templates of WhatsApp accounts.",
        "retrieve": "Read a message template.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW}
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilters
    lookup_url_kwarg = "template_id"
    list_rows = staticmethod(query_templates)
    read_row = get_template
