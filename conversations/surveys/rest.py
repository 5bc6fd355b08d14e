"""Endpoints of what customers said about their conversations."""

from typing import ClassVar, Final

from django_filters import NumberFilter, UUIDFilter
from rest_framework import serializers

from conversations.models import Survey
from conversations.surveys.selectors import get_survey, query_surveys
from core.rest.fields import RowSerializer
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter, OrderFilter
from core.rest.pagination import SortedPagination
from core.rest.views import ListViewSet, ReadOneMixin

VIEW = "conversations.view_conversation"
BY_ANSWER: Final = {"answered_at": ("answered_at", "id"), "-answered_at": ("-answered_at", "-id")}


class SurveySerializer(RowSerializer[Survey]):
    """A customer's mark and comment, masked."""

    comment = serializers.CharField(source="masked_comment", read_only=True)

    class Meta:
        model = Survey
        fields: ClassVar[list[str]] = (
            "id conversation_id team_id person_id rating comment way asked_at answered_at changed_at"
        ).split()


class SurveyFilters(ApiFilterSet):
    """The filters of surveys."""

    rating = NumberFilter()
    team = UUIDFilter(field_name="team_id")
    person = UUIDFilter(field_name="person_id")
    conversation = UUIDFilter(field_name="conversation_id")
    answered_after = AfterFilter("answered_at")
    answered_before = BeforeFilter("answered_at")
    ordering = OrderFilter(*BY_ANSWER)


class SurveyPagination(SortedPagination):
    """Pages of surveys, newest first or in the order that is asked for."""

    orders = BY_ANSWER
    dated: ClassVar = {"answered": "answered_at"}


class SurveyViewSet(ReadOneMixin, ListViewSet):
    """What customers said about their conversations."""

    descriptions: ClassVar = {
        "list": "List what customers said, newest first, masked.",
        "retrieve": "Read one answer, masked.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW}
    serializer_class = SurveySerializer
    filterset_class = SurveyFilters
    pagination_class = SurveyPagination
    lookup_url_kwarg = "survey_id"
    list_rows = staticmethod(query_surveys)
    read_row = get_survey
