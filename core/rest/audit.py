"""Endpoints of the audit log."""

from typing import Any, ClassVar

from django_filters import CharFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.audit import selectors
from core.models import AuditEntry
from core.rest.fields import RowSerializer
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter, OrderFilter
from core.rest.pagination import SortedPagination
from core.rest.views import ListViewSet


class EntryFilters(ApiFilterSet):
    """The filters of audit entries."""

    action = CharFilter(max_length=60)
    object_type = CharFilter(max_length=60)
    object_id = UUIDFilter()
    user = UUIDFilter(field_name="actor_user_id", help_text="Who did it.")
    at_after = AfterFilter("at")
    at_before = BeforeFilter("at")
    ordering = OrderFilter("seq", "-seq", help_text="By number; `-seq` is the default: newest first.")


class EntryPagination(SortedPagination):
    """Pages of audit entries, by their number."""

    ordering = "-seq"
    orders: ClassVar = {"seq": ("seq",), "-seq": ("-seq",)}
    dated: ClassVar = {"at": "at"}


class EntrySerializer(RowSerializer[AuditEntry]):
    """One entry of the chain."""

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = (
            "id seq at action object_type object_id old_state new_state facts actor_kind actor_id actor_user_id "
            "actor_name role auth_strength address key_id previous_hash hash"
        ).split()


class VerdictSerializer(serializers.Serializer[Any]):
    """The result of a verification; `first_bad` is the number of the first invalid entry."""

    ok = serializers.BooleanField()
    entries = serializers.IntegerField()
    head = serializers.CharField()
    first_bad = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class AuditViewSet(ListViewSet):
    """The audit log."""

    descriptions: ClassVar = {"list": "List entries, newest first."}
    permissions: ClassVar = {"list": selectors.VIEW, "verify": selectors.VIEW}
    serializer_class = EntrySerializer
    filterset_class = EntryFilters
    pagination_class = EntryPagination
    list_rows = staticmethod(selectors.query_entries)

    @action(detail=False, serializer_class=VerdictSerializer)
    def verify(self, request: Request) -> Response:
        """Recompute the organisation's whole chain; changes nothing."""
        return self.respond(selectors.verify(viewer=self.actor))
