"""Endpoints of tags."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.inbox.assignment import MANAGE
from conversations.inbox.selectors.tags import query_tags
from conversations.inbox.tags import create_tag, delete_tag, merge_tags, revise_tag
from conversations.models import Tag
from core.rest.fields import RowSerializer, SeenVersion
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

VIEW = "conversations.view_conversation"


class TagSerializer(RowSerializer[Tag]):
    """A tag of conversations."""

    class Meta:
        model = Tag
        fields: ClassVar[list[str]] = "id name colour version created_at".split()


class TagRequest(serializers.Serializer[Any]):
    """A tag."""

    name = serializers.CharField(max_length=60, help_text="No personal data: everybody sees it.")
    colour = serializers.ChoiceField(choices=Tag.Colour.choices, default=Tag.Colour.NEUTRAL.value)


class TagChange(TagRequest, SeenVersion):
    """The whole tag after the change."""


class TagMerge(SeenVersion):
    """The tag that takes its place."""

    into_id = serializers.UUIDField()


class TaggingConversation(serializers.Serializer[Any]):
    """Tags to put on a conversation, and others to take off."""

    add = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=20)
    remove = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=20)


class TagViewSet(RetrieveModelMixin, ListViewSet):
    """Tags."""

    descriptions: ClassVar = {
        "list": "List the tags of conversations.",
        "retrieve": "Read a tag.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), VIEW),
        **dict.fromkeys(("create", "update", "destroy", "merge"), MANAGE),
    }
    serializer_class = TagSerializer
    request_serializers: ClassVar = {"create": TagRequest, "update": TagChange}
    lookup_url_kwarg = "tag_id"
    list_rows = staticmethod(query_tags)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create a tag. 409 `exists`."""
        return self.call_service(create_tag)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Rename a tag or change its colour; contacts with it have the new name. 409 `exists`, `stale_version`."""
        return self.call_service(revise_tag)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a tag and take it off all conversations. 409 `stale_version`."""
        return self.call_service(delete_tag)

    @action(detail=True, methods=["post"], request_serializer=TagMerge)
    @idempotent
    def merge(self, request: Request, **kwargs: Any) -> Response:
        """Put another tag in its place, on conversations and contacts, and delete it. Returns the other one.
        409 `stale_version`."""
        return self.call_service(merge_tags)
