"""Endpoints of the daily brief: how one wants it, and one's own of the last month."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import selectors, services
from analytics.models import Brief, BriefPreference
from analytics.texts import SECTIONS, Language
from core.keyset import page_of
from core.rest.authentication import actor_of
from core.rest.fields import LocalTime, PersonSerializer
from core.rest.idempotent import once
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, body_of


class PreferenceRequest(serializers.Serializer[Any]):
    """How a person wants his brief, whole."""

    is_on = serializers.BooleanField()
    at = LocalTime(help_text="Local time, such as 07:30.")
    zone = serializers.CharField(max_length=64, help_text="A name of the IANA list, such as Europe/Berlin.")
    sections = serializers.ListField(
        child=serializers.ChoiceField(choices=SECTIONS), min_length=1, max_length=len(SECTIONS), help_text="In order."
    )
    language = serializers.ChoiceField(choices=[(code.value, code.label) for code in Language])


class PreferenceSerializer(serializers.ModelSerializer[BriefPreference]):
    """How a person wants his brief; `next_due_at` is when the next one is put together."""

    at = LocalTime(read_only=True, help_text="Local time.")
    sections = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = BriefPreference
        fields: ClassVar[list[str]] = "is_on at zone sections language next_due_at changed_at".split()
        read_only_fields = fields


class PersonsPreferenceSerializer(PreferenceSerializer):
    """The same with the person."""

    person = PersonSerializer(source="user", read_only=True)

    class Meta(PreferenceSerializer.Meta):
        fields: ClassVar[list[str]] = ["id", "person", *PreferenceSerializer.Meta.fields]
        read_only_fields = fields


class BriefSerializer(serializers.ModelSerializer[Brief]):
    """One brief, without what it says."""

    class Meta:
        model = Brief
        fields: ClassVar[list[str]] = (
            "id kind state reason local_date due_at created_at sent_at opened_at clicked_at"
        ).split()
        read_only_fields = fields


class OwnPreference(ApiView):
    """The settings of whoever asks."""

    permissions: ClassVar = {"GET": selectors.USE, "POST": selectors.USE}

    @extend_schema(operation_id="brief_preferences_me_retrieve", responses={200: PreferenceSerializer})
    def get(self, request: Request) -> Response:
        """Return how you want your daily brief. Needs `analytics.use_brief`."""
        return Response(PreferenceSerializer(selectors.own_preference(viewer=actor_of(request))).data)

    @extend_schema(
        operation_id="brief_preferences_me_set", request=PreferenceRequest, responses={200: PreferenceSerializer}
    )
    @once
    def post(self, request: Request) -> Response:
        """Save how you want your daily brief; nobody else can. Needs `analytics.use_brief`."""
        row = services.set_preference(actor=actor_of(request), **body_of(request, PreferenceRequest))
        return Response(PreferenceSerializer(row).data)


class Preferences(ApiView):
    """Everybody's settings."""

    permissions: ClassVar = {"GET": selectors.VIEW}
    query = ListQuery

    @extend_schema(
        operation_id="brief_preferences_list",
        parameters=[ListQuery],
        responses={200: paged(PersonsPreferenceSerializer)},
    )
    def get(self, request: Request) -> Response:
        """List who has saved how he wants his brief. Needs `analytics.view_briefpreference`."""
        rows = selectors.query_preferences(viewer=actor_of(request))
        page = page_of(rows, cursor=self.asked["cursor"], limit=self.asked["limit"])
        return self.page(page.rows, page.cursor, PersonsPreferenceSerializer)


class Briefs(ApiView):
    """The briefs of whoever asks."""

    permissions: ClassVar = {"GET": selectors.USE, "POST": selectors.USE}
    query = ListQuery

    @extend_schema(operation_id="briefs_list", parameters=[ListQuery], responses={200: paged(BriefSerializer)})
    def get(self, request: Request) -> Response:
        """List your own briefs of the last month, newest first. Needs `analytics.use_brief`."""
        rows = selectors.query_own_briefs(viewer=actor_of(request))
        page = page_of(rows, cursor=self.asked["cursor"], limit=self.asked["limit"])
        return self.page(page.rows, page.cursor, BriefSerializer)

    @extend_schema(operation_id="briefs_create", request=None, responses={201: BriefSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Have your brief mailed to you now, at most one a minute. Needs `analytics.use_brief`."""
        return Response(BriefSerializer(services.ask_for_brief(actor=actor_of(request))).data, status=201)
