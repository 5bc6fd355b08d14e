"""Endpoints of what workflows are made of: groups, calendars, spending limits, risk scoring."""

from typing import Any, ClassVar, Final

from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from core.clock import now
from core.rest.fields import SEEN, AmountField, Document, RowSerializer, SeenVersion
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet
from hitl.domain import risk
from hitl.models import ApproverGroup, BusinessCalendar, Cap, RiskPolicy
from hitl.policy import selectors
from hitl.policy.calendars import create_calendar, delete_calendar, revise_calendar
from hitl.policy.limits import cap_reservations
from hitl.policy.limits.caps import create_cap, retire_cap, revise_cap
from hitl.policy.limits.risk_weights import set_risk_policy
from hitl.policy.workflows.groups import create_group, delete_group, revise_group

VIEW: Final = selectors.VIEW_WORKFLOW
MANAGE: Final = selectors.MANAGE_WORKFLOW


class PolicyViewSet(RetrieveModelMixin, ListViewSet):
    """The base of create, read, update and delete; a change names the version that it was made from."""

    permissions: ClassVar = {
        "list": VIEW,
        "retrieve": VIEW,
        **dict.fromkeys(("create", "update", "partial_update", "destroy"), MANAGE),
    }


class GroupSerializer(RowSerializer[ApproverGroup]):
    """A group of people who are asked together."""

    people = serializers.SerializerMethodField()

    class Meta:
        model = ApproverGroup
        fields: ClassVar[list[str]] = "id name people version".split()

    def get_people(self, group: ApproverGroup) -> list[dict[str, Any]]:
        """Return the members."""
        return [dict(PersonSerializer(member.user, context=self.context).data) for member in group.members.all()]


class GroupRequest(serializers.Serializer[Any]):
    """A new group."""

    name = serializers.CharField(max_length=80)
    people = serializers.ListField(child=serializers.UUIDField(), max_length=500, help_text="Ids of members.")


class GroupChange(GroupRequest, SeenVersion):
    """The whole group after the change."""


class GroupViewSet(PolicyViewSet):
    """Approver groups."""

    descriptions: ClassVar = {
        "list": "List approver groups with their people, newest first.",
        "retrieve": "Read a group with its people.",
    }
    serializer_class = GroupSerializer
    request_serializers: ClassVar = {"create": GroupRequest, "update": GroupChange}
    lookup_url_kwarg = "group_id"
    list_rows, read_row = selectors.query_groups, selectors.get_group

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Name a set of people who may be asked together."""
        return self.call_service(create_group)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Rename a group and set its people; takes effect at once. 409 `stale_version`."""
        return self.call_service(revise_group)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a group that no workflow in use asks. 409 `in_use`, `stale_version`."""
        return self.call_service(delete_group)


class CalendarSerializer(RowSerializer[BusinessCalendar]):
    """Working hours, by which deadlines are counted."""

    class Meta:
        model = BusinessCalendar
        fields: ClassVar[list[str]] = "id name zone week holidays version created_at".split()


class HolidayRequest(serializers.Serializer[Any]):
    """A holiday."""

    day = serializers.DateField(help_text="Such as 2026-12-25.")
    name = serializers.CharField(default="", allow_blank=True, max_length=60)


class CalendarRequest(serializers.Serializer[Any]):
    """A new calendar."""

    name = serializers.CharField(max_length=60)
    zone = serializers.CharField(max_length=60, help_text="Such as Europe/Madrid.")
    week = Document(help_text='Shifts by day, such as `{"mon": [["09:00", "17:00"]]}`.')
    holidays = serializers.ListField(child=HolidayRequest(), default=list, max_length=400)

    def validate_holidays(self, holidays: list[dict[str, Any]]) -> list[dict[str, str]]:
        """Return the holidays as calendars keep them, with days as text."""
        return [{"day": row["day"].isoformat(), "name": row["name"]} for row in holidays]


class CalendarChange(CalendarRequest, SeenVersion):
    """The whole calendar after the change."""


class CalendarViewSet(PolicyViewSet):
    """Business calendars."""

    descriptions: ClassVar = {
        "list": "List business calendars, newest first.",
        "retrieve": "Read a business calendar.",
    }
    serializer_class = CalendarSerializer
    request_serializers: ClassVar = {"create": CalendarRequest, "update": CalendarChange}
    lookup_url_kwarg = "calendar_id"
    list_rows, read_row = selectors.query_calendars, selectors.get_calendar

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Define working time: a zone, shifts of each day, holidays."""
        return self.call_service(create_calendar)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change working time; promised deadlines stay. 409 `stale_version`."""
        return self.call_service(revise_calendar)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a calendar that no level counts by. 409 `in_use`, `stale_version`."""
        return self.call_service(delete_calendar)


class CapSerializer(RowSerializer[Cap]):
    """A spending limit, and how much of it is used in its day or month."""

    scope = serializers.CharField(read_only=True, help_text="all, kind or agent")
    used = serializers.SerializerMethodField()

    class Meta:
        model = Cap
        fields: ClassVar[list[str]] = (
            "id scope target currency amount window used is_active version created_at"
        ).split()

    def get_used(self, cap: Cap) -> str:
        """Return the amount that is reserved and spent."""
        return str(cap_reservations.used(cap, now()))


class CapRequest(serializers.Serializer[Any]):
    """A new spending limit."""

    scope = serializers.CharField(max_length=10, help_text="`all`, `kind` or `agent`.")
    target = serializers.CharField(
        default="", allow_blank=True, max_length=60, help_text="A kind or an agent's id; empty for `all`."
    )
    currency = serializers.CharField(max_length=3)
    amount = AmountField(max_digits=16, decimal_places=2, min_value=0)
    window = serializers.ChoiceField(choices=Cap.Window.choices)


class CapChange(SeenVersion):
    """A new amount."""

    amount = AmountField(max_digits=16, decimal_places=2, min_value=0)


class CapViewSet(PolicyViewSet):
    """Spending limits."""

    descriptions: ClassVar = {
        "list": "List the spending limits in use with how much of them is used, newest first.",
        "retrieve": "Read a spending limit with how much of it is used.",
    }
    serializer_class = CapSerializer
    request_serializers: ClassVar = {"create": CapRequest, "partial_update": CapChange}
    lookup_url_kwarg = "cap_id"
    list_rows, read_row = selectors.query_caps, selectors.get_cap

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Limit what is executed per day or month. 409 `exists`."""
        return self.call_service(create_cap)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change the amount of a limit. 409 `stale_version`."""
        return self.call_service(revise_cap)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a limit; requests that it held continue. 409 `stale_version`."""
        return self.call_service(retire_cap)


class RiskPolicySerializer(RowSerializer[RiskPolicy]):
    """One version of the risk scoring; the newest is used."""

    made_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = RiskPolicy
        fields: ClassVar[list[str]] = "id version weights kind_points reason made_by created_at".split()


class RiskPolicyRequest(serializers.Serializer[Any]):
    """A new version of the risk scoring."""

    weights = Document(default=dict, help_text=f"0 to {risk.WEIGHT_MAX} for {', '.join(risk.FACTORS)}; left out: 1.")
    kind_points = Document(default=dict, help_text=f"Points added for a kind, 0 to {risk.KIND_POINTS_MAX}.")
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    version = serializers.IntegerField(source="seen_version", min_value=0, help_text=f"{SEEN} 0 while there is none.")


class RiskPolicyViewSet(ListViewSet):
    """Risk scoring."""

    descriptions: ClassVar = {
        "list": "List the versions of the risk scoring, newest first.",
    }
    permissions: ClassVar = {"list": VIEW, "create": MANAGE}
    serializer_class = RiskPolicySerializer
    request_serializers: ClassVar = {"create": RiskPolicyRequest}
    list_rows = staticmethod(selectors.query_risk_policies)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Edit the risk scoring: a new version. 409 `stale_version`."""
        return self.call_service(set_risk_policy)
