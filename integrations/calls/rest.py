"""The endpoint of calls over connections."""

from typing import Any, ClassVar

from django_filters import CharFilter, ChoiceFilter, UUIDFilter
from rest_framework import serializers

from core.rest.fields import RowSerializer
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter
from core.rest.views import ListViewSet
from integrations.calls.rights import VIEW
from integrations.calls.selectors import list_calls
from integrations.models import ProviderCall


class CallSerializer(RowSerializer[ProviderCall]):
    """A call over a connection; never with its address or contents."""

    provider = serializers.CharField(source="connection.provider", read_only=True)

    class Meta:
        model = ProviderCall
        fields: ClassVar[list[str]] = (
            "id connection_id provider operation called_at milliseconds status outcome attempt idempotency_key"
        ).split()


class CallFilters(ApiFilterSet):
    """The filters of calls."""

    connection: Any = UUIDFilter(field_name="connection")
    operation = CharFilter(max_length=60)
    outcome = ChoiceFilter(choices=ProviderCall.Outcome.choices)
    called_after = AfterFilter("called_at")
    called_before = BeforeFilter("called_at")


class ProviderCallViewSet(ListViewSet):
    """Calls over connections."""

    descriptions: ClassVar = {"list": "List the calls over connections of the last 30 days, newest first."}
    permissions: ClassVar = {"list": VIEW}
    serializer_class = CallSerializer
    filterset_class = CallFilters
    list_rows = staticmethod(list_calls)
