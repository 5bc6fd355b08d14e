"""Endpoints of teams and of availability."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import ChoiceFilter, UUIDFilter
from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.inbox.teams import availability, selectors
from conversations.inbox.teams.teams import Seat, Target, TeamSettings, create_team, delete_team, revise_team
from conversations.models import MOST_AT_ONCE, Availability, Priority, Team, TeamTarget
from core.rest.fields import RowSerializer, SeenVersion
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

VIEW = "conversations.view_conversation"
MANAGE = "conversations.manage_desk"
REPLY = "conversations.reply_conversation"
PLAIN = (
    "name policy prefers_last_person calendar_id fallback_id fallback_minutes away_minutes warning_minutes is_open "
    "is_default survey survey_share survey_question"
).split()


class Moving(serializers.Serializer[Any]):
    """The team that a conversation is in from now on."""

    team_id = serializers.UUIDField(allow_null=True)


class Snoozing(serializers.Serializer[Any]):
    """Until when a conversation rests; null ends its rest."""

    until = serializers.DateTimeField(allow_null=True)


class Prioritising(serializers.Serializer[Any]):
    """How much sooner than others a conversation is due."""

    priority = serializers.ChoiceField(choices=Priority.choices)


class TeamPersonSerializer(serializers.Serializer[Any]):
    """A person of a team, with what they have and whether they are there."""

    user_id = serializers.UUIDField()
    name = serializers.CharField()
    capacity = serializers.IntegerField(help_text="The most open conversations at once.")
    open_count = serializers.IntegerField(
        allow_null=True,
        help_text="Open conversations of the team now; null for those who aren't in it and may not see its figures.",
    )
    is_lead = serializers.BooleanField()
    state = serializers.ChoiceField(choices=Availability.State.choices)
    reason = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)


class TargetSerializer(RowSerializer[TeamTarget]):
    """How soon conversations of a priority are answered and resolved, in minutes of the calendar."""

    class Meta:
        model = TeamTarget
        fields: ClassVar[list[str]] = "priority first_answer_minutes resolution_minutes".split()


class TeamSerializer(RowSerializer[Team]):
    """A team with its targets, and how many people are in it."""

    targets = TargetSerializer(many=True, read_only=True)
    people_count = serializers.IntegerField(source="people", read_only=True)

    class Meta:
        model = Team
        fields: ClassVar[list[str]] = ["id", *PLAIN, "people_count", "targets", "version", "created_at"]


class TeamDetailSerializer(TeamSerializer):
    """A team with its people."""

    people = serializers.SerializerMethodField()

    class Meta(TeamSerializer.Meta):
        fields: ClassVar[list[str]] = [*TeamSerializer.Meta.fields, "people"]

    def get_people(self, team: Team) -> list[dict[str, Any]]:
        """Return the people by name."""
        rows = selectors.list_people(viewer=self.context["view"].actor, team_id=team.pk)
        return [dict(TeamPersonSerializer(row).data) for row in rows]


class SeatRequest(serializers.Serializer[Any]):
    """A person's place in a team."""

    user_id = serializers.UUIDField()
    capacity = serializers.IntegerField(default=5, min_value=1, max_value=MOST_AT_ONCE)
    is_lead = serializers.BooleanField(default=False)


class TargetRequest(serializers.Serializer[Any]):
    """The targets of one priority."""

    priority = serializers.ChoiceField(choices=Priority.choices)
    first_answer_minutes = serializers.IntegerField(default=None, allow_null=True, min_value=1)
    resolution_minutes = serializers.IntegerField(default=None, allow_null=True, min_value=1)


class TeamRequest(serializers.Serializer[Any]):
    """A whole team."""

    name = serializers.CharField(max_length=60)
    policy = serializers.ChoiceField(choices=Team.Policy.choices, default=Team.Policy.ROUND_ROBIN.value)
    prefers_last_person = serializers.BooleanField(default=True)
    calendar_id = serializers.UUIDField(default=None, allow_null=True)
    fallback_id = serializers.UUIDField(default=None, allow_null=True)
    fallback_minutes = serializers.IntegerField(default=30, min_value=1, max_value=1440)
    away_minutes = serializers.IntegerField(default=15, min_value=1, max_value=1440)
    warning_minutes = serializers.IntegerField(default=10, min_value=1, max_value=1440)
    is_open = serializers.BooleanField(default=True)
    is_default = serializers.BooleanField(default=False)
    survey = serializers.ChoiceField(choices=Team.Asks.choices, default=Team.Asks.NEVER.value)
    survey_share = serializers.IntegerField(default=100, min_value=1, max_value=100, help_text="In percent.")
    survey_question = serializers.CharField(default="", allow_blank=True, max_length=200)
    people = serializers.ListField(child=SeatRequest(), default=list, max_length=500)
    targets = serializers.ListField(child=TargetRequest(), default=list, max_length=len(Priority))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {
            **{name: value for name, value in attrs.items() if name == "seen_version"},
            "settings": TeamSettings(**{name: attrs[name] for name in PLAIN}),
            "seats": [Seat(**seat) for seat in attrs["people"]],
            "targets": {
                row["priority"]: Target(row["first_answer_minutes"], row["resolution_minutes"])
                for row in attrs["targets"]
            },
        }


class TeamChange(TeamRequest, SeenVersion):
    """The whole team after the change."""


class TeamViewSet(RetrieveModelMixin, ListViewSet):
    """Teams."""

    descriptions: ClassVar = {
        "list": "List teams, newest first.",
        "retrieve": "Read a team with its people.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW, **dict.fromkeys(("create", "update", "destroy"), MANAGE)}
    serializer_class = TeamSerializer
    request_serializers: ClassVar = {"create": TeamRequest, "update": TeamChange}
    lookup_url_kwarg = "team_id"
    list_rows = staticmethod(selectors.query_teams)
    read_row = selectors.get_team

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make a team of people who answer. 409 `exists`."""
        return self.call_service(create_team)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change a team, its people and targets. 409 `exists`, `stale_version`."""
        return self.call_service(revise_team)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a team without open conversations. 409 `in_use`, `stale_version`."""
        return self.call_service(delete_team)

    def get_serializer_class(self) -> Any:
        """Return the serializer: one team has its people."""
        return TeamSerializer if self.is_list() else TeamDetailSerializer

    def respond(self, row: Any) -> Response:
        if self.action == "destroy":
            return super().respond(row)
        return super().respond(selectors.get_team(viewer=self.actor, team_id=row.pk))


class AvailabilitySerializer(RowSerializer[Availability]):
    """Whether somebody is there."""

    class Meta:
        model = Availability
        fields: ClassVar[list[str]] = "id user_id state source reason since".split()


class AvailabilityRequest(serializers.Serializer[Any]):
    """Whether one is there."""

    state = serializers.ChoiceField(choices=Availability.State.choices)
    reason = serializers.CharField(default="", allow_blank=True, max_length=60, help_text="Such as “Lunch”.")


class AvailabilityFilters(ApiFilterSet):
    """The filters of availability."""

    state = ChoiceFilter(choices=Availability.State.choices)
    team = UUIDFilter(method="of_team", help_text="Of the people of this team.")

    def of_team(self, rows: QuerySet[Availability], name: str, value: Any) -> QuerySet[Availability]:
        """Return the rows of a team's people."""
        return rows.filter(user_id__in=selectors.members_of(team_id=value))


class AvailabilityViewSet(ListViewSet):
    """Who of the teams is there now."""

    descriptions: ClassVar = {
        "list": "List who of the teams is there now, newest first.",
    }
    permissions: ClassVar = {"list": VIEW, "create": REPLY}
    serializer_class = AvailabilitySerializer
    request_serializers: ClassVar = {"create": AvailabilityRequest}
    filterset_class = AvailabilityFilters
    success_status = 200
    list_rows = staticmethod(selectors.query_availability)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Say that you are available, away or offline. Needs `conversations.reply_conversation`, of a person."""
        return self.call_service(availability.set_availability)
