"""The endpoint of the types of events and their shapes."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import catalogue
from core.rest.views import ApiViewSet


class EventTypeSerializer(serializers.Serializer[Any]):
    """A type of event: what happened, and the JSON Schema of its payload."""

    type = serializers.CharField(source="name", read_only=True)
    version = serializers.IntegerField(read_only=True)
    stream = serializers.CharField(source="owner", read_only=True, help_text="The kind of stream that owns it.")
    text = serializers.CharField(read_only=True, help_text="What happened.")
    names = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="What each id in the payload is of."
    )
    shape = serializers.JSONField(source="schema", read_only=True, help_text="JSON Schema of the payload.")


class EventTypeViewSet(ApiViewSet):
    """Types of events."""

    permissions: ClassVar = {"list": ""}
    serializer_class = EventTypeSerializer
    pagination_class = None

    def list(self, request: Request) -> Response:
        """List the types of events with the JSON Schema of each, by name. For every member."""
        return Response(self.represent(catalogue.list_published()))
