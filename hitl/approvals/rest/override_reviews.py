"""Endpoint of override reviews."""

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.rest.fields import MaskedText, RowSerializer
from core.rest.filters import ApiFilterSet, OpenFilter
from core.rest.views import ListViewSet
from hitl.models import OverrideReview
from hitl.selectors import approvals as selectors


class ReviewFilters(ApiFilterSet):
    """The filters of override reviews."""

    open = OpenFilter(field_name="closed_at", initial=True, help_text="False for those that are closed.")


class OverrideReviewSerializer(RowSerializer[OverrideReview]):
    """The review of an override; it is closed with a finding at its approval (`review/`)."""

    reference = serializers.CharField(source="approval.reference", read_only=True)
    opened_by = PersonSerializer(read_only=True)
    closed_by = PersonSerializer(read_only=True, allow_null=True)
    finding = MaskedText()

    class Meta:
        model = OverrideReview
        fields: ClassVar[list[str]] = (
            "id approval_id reference revision opened_by opened_at closed_by closed_at finding"
        ).split()


@extend_schema_view(
    list=extend_schema(
        description="List the reviews of overrides that are due, newest first. Needs `hitl.review_override`."
    )
)
class OverrideReviewViewSet(ListViewSet):
    """Reviews of overrides."""

    permissions: ClassVar = {"list": "hitl.review_override"}
    serializer_class = OverrideReviewSerializer
    filterset_class = ReviewFilters

    def get_queryset(self) -> QuerySet[OverrideReview]:
        """Return the reviews."""
        return selectors.query_reviews(viewer=self.actor)
