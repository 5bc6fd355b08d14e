"""Endpoints of an organisation's own roles, and of what a change of one would mean."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.members import own_roles
from accounts.members.invitations import VIEW
from accounts.members.own_roles import LONGEST_NAME, MOST_HOURS, RoleSettings
from accounts.models import Role
from accounts.permissions.role_limits import MANAGE
from accounts.permissions.roles import ALL_PERMISSIONS, permissions_of
from core.rest.fields import PartialChange, RowSerializer, SeenVersion
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet, ReadOneMixin


class RoleSerializer(RowSerializer[Role]):
    """A role of the organisation's own."""

    key = serializers.CharField(read_only=True, help_text="What `role` is elsewhere. It stays when the name changes.")
    permissions = serializers.SerializerMethodField()

    class Meta:
        model = Role
        fields: ClassVar[list[str]] = "id key name permissions sees session_hours version created_at".split()

    def get_permissions(self, row: Role) -> list[str]:
        """Return what the role allows; nothing that this version doesn't know."""
        return sorted(permissions_of(row.key, row.permissions))


class RolePreviewRequest(PartialChange):
    """What would be changed; what is left out stays."""

    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    permissions = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=len(ALL_PERMISSIONS),
        required=False,
        help_text="All of them, not those that come and go.",
    )
    sees = serializers.ChoiceField(
        choices=Role.Sees.choices, required=False, help_text="Whose conversations its members see."
    )
    session_hours = serializers.IntegerField(
        min_value=1,
        max_value=MOST_HOURS,
        allow_null=True,
        required=False,
        help_text="After how many its members sign in again; null for as usual.",
    )


class RoleChange(RolePreviewRequest, SeenVersion):
    """What to change; what is left out stays."""


class RoleRequest(RolePreviewRequest):
    """A role of the organisation's own."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    permissions = serializers.ListField(child=serializers.CharField(max_length=60), max_length=len(ALL_PERMISSIONS))


class RoleUseSerializer(serializers.Serializer[Any]):
    """What names a role."""

    name = serializers.CharField()
    url = serializers.CharField(help_text="Its page in the console.")


class RoleEffectSerializer(serializers.Serializer[Any]):
    """What a change of a role would mean."""

    version = serializers.IntegerField(help_text="Of the role now.")
    people = serializers.ListField(child=serializers.CharField(), help_text="The names of those who have the role.")
    gained = serializers.ListField(child=serializers.CharField(), help_text="Permissions that they would gain.")
    lost = serializers.ListField(child=serializers.CharField(), help_text="Permissions that they would lose.")
    sees = serializers.CharField(help_text="Whose conversations they would see, in words; empty if that stays.")
    workflows = RoleUseSerializer(source="uses", many=True, help_text="Workflows that ask this role.")
    given_to = serializers.ListField(
        child=serializers.CharField(), help_text="Who gets it by the company's sign-in, such as a group."
    )


class RoleViewSet(ReadOneMixin, ListViewSet):
    """Roles of the organisation's own."""

    descriptions: ClassVar = {
        "list": "List your organisation's own roles, newest first.",
        "retrieve": "Read one of your organisation's own roles.",
    }
    permissions: ClassVar = {
        "list": VIEW,
        "retrieve": VIEW,
        **dict.fromkeys(("create", "partial_update", "destroy", "preview"), MANAGE),
    }
    serializer_class = RoleSerializer
    request_serializers: ClassVar = {"create": RoleRequest, "partial_update": RoleChange}
    lookup_url_kwarg = "role_id"
    list_rows = staticmethod(own_roles.list_roles)
    read_row = staticmethod(own_roles.get_role)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create a role, which nobody has yet.

        Needs `accounts.manage_membership`, all that the role allows, and a fresh sign-in of a person: 403
        `role_above_yours`, `weak_sign_in`, `confirm_first`, `not_a_person` for API keys. 409 `exists`,
        `too_many_roles`.
        """
        return self.respond(own_roles.create_role(actor=self.actor, settings=RoleSettings(**self.read_body())))

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change a role for everybody who has it, from their next request on.

        Needs what creating needs, also for what it allowed before; 403 `own_role`. 409 `exists`, `stale_version`.
        """
        body = self.read_body()
        seen = body.pop("seen_version")
        settings = self._changed(body)
        row = own_roles.revise_role(actor=self.actor, settings=settings, seen_version=seen, **self.kwargs)
        return self.respond(row)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a role that nobody has and nothing names.

        Needs what changing it needs. 409 `in_use`, which says by what, `stale_version`.
        """
        return self.call_service(own_roles.delete_role)

    @action(detail=True, methods=["post"], request_serializer=RolePreviewRequest, serializer_class=RoleEffectSerializer)
    @idempotent
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """Read what a change would mean: who gains and loses what, and what names the role. It changes nothing.

        Needs `accounts.manage_membership`.
        """
        settings = self._changed(self.read_body())
        own_roles.check_settings(settings)
        return self.respond(own_roles.find_effect(viewer=self.actor, settings=settings, **self.kwargs))

    def _changed(self, changes: dict[str, Any]) -> RoleSettings:
        """Return the settings of the role of the address with some of them changed."""
        row = self.get_object()
        now = {name: getattr(row, name) for name in ("name", "sees", "session_hours")}
        return RoleSettings(**{**now, "permissions": sorted(permissions_of(row.key, row.permissions)), **changes})
