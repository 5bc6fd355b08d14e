"""Endpoints of the organisation's compliance flags."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.fields import RowSerializer, SeenVersion
from core.rest.idempotency import idempotent
from hitl.models import ComplianceFlag
from hitl.policy import selectors
from hitl.policy.limits.flags import create_flag, retire_flag, revise_flag
from hitl.policy.rest.policies import PolicyViewSet


class FlagSerializer(RowSerializer[ComplianceFlag]):
    """A mark for requests."""

    class Meta:
        model = ComplianceFlag
        fields: ClassVar[list[str]] = "id name label condition is_active version created_at".split()


class FlagRequest(serializers.Serializer[Any]):
    """A new flag."""

    name = serializers.CharField(max_length=40, help_text="Small letters, digits and underscores.")
    label = serializers.CharField(max_length=60)  # type: ignore[assignment]
    condition = serializers.CharField(
        default="", allow_blank=True, max_length=500, help_text="Sets it on new and changed requests that meet it."
    )


class FlagChange(SeenVersion):
    """The whole flag after the change."""

    label = serializers.CharField(max_length=60)  # type: ignore[assignment]
    condition = serializers.CharField(default="", allow_blank=True, max_length=500)


class FlagViewSet(PolicyViewSet):
    """Compliance flags."""

    descriptions: ClassVar = {
        "list": "List the compliance flags in use, newest first.",
        "retrieve": "Read a compliance flag.",
    }
    serializer_class = FlagSerializer
    request_serializers: ClassVar = {"create": FlagRequest, "update": FlagChange}
    lookup_url_kwarg = "flag_id"
    list_rows, read_row = selectors.query_flags, selectors.get_flag

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Add a flag that people set on requests, and its condition if it has one.

        409 `exists`.
        """
        return self.call_service(create_flag)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change label and condition, for new and changed requests. 409 `stale_version`."""
        return self.call_service(revise_flag)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Retire a flag; requests that have it keep it. 409 `stale_version`."""
        return self.call_service(retire_flag)
