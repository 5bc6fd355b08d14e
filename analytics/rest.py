"""Endpoints of the daily brief: its settings, and the caller's briefs of the last month."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from analytics import selectors, services
from analytics.brief.choices import section_titles
from analytics.brief.texts import Language
from analytics.models import Brief, BriefPreference
from core.rest.fields import LocalTime, PartialChange, RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet, ListViewSet

SECTIONS = tuple(section_titles())


class PreferenceRequest(serializers.Serializer[Any]):
    """How a person wants their brief: all settings."""

    is_on = serializers.BooleanField()
    at = LocalTime(help_text="Local time, such as 07:30.")
    zone = serializers.CharField(
        max_length=64,
        allow_blank=True,
        help_text="An IANA time zone such as Europe/Berlin; empty: the profile's.",
    )
    sections = serializers.ListField(
        child=serializers.ChoiceField(choices=SECTIONS), min_length=1, max_length=len(SECTIONS), help_text="In order."
    )
    language = serializers.ChoiceField(
        choices=[(code.value, code.label) for code in Language], allow_blank=True, help_text="Empty: the profile's."
    )


class PreferenceChange(PartialChange, PreferenceRequest):
    """What to change; what is left out stays."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the settings, each of which may be left out."""
        found = super().get_fields()
        for field in found.values():
            field.required = False
        return found


class PreferenceSerializer(RowSerializer[BriefPreference]):
    """How a person wants their brief; `next_due_at` is when the next one is prepared."""

    at = LocalTime(read_only=True, help_text="Local time.")
    sections = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = BriefPreference
        fields: ClassVar[list[str]] = "is_on at zone sections language next_due_at changed_at".split()


class PersonsPreferenceSerializer(PreferenceSerializer):
    """The same settings, with the person."""

    person = PersonSerializer(source="user", read_only=True)

    class Meta(PreferenceSerializer.Meta):
        fields: ClassVar[list[str]] = ["id", "person", *PreferenceSerializer.Meta.fields]


class BriefSerializer(RowSerializer[Brief]):
    """One brief, without its content."""

    class Meta:
        model = Brief
        fields = "id kind state reason local_date due_at created_at sent_at opened_at clicked_at".split()


class OwnPreferenceViewSet(ApiViewSet):
    """The caller's settings for their daily brief."""

    permissions: ClassVar = dict.fromkeys(("retrieve", "replace", "partial_update"), selectors.USE)
    serializer_class = PreferenceSerializer
    request_serializers: ClassVar = {"replace": PreferenceRequest, "partial_update": PreferenceChange}

    @idempotent
    def replace(self, request: Request, **kwargs: Any) -> Response:
        """Save how you want your daily brief; nobody else can."""
        return self.call_service(services.set_preference)

    def retrieve(self, request: Request) -> Response:
        """Return how you want your daily brief."""
        return self.respond(selectors.own_preference(viewer=self.actor))

    def partial_update(self, request: Request) -> Response:
        """Change single settings of your daily brief; what is left out stays."""
        return self.respond(services.change_preference(actor=self.actor, changes=self.read_body()))


class PreferenceViewSet(ListViewSet):
    """Everyone's settings for the daily brief."""

    descriptions: ClassVar = {
        "list": "List how each person wants their brief, if they saved it.",
    }
    permissions: ClassVar = {"list": selectors.VIEW}
    serializer_class = PersonsPreferenceSerializer
    list_rows = staticmethod(selectors.query_preferences)


class BriefViewSet(ListViewSet):
    """The caller's briefs."""

    descriptions: ClassVar = {
        "list": "List your own briefs of the last month, newest first.",
    }
    permissions: ClassVar = {"list": selectors.USE, "create": selectors.USE}
    serializer_class = BriefSerializer
    list_rows = staticmethod(selectors.query_own_briefs)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Have your brief mailed to you now, at most one a minute."""
        return self.call_service(services.request_brief)
