"""Endpoint by which the company's systems say who a contact is in the back office."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet
from hub.customers import LINK, LONGEST
from hub.services import link_customer


class CustomerLinkSerializer(serializers.Serializer[Any]):
    """Who a contact is in the back office."""

    contact_id = serializers.UUIDField()
    customer = serializers.CharField(
        max_length=LONGEST, allow_blank=True, help_text="The back office's own id; empty takes it away."
    )


class LinkedSerializer(serializers.Serializer[Any]):
    """Whether a contact has an id in the back office; the id itself isn't told."""

    contact_id = serializers.UUIDField()
    is_linked = serializers.BooleanField()


class CustomerLinkViewSet(ApiViewSet):
    """Who contacts are in the back office."""

    permissions: ClassVar = {"create": LINK}
    serializer_class = LinkedSerializer
    request_serializer = CustomerLinkSerializer
    success_status = 200  # it may be taken away as well

    @idempotent
    def create(self, request: Request) -> Response:
        """Write down a contact's id in the back office, or take it away."""
        body = self.read_body()
        link = link_customer(actor=self.actor, **body)
        return Response({"contact_id": str(body["contact_id"]), "is_linked": link is not None})
