"""Endpoint of the caller's own notification settings."""

from datetime import time
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.notices import USE
from core.rest.fields import LocalTime
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet
from hitl.models import NotificationPreference
from hitl.notifications.preferences import MOST_PER_HOUR, OwnSettings, Wanted, own_settings, set_notification_preference


class SettingsSerializer(serializers.Serializer[OwnSettings]):
    """How the caller is notified outside the app."""

    channels_on = serializers.ListField(child=serializers.CharField(), help_text="The channels that are on.")
    quiet_from = LocalTime(source="row.quiet_from", allow_null=True, help_text="Local time; null for no quiet hours.")
    quiet_until = LocalTime(source="row.quiet_until", allow_null=True)
    zone = serializers.CharField(source="row.zone", help_text="An IANA time zone; empty for the profile's.")
    language = serializers.CharField(source="row.language", help_text="A language tag; empty for the profile's.")
    gather = serializers.CharField(source="row.gather", help_text="The risk whose notifications wait for the digest.")
    every = serializers.CharField(source="row.every")
    at = LocalTime(source="row.at", help_text="Local time of a daily digest.")
    per_hour = serializers.IntegerField(source="row.per_hour")


class SettingsRequest(serializers.Serializer[Any]):
    """How the caller wants to be notified: all settings."""

    channels_on = serializers.ListField(child=serializers.CharField(max_length=20), max_length=20)
    quiet_from = LocalTime(allow_null=True, default=None, help_text="Both times, or neither.")
    quiet_until = LocalTime(allow_null=True, default=None)
    zone = serializers.CharField(max_length=64, allow_blank=True, default="")
    language = serializers.CharField(max_length=11, allow_blank=True, default="")
    gather = serializers.ChoiceField(choices=NotificationPreference.Gather.choices, default="none")
    every = serializers.ChoiceField(choices=NotificationPreference.Every.choices, default="hourly")
    at = LocalTime(default=time(8, 0))
    per_hour = serializers.IntegerField(min_value=1, max_value=MOST_PER_HOUR, default=30)


class OwnNotificationSettingsViewSet(ApiViewSet):
    """The caller's notification settings."""

    permissions: ClassVar = {"retrieve": USE, "replace": USE}
    serializer_class = SettingsSerializer
    request_serializers: ClassVar = {"replace": SettingsRequest}

    def retrieve(self, request: Request) -> Response:
        """Return how you are notified outside the app."""
        return self.respond(own_settings(viewer=self.actor))

    @idempotent
    def replace(self, request: Request) -> Response:
        """Save how you are notified outside the app; nobody else can."""
        wanted = Wanted(**self.read_body())
        return self.respond(set_notification_preference(actor=self.actor, wanted=wanted))
