"""Endpoints of the daily brief: how one wants it, and one's own of the last month."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from analytics import selectors, services
from analytics.brief.texts import SECTIONS, Language
from analytics.models import Brief, BriefPreference
from core.actors import Actor
from core.rest.fields import LocalTime, RowSerializer
from core.rest.operations import does, lists, reads
from core.rest.views import ApiView


class PreferenceRequest(serializers.Serializer[Any]):
    """How a person wants his brief, whole."""

    is_on = serializers.BooleanField()
    at = LocalTime(help_text="Local time, such as 07:30.")
    zone = serializers.CharField(max_length=64, help_text="A name of the IANA list, such as Europe/Berlin.")
    sections = serializers.ListField(
        child=serializers.ChoiceField(choices=SECTIONS), min_length=1, max_length=len(SECTIONS), help_text="In order."
    )
    language = serializers.ChoiceField(choices=[(code.value, code.label) for code in Language])


class PreferenceSerializer(RowSerializer[BriefPreference]):
    """How a person wants his brief; `next_due_at` is when the next one is put together."""

    at = LocalTime(read_only=True, help_text="Local time.")
    sections = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = BriefPreference
        fields: ClassVar[list[str]] = "is_on at zone sections language next_due_at changed_at".split()


class PersonsPreferenceSerializer(PreferenceSerializer):
    """The same with the person."""

    person = PersonSerializer(source="user", read_only=True)

    class Meta(PreferenceSerializer.Meta):
        fields: ClassVar[list[str]] = ["id", "person", *PreferenceSerializer.Meta.fields]


class BriefSerializer(RowSerializer[Brief]):
    """One brief, without what it says."""

    class Meta:
        model = Brief
        fields: ClassVar[list[str]] = (
            "id kind state reason local_date due_at created_at sent_at opened_at clicked_at"
        ).split()


class OwnPreference(ApiView):
    """The settings of whoever asks."""

    permissions: ClassVar = {"GET": selectors.USE, "POST": selectors.USE}

    @reads("brief_preferences_me_retrieve", PreferenceSerializer)
    def get(self, viewer: Actor) -> BriefPreference:
        """Return how you want your daily brief. Needs `analytics.use_brief`."""
        return selectors.own_preference(viewer=viewer)

    @does("brief_preferences_me_set", PreferenceRequest, PreferenceSerializer)
    def post(self, **said: Any) -> BriefPreference:
        """Save how you want your daily brief; nobody else can. Needs `analytics.use_brief`."""
        return services.set_preference(**said)


class Preferences(ApiView):
    """Everybody's settings."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @lists("brief_preferences_list", PersonsPreferenceSerializer)
    def get(self, viewer: Actor) -> QuerySet[BriefPreference]:
        """List who has saved how he wants his brief. Needs `analytics.view_briefpreference`."""
        return selectors.query_preferences(viewer=viewer)


class Briefs(ApiView):
    """The briefs of whoever asks."""

    permissions: ClassVar = {"GET": selectors.USE, "POST": selectors.USE}

    @lists("briefs_list", BriefSerializer)
    def get(self, viewer: Actor) -> QuerySet[Brief]:
        """List your own briefs of the last month, newest first. Needs `analytics.use_brief`."""
        return selectors.query_own_briefs(viewer=viewer)

    @does("briefs_create", None, BriefSerializer, status=201)
    def post(self, actor: Actor) -> Brief:
        """Have your brief mailed to you now, at most one a minute. Needs `analytics.use_brief`."""
        return services.request_brief(actor=actor)
