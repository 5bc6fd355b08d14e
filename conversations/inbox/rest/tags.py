"""Endpoints of tags."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin

from conversations.inbox.assignment import MANAGE
from conversations.inbox.selectors.tags import query_tags
from conversations.inbox.tags import create_tag, delete_tag, merge_tags, revise_tag
from conversations.models import Tag
from core.rest.crud import acts, calls, creates
from core.rest.fields import RowSerializer, SeenVersion
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
        "create": "Create a tag. 409 `exists`.",
        "update": "Rename a tag or change its colour; contacts with it have the new name. 409 `exists`, "
        "`stale_version`.",
        "destroy": "Delete a tag and take it off all conversations. 409 `stale_version`.",
        "merge": "Put another tag in its place, on conversations and contacts, and delete it. Returns the other one. "
        "409 `stale_version`.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), VIEW),
        **dict.fromkeys(("create", "update", "destroy", "merge"), MANAGE),
    }
    serializer_class = TagSerializer
    request_serializers: ClassVar = {"create": TagRequest, "update": TagChange}
    lookup_url_kwarg = "tag_id"
    list_rows = staticmethod(query_tags)

    create = creates(create_tag)
    update = calls(revise_tag)
    destroy = calls(delete_tag)
    merge = acts(merge_tags, request_serializer=TagMerge)
