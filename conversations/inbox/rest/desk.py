"""Serializers of what people do with a conversation besides answering."""

from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers

from conversations.messages.files.rules import MOST
from conversations.models import Draft
from core.rest.fields import RowSerializer


class Assigning(serializers.Serializer[Any]):
    """The colleague who answers from now on."""

    user_id = serializers.UUIDField()
    even_if_full = serializers.BooleanField(default=False, help_text="A lead gives one more than fits.")


class Escalating(serializers.Serializer[Any]):
    """The reason for asking for another person."""

    reason = serializers.CharField(max_length=40, help_text="A short code, such as `needs_specialist`.")


class Tagging(serializers.Serializer[Any]):
    """A tag of the contact."""

    name = serializers.CharField(max_length=60)
    present = serializers.BooleanField(default=True, help_text="False takes the tag off.")


class DraftRequest(serializers.Serializer[Any]):
    """What you have begun to write."""

    text = serializers.CharField(allow_blank=True, max_length=settings.TEXT_LIMIT, trim_whitespace=False)


class DraftSerializer(RowSerializer[Draft]):
    """Your own draft of a reply."""

    text = serializers.CharField(source="body", read_only=True)

    class Meta:
        model = Draft
        fields: ClassVar[list[str]] = ["text", "updated_at"]


class SendingFiles(serializers.Serializer[Any]):
    """Files for the customer, with a text if there is one to say."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True, max_length=None), default=list, max_length=MOST
    )
    canned_files = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=MOST,
        help_text="Ids of files of canned replies to send too.",
    )
    text = serializers.CharField(default="", allow_blank=True, max_length=settings.TEXT_LIMIT)
    client_id = serializers.UUIDField(default=None, help_text="Your id of the message; a repetition is the first one.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["files"] and not attrs["canned_files"]:
            raise serializers.ValidationError({"files": ["Send at least one file."]})
        return attrs
