"""Endpoints of kill switches: the emergency stop."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.rest.serializers import PersonSerializer
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet, OpenFilter
from core.rest.idempotency import idempotent_outside_transaction
from core.rest.views import ApiViewSet, ListViewSet
from hitl.execution import kill_switch_activation as activation
from hitl.models import KillSwitch
from hitl.policy import selectors

USE = "hitl.use_killswitch"


class SwitchFilters(ApiFilterSet):
    """The filters of kill switches."""

    active = OpenFilter(field_name="released_at", initial=True, help_text="False for those that were released.")


class SwitchSerializer(RowSerializer[KillSwitch]):
    """A kill switch."""

    activated_by = PersonSerializer(read_only=True, allow_null=True, help_text="Null for the operator.")
    released_by = PersonSerializer(read_only=True, allow_null=True)
    in_flight_calls = serializers.IntegerField(
        read_only=True,
        help_text="On activation: calls that had begun before and may still end; 0 afterwards.",
    )

    class Meta:
        model = KillSwitch
        fields: ClassVar[list[str]] = (
            "id scope target reason activated_by activated_by_id activated_at released_by released_by_id released_at "
            "in_flight_calls"
        ).split()


class SwitchRequest(serializers.Serializer[Any]):
    """What to pause, and why."""

    scope = serializers.ChoiceField(choices=KillSwitch.Scope.choices)
    target = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=60,
        help_text="The id of an agent or a connection, or a kind; empty for `tenant`.",
    )
    reason = serializers.CharField(max_length=300)


class KillSwitchViewSet(ListViewSet):
    """Kill switches."""

    descriptions: ClassVar = {
        "list": "List the switches that are active, or were released.",
    }
    permissions: ClassVar = {"list": selectors.VIEW_SWITCH, "create": USE, "release": USE}
    serializer_class = SwitchSerializer
    request_serializers: ClassVar = {"create": SwitchRequest}
    filterset_class = SwitchFilters
    lookup_url_kwarg = "switch_id"
    list_rows = staticmethod(selectors.query_switches)

    @idempotent_outside_transaction
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Pause everything, one agent, one kind or one connection, at once."""
        return self.call_service(activation.activate_kill_switch)

    @action(detail=True, methods=["post"])
    @idempotent_outside_transaction
    def release(self, request: Request, **kwargs: Any) -> Response:
        """Resume; what was held is checked again first."""
        return self.call_service(activation.release_kill_switch)


class InstallationSwitchSerializer(serializers.Serializer[Any]):
    """The emergency stop of all organisations, for the operator of the installation."""

    active = serializers.BooleanField()
    reason = serializers.CharField()
    activated_at = serializers.DateTimeField(allow_null=True)


class ActivatedInstallationSerializer(InstallationSwitchSerializer):
    """The emergency stop of all organisations, when activity is paused by it."""

    in_flight_calls = serializers.IntegerField(help_text="Calls that had begun before and may still end.")


class InstallationRequest(serializers.Serializer[Any]):
    """The reason for pausing all organisations."""

    reason = serializers.CharField(max_length=300, help_text="Read by the staff of every organisation.")


class InstallationSwitchViewSet(ApiViewSet):
    """The emergency stop of all organisations."""

    permissions: ClassVar = {"retrieve": selectors.VIEW_SWITCH, "create": USE, "release": USE}
    request_serializers: ClassVar = {"create": InstallationRequest}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return ActivatedInstallationSerializer if self.action == "create" else InstallationSwitchSerializer

    def retrieve(self, request: Request) -> Response:
        """Return whether the operator has paused all organisations, why and since when."""
        return self.respond(selectors.installation_switch(viewer=self.actor))

    @idempotent_outside_transaction
    def create(self, request: Request) -> Response:
        """Pause all organisations at once; for operators of the installation.

        403 `not_operator` for everyone else and for every API key, `weak_sign_in` without a second factor.
        """
        row = activation.activate_global(actor=self.actor, **self.read_body())
        return self.respond(
            {
                "active": True,
                "reason": row.reason,
                "activated_at": row.activated_at,
                "in_flight_calls": row.in_flight_calls,
            }
        )

    @idempotent_outside_transaction
    def release(self, request: Request) -> Response:
        """Resume all organisations; for operators of the installation.

        What was held is checked again first. 403 `not_operator` for everyone else and for every API key, `weak_sign_in`
        without a second factor.
        """
        activation.release_global(actor=self.actor)
        return self.respond({"active": False, "reason": "", "activated_at": None})
