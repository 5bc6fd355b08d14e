"""Endpoints of the organisation's Langflow server."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.langflow import connection
from agents.langflow.models import FlowServer
from agents.llm import endpoints
from core.rest.fields import SEEN, RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet, ReadOneMixin


class FlowServerSerializer(RowSerializer[FlowServer]):
    """The connected Langflow server; its key is never shown."""

    class Meta:
        model = FlowServer
        fields: ClassVar[list[str]] = "id base_url version created_at".split()


class FlowServerRequest(serializers.Serializer[Any]):
    """Where Langflow is, and a key of it."""

    base_url = serializers.CharField(max_length=endpoints.URL_LIMIT, help_text="Such as https://host.")
    key = serializers.CharField(
        max_length=endpoints.KEY_LIMIT, default="", allow_blank=True, help_text="Sealed; empty: the key that is kept."
    )
    version = serializers.IntegerField(source="seen_version", required=False, min_value=1, help_text=SEEN)


class FlowServerViewSet(ReadOneMixin, ListViewSet):
    """The Langflow server."""

    descriptions: ClassVar = {
        "list": "List the Langflow server, if one is connected. Needs `agents.manage_routes`.",
        "retrieve": "Read the Langflow server without its key. Needs `agents.manage_routes`.",
    }
    permissions: ClassVar = dict.fromkeys("list retrieve create destroy test".split(), connection.MANAGE)
    serializer_class = FlowServerSerializer
    request_serializers: ClassVar = {"create": FlowServerRequest}
    lookup_url_kwarg = "server_id"
    list_rows = staticmethod(connection.query_servers)
    read_row = staticmethod(connection.get_server)

    @idempotent
    def create(self, request: Request) -> Response:
        """Connect the Langflow server, or change its key or address. Needs `agents.manage_routes`; 409
        `stale_version`."""
        return self.call_service(connection.connect_server)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Disconnect it; what it keeps of conversations is erased there. Needs `agents.manage_routes`; 409 `in_use`,
        `stale_version`."""
        return self.call_service(connection.disconnect_server)

    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Check that Langflow answers and takes the key; no flow runs. Needs `agents.manage_routes`."""
        return self.call_service(connection.check_server)
