"""Endpoints that list members, limit one to their teams, and erase one."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import CharFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors
from accounts.models import Membership
from accounts.permissions.role_limits import MANAGE, check_role
from accounts.permissions.team_scope import set_team_scope
from accounts.privacy.erasure import ERASE, erase_member
from accounts.rest.serializers import PersonSerializer
from core.rest.erasures import ErasureRequest, ErasureSerializer
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet, BooleanFilter
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet, ReadOneMixin


class TeamScopeRequest(serializers.Serializer[Any]):
    """Which conversations a member sees."""

    own_teams_only = serializers.BooleanField(source="own_only", help_text="Only those of their own teams.")


class TeamScopeSerializer(RowSerializer[Membership]):
    """A member, and which conversations they see."""

    role = serializers.CharField(read_only=True)

    class Meta:
        model = Membership
        fields: ClassVar[list[str]] = "id user_id role own_teams_only".split()


class MemberFilters(ApiFilterSet):
    """The filters of members."""

    role = CharFilter(method="filter_role", max_length=14, help_text="A built-in role, or the key of an own one.")
    is_active = BooleanFilter(field_name="is_active", help_text="Whether they can still sign in here.")

    def filter_role(self, queryset: QuerySet[Membership], name: str, value: str) -> QuerySet[Membership]:
        """Return the members with a role. Raises `Invalid` for one that isn't there."""
        check_role(value)
        return queryset.filter(role=value)


class MemberSerializer(RowSerializer[Membership]):
    """A member. Their address is in the console alone, where looking at it is noted."""

    person = PersonSerializer(source="user", read_only=True)
    role = serializers.CharField(read_only=True, help_text="A built-in role, or the key of an own one.")
    last_login_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When they last signed in, since they are a member."
    )

    class Meta:
        model = Membership
        fields: ClassVar[list[str]] = "id person role is_active own_teams_only created_at last_login_at".split()


class MemberViewSet(ReadOneMixin, ListViewSet):
    """Members of the organisation."""

    descriptions: ClassVar = {
        "list": "List current and former members, newest first; erased people are left out.",
        "retrieve": "Read a member.",
    }
    permissions: ClassVar = {"list": selectors.VIEW, "retrieve": selectors.VIEW, "erase": ERASE, "team_scope": MANAGE}
    serializer_class = MemberSerializer
    filterset_class = MemberFilters
    lookup_url_kwarg = "membership_id"
    list_rows = staticmethod(selectors.query_members)
    read_row = staticmethod(selectors.get_member)

    @action(
        detail=True,
        methods=["post"],
        url_path="team-scope",
        request_serializer=TeamScopeRequest,
        serializer_class=TeamScopeSerializer,
    )
    @idempotent
    def team_scope(self, request: Request, **kwargs: Any) -> Response:
        """Limit a member to conversations of their own teams, or end that.

        400 for a role that decides it itself, 403 `role_above_yours`.
        """
        return self.call_service(set_team_scope)

    @action(
        detail=True,
        methods=["post"],
        request_serializer=ErasureRequest,
        serializer_class=ErasureSerializer,
        success_status=202,
    )
    @idempotent
    def erase(self, request: Request, **kwargs: Any) -> Response:
        """Erase the person of a membership; a repeat returns the same erasure. It cannot be undone.

        Needs `accounts.erase_member` and a second factor: 403 `weak_sign_in` without it, so for every API key;
        `yourself`, `role_above_yours`. 409 `last_owner`, `emergency_owner`, `operator` or `in_the_way`, which names
        the requests that are being executed.
        """
        return self.call_service(erase_member)
