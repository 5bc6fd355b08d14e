"""Endpoints of shares: single objects for a role, a team or a person."""

from typing import Any, ClassVar, Final

from django_filters import ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.members import shares
from accounts.models import Share
from accounts.rest.serializers import PersonSerializer
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

KINDS: Final = f"One of {', '.join(Share.Kind.values)}."
LEVELS: Final = "`see`, or `act`, which allows seeing, too."


class ShareFilters(ApiFilterSet):
    """The filters of shares."""

    kind = ChoiceFilter(choices=Share.Kind.choices, help_text="Only of this kind of object.")
    object_id = UUIDFilter(help_text="Only of this object.")


class ShareSerializer(RowSerializer[Share]):
    """A share. One of `role`, `team_id` and `person` says who has it."""

    kind = serializers.CharField(read_only=True, help_text=KINDS)
    level = serializers.CharField(read_only=True, help_text=LEVELS)
    person = PersonSerializer(source="user", read_only=True, allow_null=True)
    shared_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Share
        fields: ClassVar[list[str]] = (
            "id kind object_id level role team_id person ends_at reason shared_by created_at"
        ).split()


class NewShare(serializers.Serializer[Any]):
    """What to share, with one role, team or person, how far, until when and why."""

    kind = serializers.CharField(max_length=12, help_text=KINDS)
    object_id = serializers.UUIDField()
    level = serializers.CharField(max_length=3, help_text=LEVELS)
    role = serializers.CharField(
        max_length=14, default="", allow_blank=True, help_text="A built-in role, or the key of an own one."
    )
    team_id = serializers.UUIDField(default=None, allow_null=True)
    user_id = serializers.UUIDField(default=None, allow_null=True, help_text="A colleague's id.")
    ends_at = serializers.DateTimeField(default=None, allow_null=True, help_text="Null until it is ended.")
    reason = serializers.CharField(max_length=shares.LONGEST, help_text="Why; personal data in it is masked.")


class ShareViewSet(ListViewSet):
    """Shares."""

    descriptions: ClassVar = {
        "list": "List the shares of objects that you see by your role, newest first.",
    }
    permissions: ClassVar = {**dict.fromkeys(("list", "create", "destroy"), shares.SHARE), "mine": shares.SHOWN}
    serializer_class = ShareSerializer
    request_serializers: ClassVar = {"create": NewShare}
    filterset_class = ShareFilters
    lookup_url_kwarg = "share_id"
    list_rows = staticmethod(shares.list_shares)

    @idempotent
    def create(self, request: Request) -> Response:
        """Share an object; the same again returns the first share.

        Needs `accounts.share_objects` and, by your role, what you give: 403 `level_above_yours`, and `shared_only` for
        what is only shared with you. 404 for what you don't see and what was erased. 409 `already_shared` where they
        have it in another way: end that share first.
        """
        body = self.read_body()
        grantee = shares.Grantee(**{name: body.pop(name) for name in ("role", "team_id", "user_id")})
        return self.respond(shares.share(actor=self.actor, grantee=grantee, **body))

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """End a share: it allows nothing from the next request on."""
        shares.end_share(actor=self.actor, **self.kwargs)
        return Response(status=self.get_success_status())

    @action(detail=False, methods=["get"], many=True)
    def mine(self, request: Request) -> Response:
        """List what is shared with you now, by kind, newest first. Needs `accounts.use_notices`."""
        rows = self.filter_queryset(shares.query_shared_with(viewer=self.actor))
        return self.get_paginated_response(self.represent(self.paginate_queryset(rows) or ()))
