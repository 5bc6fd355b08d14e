"""Endpoints of retention: for how long each kind of data is kept, and legal holds."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from core.models import LegalHold
from core.privacy.retention import holds, services
from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet


class RetentionRequest(serializers.Serializer[Any]):
    """For how many days a kind of data is kept; null for as long as the installation keeps it."""

    kind = serializers.CharField(max_length=30)
    days = serializers.IntegerField(allow_null=True, min_value=1, max_value=services.MOST)


class KeptSerializer(serializers.Serializer[Any]):
    """For how many days a kind of data is kept; null while its age deletes nothing."""

    kind = serializers.CharField(source="key", read_only=True)
    title = serializers.CharField(source="rule.title", read_only=True)
    what = serializers.CharField(source="rule.what", read_only=True, help_text="What goes, and what stays.")
    days = serializers.IntegerField(read_only=True, allow_null=True)
    next_days = serializers.IntegerField(read_only=True, allow_null=True, help_text="From `starts_at` on.")
    starts_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="Null if nothing is planned.")


class RetentionTrialSerializer(serializers.Serializer[Any]):
    """How many rows would go now."""

    count = serializers.IntegerField(read_only=True, help_text=f"Counted up to {services.COUNTED}.")


class RetentionViewSet(ListViewSet):
    """For how long each kind of data is kept."""

    descriptions: ClassVar = {"list": "List for how long each kind of data is kept."}
    permissions: ClassVar = {"list": holds.VIEW, "create": holds.MANAGE, "attempt": holds.MANAGE}
    serializer_class = KeptSerializer
    request_serializers: ClassVar = {"create": RetentionRequest}
    pagination_class = None
    list_rows = staticmethod(services.list_kept)
    success_status = 200

    @idempotent
    def create(self, request: Request) -> Response:
        """Choose for how long a kind of data is kept; fewer days count a week later."""
        return self.call_service(services.set_retention)

    @action(
        detail=False, methods=["post"], url_path="try",
        request_serializer=RetentionRequest, serializer_class=RetentionTrialSerializer,
    )  # fmt: skip
    @idempotent
    def attempt(self, request: Request) -> Response:
        """Count what would go now if a kind were kept for that many days; nothing goes."""
        return self.respond({"count": services.try_retention(viewer=self.actor, **self.read_body())})


class LegalHoldRequest(serializers.Serializer[Any]):
    """What is held, and for which case."""

    subject_type = serializers.ChoiceField(choices=LegalHold.Subject.choices)
    subject_id = serializers.UUIDField(
        allow_null=True, default=None, help_text="The contact or the conversation; null for everything."
    )
    reference = serializers.CharField(max_length=60, help_text="Of the case, without names.")


class LegalHoldSerializer(RowSerializer[LegalHold]):
    """A legal hold, with who placed and lifted it."""

    class Meta:
        model = LegalHold
        fields: ClassVar[list[str]] = (
            "id subject_type subject_id reference placed_at placed_by lifted_at lifted_by"
        ).split()


class LegalHoldViewSet(RetrieveModelMixin, ListViewSet):
    """Legal holds."""

    descriptions: ClassVar = {
        "list": "List legal holds, newest first, lifted ones too.",
        "retrieve": "Read a legal hold.",
    }
    permissions: ClassVar = {
        "list": holds.VIEW,
        "retrieve": holds.VIEW,
        "create": holds.MANAGE,
        "lift": holds.MANAGE,
    }
    serializer_class = LegalHoldSerializer
    request_serializers: ClassVar = {"create": LegalHoldRequest}
    lookup_url_kwarg = "hold_id"
    list_rows = staticmethod(holds.query_holds)

    @idempotent
    def create(self, request: Request) -> Response:
        """Keep all of a contact, a conversation or the organisation from being deleted; 409 `erased`, `on_hold`."""
        return self.call_service(holds.place_hold)

    @action(detail=True, methods=["post"])
    @idempotent
    def lift(self, request: Request, **kwargs: Any) -> Response:
        """Lift a legal hold; safe to repeat."""
        return self.call_service(holds.lift_hold)
