"""Endpoints of kill switches."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.rest.fields import RowSerializer
from core.rest.idempotent import once_outside
from core.rest.operations import does, lists, reads
from core.rest.views import ApiView, ListQuery
from hitl import services
from hitl.models import KillSwitch
from hitl.policy import selectors


class SwitchQuery(ListQuery):
    """Which kill switches."""

    thrown = serializers.BooleanField(default=True, help_text="False for those that were released.")


class SwitchSerializer(RowSerializer[KillSwitch]):
    """A kill switch."""

    thrown_by = PersonSerializer(read_only=True, allow_null=True, help_text="Null for the operator.")
    released_by = PersonSerializer(read_only=True, allow_null=True)
    on_the_wire = serializers.IntegerField(
        read_only=True, help_text="When it is thrown: calls that had begun before and may still end; 0 afterwards."
    )

    class Meta:
        model = KillSwitch
        fields: ClassVar[list[str]] = (
            "id scope target reason thrown_by thrown_by_id thrown_at released_by released_by_id released_at on_the_wire"
        ).split()


class SwitchRequest(serializers.Serializer[Any]):
    """What to stop, and why."""

    scope = serializers.ChoiceField(choices=KillSwitch.Scope.choices)
    target = serializers.CharField(
        default="", allow_blank=True, max_length=60, help_text="An agent's id or a kind; empty for `tenant`."
    )
    reason = serializers.CharField(max_length=300)


class KillSwitches(ApiView):
    """Kill switches: list, and throw one."""

    permissions: ClassVar = {"GET": selectors.VIEW_SWITCH, "POST": "hitl.use_killswitch"}

    @lists("kill_switches_list", SwitchSerializer, query=SwitchQuery)
    def get(self, viewer: Actor) -> QuerySet[KillSwitch]:
        """List the switches that are thrown, or those that were. Needs `hitl.view_approval`."""
        return selectors.query_switches(viewer=viewer, thrown=self.asked["thrown"])

    @does("kill_switches_throw", SwitchRequest, SwitchSerializer, status=201, kept=once_outside)
    def post(self, **said: Any) -> KillSwitch:
        """Stop everything, one agent or one kind, at once. Needs `hitl.use_killswitch`."""
        return services.throw_switch(**said)


class ReleaseSwitch(ApiView):
    """Releases a kill switch."""

    permissions: ClassVar = {"POST": "hitl.use_killswitch"}

    @does("kill_switches_release", None, SwitchSerializer, kept=once_outside)
    def post(self, actor: Actor, switch_id: UUID) -> KillSwitch:
        """Let work go on; what was held is checked again first. Needs `hitl.use_killswitch`."""
        return services.release_switch(actor=actor, switch_id=switch_id)


class InstallationSwitchSerializer(serializers.Serializer[Any]):
    """The switch over all organisations, which only the operator of the installation moves."""

    thrown = serializers.BooleanField()
    reason = serializers.CharField()
    thrown_at = serializers.DateTimeField(allow_null=True)


class ThrownInstallationSerializer(InstallationSwitchSerializer):
    """The same, when it is thrown."""

    on_the_wire = serializers.IntegerField(help_text="Calls that had begun before and may still end.")


class InstallationRequest(serializers.Serializer[Any]):
    """Why all organisations are stopped."""

    reason = serializers.CharField(max_length=300, help_text="Read by the staff of every organisation.")


class InstallationSwitch(ApiView):
    """The switch of the installation."""

    permissions: ClassVar = {"GET": selectors.VIEW_SWITCH, "POST": "hitl.use_killswitch"}

    @reads("kill_switches_installation", InstallationSwitchSerializer)
    def get(self, viewer: Actor) -> dict[str, Any]:
        """Tell whether the operator has stopped all organisations, why and since when. Needs `hitl.view_approval`."""
        return selectors.installation_switch(viewer=viewer)

    @does(
        "kill_switches_installation_throw",
        InstallationRequest,
        ThrownInstallationSerializer,
        status=201,
        kept=once_outside,
    )
    def post(self, actor: Actor, reason: str) -> dict[str, Any]:
        """Stop all organisations at once; for operators of the installation. Needs `hitl.use_killswitch`.

        403 `not_operator` for everybody else and for every API key, `weak_sign_in` without a second factor.
        """
        row = services.throw_global(actor=actor, reason=reason)
        return {"thrown": True, "reason": row.reason, "thrown_at": row.thrown_at, "on_the_wire": row.on_the_wire}


class ReleaseInstallation(ApiView):
    """Releases the switch of the installation."""

    permissions: ClassVar = {"POST": "hitl.use_killswitch"}

    @does("kill_switches_installation_release", None, InstallationSwitchSerializer, kept=once_outside)
    def post(self, actor: Actor) -> dict[str, Any]:
        """Let all organisations go on; for operators of the installation. Needs `hitl.use_killswitch`.

        What was held is checked again first. 403 `not_operator` for everybody else and for every API key,
        `weak_sign_in` without a second factor.
        """
        services.release_global(actor=actor)
        return {"thrown": False, "reason": "", "thrown_at": None}
