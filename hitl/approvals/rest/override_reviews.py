"""Endpoint of override reviews."""

from typing import ClassVar

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


class OverrideReviewViewSet(ListViewSet):
    """Reviews of overrides."""

    descriptions: ClassVar = {
        "list": "List the reviews of overrides that are due, newest first.",
    }
    permissions: ClassVar = {"list": "hitl.review_override"}
    serializer_class = OverrideReviewSerializer
    filterset_class = ReviewFilters
    list_rows = staticmethod(selectors.query_reviews)
