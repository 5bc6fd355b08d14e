"""Endpoints of what workflows are made of: groups, calendars, limits, weights of risks, kinds of action."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.clock import now
from core.rest.fields import Document, RowSerializer
from core.rest.operations import changes, does, lists, reads, removes
from core.rest.views import ApiView, RemovalQuery
from hitl import services
from hitl.domain import risk
from hitl.models import ApproverGroup, BusinessCalendar, Cap, RiskPolicy
from hitl.policy import caps, selectors
from hitl.policy.definitions import risk_policy
from hitl.rest.serializers import SEEN

VIEW: Final = selectors.VIEW_WORKFLOW
MANAGE: Final = selectors.MANAGE_WORKFLOW


class GroupSerializer(RowSerializer[ApproverGroup]):
    """People who may be asked together."""

    people = serializers.SerializerMethodField()

    class Meta:
        model = ApproverGroup
        fields: ClassVar[list[str]] = "id name people version".split()

    def get_people(self, group: ApproverGroup) -> list[dict[str, Any]]:
        """Return who is in it."""
        return [dict(PersonSerializer(member.user, context=self.context).data) for member in group.members.all()]


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

    @lists("groups_list", GroupSerializer)
    def get(self, viewer: Actor) -> QuerySet[ApproverGroup]:
        """List approver groups with their people, newest first. Needs `hitl.view_approvalworkflow`."""
        return selectors.query_groups(viewer=viewer)

    @does("groups_create", GroupRequest, GroupSerializer, status=201)
    def post(self, **said: Any) -> ApproverGroup:
        """Name a set of people who may be asked together. Needs `hitl.manage_workflow`."""
        return services.create_group(**said)


class GroupPage(ApiView):
    """One approver group."""

    permissions: ClassVar = {"GET": VIEW, "PUT": MANAGE, "DELETE": MANAGE}
    queries: ClassVar = {"DELETE": RemovalQuery}

    @reads("groups_retrieve", GroupSerializer)
    def get(self, viewer: Actor, group_id: UUID) -> ApproverGroup:
        """Read a group with its people. Needs `hitl.view_approvalworkflow`."""
        return selectors.get_group(viewer=viewer, group_id=group_id)

    @changes("groups_replace", GroupChange, GroupSerializer)
    def put(self, version: int, **said: Any) -> ApproverGroup:
        """Rename a group and say who is in it; counts at once. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        return services.revise_group(seen_version=version, **said)

    @removes("groups_delete")
    def delete(self, **seen: Any) -> None:
        """Remove a group that no workflow in use asks. Needs `hitl.manage_workflow`; 409 `in_use`, `stale_version`."""
        services.delete_group(**seen)


class CalendarSerializer(RowSerializer[BusinessCalendar]):
    """Which hours count towards an answer's due time."""

    class Meta:
        model = BusinessCalendar
        fields: ClassVar[list[str]] = "id name zone week holidays version created_at".split()


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


def _days(holidays: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"day": row["day"].isoformat(), "name": row["name"]} for row in holidays]


class Calendars(ApiView):
    """Business calendars: list, and write one."""

    permissions: ClassVar = {"GET": VIEW, "POST": MANAGE}

    @lists("calendars_list", CalendarSerializer)
    def get(self, viewer: Actor) -> QuerySet[BusinessCalendar]:
        """List business calendars, newest first. Needs `hitl.view_approvalworkflow`."""
        return selectors.query_calendars(viewer=viewer)

    @does("calendars_create", CalendarRequest, CalendarSerializer, status=201)
    def post(self, holidays: list[dict[str, Any]], **said: Any) -> BusinessCalendar:
        """Define working time: a zone, shifts of each day, holidays. Needs `hitl.manage_workflow`."""
        return services.create_calendar(holidays=_days(holidays), **said)


class CalendarPage(ApiView):
    """One business calendar."""

    permissions: ClassVar = {"GET": VIEW, "PUT": MANAGE, "DELETE": MANAGE}
    queries: ClassVar = {"DELETE": RemovalQuery}

    @reads("calendars_retrieve", CalendarSerializer)
    def get(self, viewer: Actor, calendar_id: UUID) -> BusinessCalendar:
        """Read a business calendar. Needs `hitl.view_approvalworkflow`."""
        return selectors.get_calendar(viewer=viewer, calendar_id=calendar_id)

    @changes("calendars_replace", CalendarChange, CalendarSerializer)
    def put(self, version: int, holidays: list[dict[str, Any]], **said: Any) -> BusinessCalendar:
        """Change working time; promised due times stay. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        return services.revise_calendar(seen_version=version, holidays=_days(holidays), **said)

    @removes("calendars_delete")
    def delete(self, **seen: Any) -> None:
        """Remove a calendar that no level counts by. Needs `hitl.manage_workflow`; 409 `in_use`, `stale_version`."""
        services.delete_calendar(**seen)


class CapSerializer(RowSerializer[Cap]):
    """A limit, and what is taken of it in its day or month."""

    scope = serializers.CharField(read_only=True, help_text="all, kind or agent")
    used = serializers.SerializerMethodField()

    class Meta:
        model = Cap
        fields: ClassVar[list[str]] = (
            "id scope target currency amount window used is_active version created_at"
        ).split()

    def get_used(self, cap: Cap) -> str:
        """Return what is reserved and spent."""
        return str(caps.used(cap, now()))


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


class Caps(ApiView):
    """Limits: list, and set one."""

    permissions: ClassVar = {"GET": VIEW, "POST": MANAGE}

    @lists("caps_list", CapSerializer)
    def get(self, viewer: Actor) -> QuerySet[Cap]:
        """List the limits in use with what is taken of them, newest first. Needs `hitl.view_approvalworkflow`."""
        return selectors.query_caps(viewer=viewer)

    @does("caps_create", CapRequest, CapSerializer, status=201)
    def post(self, **said: Any) -> Cap:
        """Limit what is carried out per day or month. Needs `hitl.manage_workflow`; 409 `exists`."""
        return services.create_cap(**said)


class CapPage(ApiView):
    """One limit."""

    permissions: ClassVar = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}
    queries: ClassVar = {"DELETE": RemovalQuery}

    @reads("caps_retrieve", CapSerializer)
    def get(self, viewer: Actor, cap_id: UUID) -> Cap:
        """Read a limit with what is taken of it. Needs `hitl.view_approvalworkflow`."""
        return selectors.get_cap(viewer=viewer, cap_id=cap_id)

    @changes("caps_update", CapChange, CapSerializer)
    def patch(self, version: int, **said: Any) -> Cap:
        """Change the amount of a limit. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        return services.revise_cap(seen_version=version, **said)

    @removes("caps_delete")
    def delete(self, **seen: Any) -> None:
        """Take a limit away; what it held goes on. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        services.retire_cap(**seen)


class RiskPolicySerializer(RowSerializer[RiskPolicy]):
    """How risks are weighed, as one version; the newest is used."""

    made_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = RiskPolicy
        fields: ClassVar[list[str]] = "id version weights kind_points reason made_by created_at".split()


class RiskPolicyRequest(serializers.Serializer[Any]):
    """How risks should be weighed."""

    weights = Document(default=dict, help_text=f"0 to {risk.WEIGHT_MAX} for {', '.join(risk.FACTORS)}; left out: 1.")
    kind_points = Document(default=dict, help_text=f"Points added for a kind, 0 to {risk.KIND_POINTS_MAX}.")
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    version = serializers.IntegerField(min_value=0, help_text=f"{SEEN} 0 while there is none.")


class RiskPolicies(ApiView):
    """Weights of risks: list the versions, and set a new one."""

    permissions: ClassVar = {"GET": VIEW, "POST": MANAGE}

    @lists("risk_policies_list", RiskPolicySerializer)
    def get(self, viewer: Actor) -> QuerySet[RiskPolicy]:
        """List the weights of risks, the newest version first. Needs `hitl.view_approvalworkflow`."""
        return selectors.query_risk_policies(viewer=viewer)

    @does("risk_policies_create", RiskPolicyRequest, RiskPolicySerializer, status=201)
    def post(self, version: int, **said: Any) -> RiskPolicy:
        """Weigh risks anew, as a new version. Needs `hitl.manage_workflow`; 409 `stale_version`."""
        return services.set_risk_policy(seen_version=version, **said)


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

    @reads("action_kinds_list", KindSerializer, many=True)
    def get(self, viewer: Actor) -> list[dict[str, Any]]:
        """List the kinds of action with their risk and their fields. Needs `hitl.view_approvalworkflow`."""
        return selectors.list_kinds(viewer=viewer, points=risk_policy().kind_points)
