"""Endpoints of the caller's own saved views of the console's lists."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django_filters import CharFilter
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import saved_views
from accounts.models import SavedView
from console.base.saved_views import list_of, require_known, url_of
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet


class SavedViewSerializer(RowSerializer[SavedView]):
    """A saved view of a list."""

    url = serializers.SerializerMethodField(
        help_text="Where the console shows the list so; empty if the list no longer exists."
    )

    class Meta:
        model = SavedView
        fields: ClassVar[list[str]] = "id list_key name query url created_at".split()

    def get_url(self, view: SavedView) -> str:
        """Return the path of the list."""
        found = list_of(admin.site, view.list_key)
        return url_of(found, view) if found else ""


class SavedViewRequest(serializers.Serializer[Any]):
    """What to keep of a list, under a name."""

    list_key = serializers.CharField(max_length=60, help_text="`conversations.conversation` or `hitl.approval`.")
    name = serializers.CharField(max_length=saved_views.LONGEST_NAME)
    query = serializers.CharField(
        max_length=saved_views.LONGEST_QUERY,
        help_text="The list's query string in the console, such as `state=person`.",
    )


class RenamedView(serializers.Serializer[Any]):
    """The view's new name."""

    name = serializers.CharField(max_length=saved_views.LONGEST_NAME)


class SavedViewFilters(ApiFilterSet):
    """The filters of saved views."""

    list_key = CharFilter(max_length=60, help_text="Only of this list.")


class SavedViewViewSet(RetrieveModelMixin, ListViewSet):
    """The caller's saved views."""

    descriptions: ClassVar = {
        "list": "List your own saved views, newest first. Needs `accounts.use_saved_views`.",
        "retrieve": "Read one of your saved views. Needs `accounts.use_saved_views`.",
    }
    permissions: ClassVar = dict.fromkeys(("list", "retrieve", "create", "partial_update", "destroy"), saved_views.USE)
    serializer_class = SavedViewSerializer
    request_serializers: ClassVar = {"create": SavedViewRequest, "partial_update": RenamedView}
    filterset_class = SavedViewFilters
    lookup_url_kwarg = "view_id"

    def get_queryset(self) -> QuerySet[SavedView]:
        """Return the caller's own views."""
        return saved_views.list_own(viewer=self.actor).order_by()

    @idempotent
    def create(self, request: Request) -> Response:
        """Save filters, search and order of a list under a name, for yourself. Needs `accounts.use_saved_views`.

        400 for a list or a filter that doesn't exist, `personal_data` in a search or a name, and `name_taken`; 409
        `too_many_views`.
        """
        body = self.read_body()
        query = require_known(list_of(admin.site, body["list_key"]), self.actor, body["query"])
        return self.respond(saved_views.save_view(actor=self.actor, **{**body, "query": query}))

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Rename one of your saved views. Needs `accounts.use_saved_views`."""
        return self.call_service(saved_views.rename_view)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete one of your saved views; the list itself stays. Needs `accounts.use_saved_views`."""
        saved_views.delete_view(actor=self.actor, **self.kwargs)
        return Response(status=204)
