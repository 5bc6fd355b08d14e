"""Endpoints of what workflows are made of: groups, calendars, limits, weights of risks, kinds of action."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.authentication import actor_of
from core.rest.fields import Document, PersonSerializer
from core.rest.idempotent import once
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, body_of
from hitl import api_policies, definitions, risk, services
from hitl.api_policies import MANAGE, SEEN, CapSerializer
from hitl.assessing import risk_policy
from hitl.models import ApproverGroup, BusinessCalendar, Cap, RiskPolicy

VIEW: Final = definitions.VIEW_WORKFLOW


class GroupSerializer(serializers.ModelSerializer[ApproverGroup]):
    """People who may be asked together."""

    people = serializers.SerializerMethodField()

    class Meta:
        model = ApproverGroup
        fields: ClassVar[list[str]] = "id name people version".split()
        read_only_fields = fields

    def get_people(self, group: ApproverGroup) -> list[dict[str, Any]]:
        """Return who is in it."""
        return [dict(PersonSerializer(member.user).data) for member in group.members.all()]


class GroupRequest(serializers.Serializer[Any]):
    """A group as it is written."""

    name = serializers.CharField(max_length=80)
    people = serializers.ListField(child=serializers.UUIDField(), max_length=500, help_text="Ids of members.")


class GroupChange(GroupRequest):
    """A group as it should be now."""

    version = serializers.IntegerField(min_value=1, help_text=SEEN)


class Groups(ApiView):
    """Approver groups: list, and name one."""

    permissions: ClassVar = {"GET": VIEW, "POST": MANAGE}
    query = ListQuery

    @extend_schema(operation_id="groups_list", parameters=[ListQuery], responses=paged(GroupSerializer))
    def get(self, request: Request) -> Response:
        """List approver groups with their people, newest first. Needs `hitl.view_approvalworkflow`."""
        asked = self.asked
        found = definitions.page_groups(viewer=actor_of(request), cursor=asked["cursor"], limit=asked["limit"])
        return self.page(found.rows, found.cursor, GroupSerializer)

    @extend_schema(operation_id="groups_create", request=GroupRequest, responses={201: GroupSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Name a set of people who may be asked together. Needs `hitl.manage_workflow`."""
        made = services.create_group(actor=actor_of(request), **body_of(request, GroupRequest))
        return Response(GroupSerializer(made).data, status=201)


class GroupPage(ApiView):
    """One approver group."""

    permissions: ClassVar = {"GET": VIEW, "PUT": MANAGE, "DELETE": MANAGE}

    @extend_schema(operation_id="groups_retrieve", responses=GroupSerializer)
    def get(self, request: Request, group_id: UUID) -> Response:
        """Read a group with its people. Needs `hitl.view_approvalworkflow`."""
        return Response(GroupSerializer(definitions.get_group(viewer=actor_of(request), group_id=group_id)).data)

    @extend_schema(operation_id="groups_replace", request=GroupChange, responses=GroupSerializer)
    def put(self, request: Request, group_id: UUID) -> Response:
        """Rename a group and say who is in it; counts at once. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        said = body_of(request, GroupChange)
        seen = said.pop("version")
        changed = services.revise_group(actor=actor_of(request), group_id=group_id, seen_version=seen, **said)
        return Response(GroupSerializer(changed).data)

    @extend_schema(operation_id="groups_delete", responses={204: None})
    def delete(self, request: Request, group_id: UUID) -> Response:
        """Remove a group that no workflow in use asks. Needs `hitl.manage_workflow`; 409 `in_use`."""
        services.delete_group(actor=actor_of(request), group_id=group_id)
        return Response(status=204)


class CalendarSerializer(serializers.ModelSerializer[BusinessCalendar]):
    """Which hours count towards an answer's due time."""

    class Meta:
        model = BusinessCalendar
        fields: ClassVar[list[str]] = "id name zone week holidays version created_at".split()
        read_only_fields = fields


class HolidayRequest(serializers.Serializer[Any]):
    """A day without work."""

    day = serializers.DateField(help_text="Such as 2026-12-25.")
    name = serializers.CharField(default="", allow_blank=True, max_length=60)


class CalendarRequest(serializers.Serializer[Any]):
    """A calendar as it is written."""

    name = serializers.CharField(max_length=60)
    zone = serializers.CharField(max_length=60, help_text="Such as Europe/Madrid.")
    week = Document(help_text='Shifts by day, such as `{"mon": [["09:00", "17:00"]]}`.')
    holidays = serializers.ListField(child=HolidayRequest(), default=list, max_length=400)


class CalendarChange(CalendarRequest):
    """A calendar as it should be now."""

    version = serializers.IntegerField(min_value=1, help_text=SEEN)


def _calendar(said: dict[str, Any]) -> dict[str, Any]:
    days = [{"day": row["day"].isoformat(), "name": row["name"]} for row in said["holidays"]]
    return {"name": said["name"], "zone": said["zone"], "week": said["week"], "holidays": days}


class Calendars(ApiView):
    """Business calendars: list, and write one."""

    permissions: ClassVar = {"GET": VIEW, "POST": MANAGE}
    query = ListQuery

    @extend_schema(operation_id="calendars_list", parameters=[ListQuery], responses=paged(CalendarSerializer))
    def get(self, request: Request) -> Response:
        """List business calendars, newest first. Needs `hitl.view_approvalworkflow`."""
        asked = self.asked
        found = definitions.page_calendars(viewer=actor_of(request), cursor=asked["cursor"], limit=asked["limit"])
        return self.page(found.rows, found.cursor, CalendarSerializer)

    @extend_schema(operation_id="calendars_create", request=CalendarRequest, responses={201: CalendarSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Define working time: a zone, shifts of each day, holidays. Needs `hitl.manage_workflow`."""
        made = services.create_calendar(actor=actor_of(request), **_calendar(body_of(request, CalendarRequest)))
        return Response(CalendarSerializer(made).data, status=201)


class CalendarPage(ApiView):
    """One business calendar."""

    permissions: ClassVar = {"GET": VIEW, "PUT": MANAGE, "DELETE": MANAGE}

    @extend_schema(operation_id="calendars_retrieve", responses=CalendarSerializer)
    def get(self, request: Request, calendar_id: UUID) -> Response:
        """Read a business calendar. Needs `hitl.view_approvalworkflow`."""
        found = definitions.get_calendar(viewer=actor_of(request), calendar_id=calendar_id)
        return Response(CalendarSerializer(found).data)

    @extend_schema(operation_id="calendars_replace", request=CalendarChange, responses=CalendarSerializer)
    def put(self, request: Request, calendar_id: UUID) -> Response:
        """Change working time; promised due times stay. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        said = body_of(request, CalendarChange)
        changed = services.revise_calendar(
            actor=actor_of(request), calendar_id=calendar_id, seen_version=said["version"], **_calendar(said)
        )
        return Response(CalendarSerializer(changed).data)

    @extend_schema(operation_id="calendars_delete", responses={204: None})
    def delete(self, request: Request, calendar_id: UUID) -> Response:
        """Remove a calendar that no level counts by. Needs `hitl.manage_workflow`; 409 `in_use`."""
        services.delete_calendar(actor=actor_of(request), calendar_id=calendar_id)
        return Response(status=204)


class CapRequest(serializers.Serializer[Any]):
    """A limit as it is written."""

    scope = serializers.CharField(max_length=10, help_text="`all`, `kind` or `agent`.")
    target = serializers.CharField(
        default="", allow_blank=True, max_length=60, help_text="A kind or an agent's id; empty for `all`."
    )
    currency = serializers.CharField(max_length=3)
    amount = serializers.DecimalField(max_digits=16, decimal_places=2, min_value=0)
    window = serializers.ChoiceField(choices=Cap.Window.choices)


class CapChange(serializers.Serializer[Any]):
    """Another amount."""

    amount = serializers.DecimalField(max_digits=16, decimal_places=2, min_value=0)
    version = serializers.IntegerField(min_value=1, help_text=SEEN)


class Caps(api_policies.Caps):
    """Limits: list, and set one."""

    permissions: ClassVar = {"GET": VIEW, "POST": MANAGE}

    @extend_schema(operation_id="caps_create", request=CapRequest, responses={201: CapSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Limit what is carried out per day or month. Needs `hitl.manage_workflow`; 409 `exists`."""
        made = services.create_cap(actor=actor_of(request), **body_of(request, CapRequest))
        return Response(CapSerializer(made).data, status=201)


class CapPage(ApiView):
    """One limit."""

    permissions: ClassVar = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(operation_id="caps_retrieve", responses=CapSerializer)
    def get(self, request: Request, cap_id: UUID) -> Response:
        """Read a limit with what is taken of it. Needs `hitl.view_approvalworkflow`."""
        return Response(CapSerializer(definitions.get_cap(viewer=actor_of(request), cap_id=cap_id)).data)

    @extend_schema(operation_id="caps_update", request=CapChange, responses=CapSerializer)
    def patch(self, request: Request, cap_id: UUID) -> Response:
        """Change the amount of a limit. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        said = body_of(request, CapChange)
        changed = services.revise_cap(
            actor=actor_of(request), cap_id=cap_id, amount=said["amount"], seen_version=said["version"]
        )
        return Response(CapSerializer(changed).data)

    @extend_schema(operation_id="caps_delete", responses={204: None})
    def delete(self, request: Request, cap_id: UUID) -> Response:
        """Take a limit away; what it held goes on. Needs `hitl.manage_workflow`."""
        services.retire_cap(actor=actor_of(request), cap_id=cap_id)
        return Response(status=204)


class RiskPolicySerializer(serializers.ModelSerializer[RiskPolicy]):
    """How risks are weighed, as one version; the newest is used."""

    made_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = RiskPolicy
        fields: ClassVar[list[str]] = "id version weights kind_points reason made_by created_at".split()
        read_only_fields = fields


class RiskPolicyRequest(serializers.Serializer[Any]):
    """How risks should be weighed."""

    weights = Document(default=dict, help_text=f"0 to {risk.WEIGHT_MAX} for {', '.join(risk.FACTORS)}; left out: 1.")
    kind_points = Document(default=dict, help_text=f"Points added for a kind, 0 to {risk.KIND_POINTS_MAX}.")
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    version = serializers.IntegerField(min_value=0, help_text=f"{SEEN} 0 while there is none.")


class RiskPolicies(ApiView):
    """Weights of risks: list the versions, and set a new one."""

    permissions: ClassVar = {"GET": VIEW, "POST": MANAGE}
    query = ListQuery

    @extend_schema(operation_id="risk_policies_list", parameters=[ListQuery], responses=paged(RiskPolicySerializer))
    def get(self, request: Request) -> Response:
        """List the weights of risks, the newest version first. Needs `hitl.view_approvalworkflow`."""
        asked = self.asked
        found = definitions.page_risk_policies(viewer=actor_of(request), cursor=asked["cursor"], limit=asked["limit"])
        return self.page(found.rows, found.cursor, RiskPolicySerializer)

    @extend_schema(
        operation_id="risk_policies_create", request=RiskPolicyRequest, responses={201: RiskPolicySerializer}
    )
    @once
    def post(self, request: Request) -> Response:
        """Weigh risks anew, as a new version. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        said = body_of(request, RiskPolicyRequest)
        seen = said.pop("version")
        made = services.set_risk_policy(actor=actor_of(request), seen_version=seen, **said)
        return Response(RiskPolicySerializer(made).data, status=201)


class KindSerializer(serializers.Serializer[Any]):
    """A kind of risky action, and what of it signers may be allowed to edit."""

    key = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField()
    keyed = serializers.BooleanField(help_text="Its outside drops a second call with the same key.")
    base_risk = serializers.IntegerField()
    added_points = serializers.IntegerField(help_text="What the weights of risks add for it.")
    editable = serializers.ListField(child=serializers.CharField(), help_text="Names for `editable_fields` of a level.")


class Kinds(ApiView):
    """The kinds of action there are."""

    permissions: ClassVar = {"GET": VIEW}

    @extend_schema(operation_id="action_kinds_list", responses=KindSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the kinds of action with their risk and their fields. Needs `hitl.view_approvalworkflow`."""
        found = definitions.list_kinds(viewer=actor_of(request), points=risk_policy().kind_points)
        return Response(KindSerializer(found, many=True).data)
