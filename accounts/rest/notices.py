"""Endpoints of the caller's own notices."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import notices
from accounts.models import Notice
from core.rest.fields import RowSerializer
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter, BooleanFilter
from core.rest.idempotency import idempotent
from core.rest.pagination import SortedPagination
from core.rest.views import ListViewSet


class NoticeFilters(ApiFilterSet):
    """The filters of notices."""

    unseen = BooleanFilter(method="filter_unseen", initial=False, help_text="Only those that were not seen yet.")
    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")

    def filter_unseen(self, queryset: QuerySet[Notice], name: str, value: bool) -> QuerySet[Notice]:
        """Return only the notices that were not seen yet, if asked."""
        return queryset.filter(seen_at=None) if value else queryset


class NoticeSerializer(RowSerializer[Notice]):
    """A notice. `link` is a path of this site, or empty."""

    class Meta:
        model = Notice
        fields: ClassVar[list[str]] = "id kind title body link level created_at seen_at".split()


class SeenSerializer(serializers.Serializer[Any]):
    """How many notices were marked as seen."""

    marked = serializers.IntegerField()


class NoticeViewSet(ListViewSet):
    """The caller's notices."""

    descriptions: ClassVar = {
        "list": "List your own notices, newest first.",
    }
    permissions: ClassVar = {"list": notices.USE, "seen": notices.USE, "see_all": notices.USE}
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilters
    pagination_class = SortedPagination
    dated: ClassVar = {"created": "created_at"}
    lookup_url_kwarg = "notice_id"
    list_rows = staticmethod(notices.list_own)

    @action(detail=True, methods=["post"])
    @idempotent
    def seen(self, request: Request, **kwargs: Any) -> Response:
        """Mark one of your notices as seen; safe to repeat."""
        return self.call_service(notices.mark_seen)

    @action(detail=False, methods=["post"], url_path="seen", serializer_class=SeenSerializer)
    @idempotent
    def see_all(self, request: Request) -> Response:
        """Mark all of your notices as seen."""
        return self.respond({"marked": notices.mark_all_seen(actor=self.actor)})
