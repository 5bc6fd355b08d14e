"""Endpoints of exports and of exports that repeat."""

from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.exports import downloads, jobs, schedules
from analytics.exports.jobs import USE, Wanted
from analytics.exports.people import requests
from analytics.exports.people.subjects import ContactSubject, MemberSubject
from analytics.exports.schedules import ScheduleSettings
from analytics.models import Export, ExportSchedule, Format
from core.rest.downloads import streamed
from core.rest.fields import LocalTime, RowSerializer, SeenVersion
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter
from core.rest.idempotency import idempotent
from core.rest.pagination import SortedPagination
from core.rest.views import ListViewSet

PLAIN = "name source format filters every day at zone recipients is_on".split()
SOURCE = "`conversations`, `approvals`, `figures` or `events`."
FILTERS = (
    "Fixed values by name: `state`, `channel`, `team` of conversations; `state`, `risk` of approvals; `metric`, "
    "`dimension` of figures; `type` of events."
)


class ExportFilters(ApiFilterSet):
    """The filters of exports."""

    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")


class ExportPagination(SortedPagination):
    """Pages of exports, newest first."""

    dated: ClassVar = {"created": "created_at"}


class ExportSerializer(RowSerializer[Export]):
    """An export, and how far it is."""

    filters = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Export
        fields: ClassVar[list[str]] = (
            "id source format filters since until in_clear state total written size ending sha256 error "
            "requested_by_id decided_by_id decided_at schedule_id created_at finished_at expires_at"
        ).split()


class ExportRequest(serializers.Serializer[Any]):
    """Which list, in which format; the end of the span is not included."""

    source = serializers.CharField(max_length=20, help_text=SOURCE)  # type: ignore[assignment]
    format = serializers.ChoiceField(choices=Format.choices, default=Format.CSV)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    filters = serializers.DictField(child=serializers.CharField(max_length=60), default=dict, help_text=FILTERS)
    in_clear = serializers.BooleanField(
        default=False, help_text="With personal data; a second person with `accounts.view_pii` has to agree."
    )
    reason = serializers.CharField(max_length=500, default="", allow_blank=True, help_text="Needed with `in_clear`.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"wanted": Wanted(**attrs)}


class ExportDecision(serializers.Serializer[Any]):
    """Why an export in clear is allowed or refused."""

    reason = serializers.CharField(max_length=500)


class ContactExport(serializers.Serializer[Any]):
    """Which contact, and why."""

    contact_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=500, help_text="Shown to the person who decides.")


class MemberExport(serializers.Serializer[Any]):
    """Which member, by their membership, and why."""

    membership_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=500, help_text="Shown to the person who decides.")


class ScheduleSerializer(RowSerializer[ExportSchedule]):
    """An export that repeats; `trouble` is why it was switched off."""

    at = LocalTime(read_only=True, help_text="Local time.")
    filters = serializers.DictField(child=serializers.CharField(), read_only=True)
    recipients = serializers.ListField(child=serializers.UUIDField(), read_only=True)

    class Meta:
        model = ExportSchedule
        fields: ClassVar[list[str]] = ["id", *PLAIN, "owner_id", "next_run_at", "trouble", "version", "created_at"]


class ScheduleRequest(serializers.Serializer[Any]):
    """An export that repeats; recipients get a link by mail."""

    name = serializers.CharField(max_length=60)
    source = serializers.CharField(max_length=20, help_text=SOURCE)  # type: ignore[assignment]
    format = serializers.ChoiceField(choices=Format.choices, default=Format.CSV)
    filters = serializers.DictField(child=serializers.CharField(max_length=60), default=dict, help_text=FILTERS)
    every = serializers.ChoiceField(choices=ExportSchedule.Every.choices)
    day = serializers.IntegerField(min_value=1, max_value=31, help_text="1 is Monday, or the first of the month.")
    at = LocalTime(help_text="Local time, such as 07:30.")
    zone = serializers.CharField(max_length=64, help_text="A name of the IANA list, such as Europe/Berlin.")
    recipients = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=20)
    is_on = serializers.BooleanField(default=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        seen = {name: value for name, value in attrs.items() if name == "seen_version"}
        return {"settings": ScheduleSettings(**{name: attrs[name] for name in PLAIN}), **seen}


class ScheduleChange(ScheduleRequest, SeenVersion):
    """The whole scheduled export after the change."""


class ExportViewSet(RetrieveModelMixin, ListViewSet):
    """Exports."""

    descriptions: ClassVar = {
        "list": "List the organisation's exports, newest first.",
        "retrieve": "Read how far an export is.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "create", "cancel", "grant", "refuse", "file"), USE),
        "contact": ContactSubject.permission,
        "member": MemberSubject.permission,
    }
    serializer_class = ExportSerializer
    filterset_class = ExportFilters
    pagination_class = ExportPagination
    request_serializers: ClassVar = {"create": ExportRequest}
    lookup_url_kwarg = "list_export_id"
    list_rows = staticmethod(jobs.query_exports)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Export a list as a file. Needs `analytics.export_data` and the list's own permission.

        A worker writes it. Personal data is masked; in clear it waits for a second person. 400 `too_many_rows`,
        `no_rows`, `format_unavailable`; 429 after 30 an hour.
        """
        return self.call_service(jobs.request_export)

    @action(detail=False, methods=["post"], request_serializer=ContactExport, success_status=201)
    @idempotent
    def contact(self, request: Request, **kwargs: Any) -> Response:
        """Export all that is held about a contact as an archive; it waits for a second person.

        Needs `conversations.erase_contact`, `analytics.export_data` and `accounts.view_pii`. 409 `erased`; 409 `merged`
        with the `contact_id` of the contact that has their data.
        """
        return self.call_service(requests.export_contact)

    @action(detail=False, methods=["post"], request_serializer=MemberExport, success_status=201)
    @idempotent
    def member(self, request: Request, **kwargs: Any) -> Response:
        """Export all that is held about a present or former member as an archive; it waits for a second person.

        Needs `accounts.erase_member`, `analytics.export_data` and `accounts.view_pii`. 409 `erased`.
        """
        return self.call_service(requests.export_member)

    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        """Cancel your own unfinished export."""
        return self.call_service(jobs.cancel_export)

    @action(detail=True, methods=["post"], request_serializer=ExportDecision)
    @idempotent
    def grant(self, request: Request, **kwargs: Any) -> Response:
        """Allow another person's export in clear. Needs `analytics.export_data` and `accounts.view_pii`.

        403 `four_eyes` for your own.
        """
        return self.call_service(jobs.grant_export)

    @action(detail=True, methods=["post"], request_serializer=ExportDecision)
    @idempotent
    def refuse(self, request: Request, **kwargs: Any) -> Response:
        """Refuse another person's export in clear. Needs `analytics.export_data` and `accounts.view_pii`."""
        return self.call_service(jobs.refuse_export)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def file(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """Download the file of your own export, or of one that is sent to you.

        409 `not_ready` until it is written. Each download is written to the audit log.
        """
        file = downloads.download_export(actor=self.actor, **self.kwargs)
        return streamed(request._request, file.parts, file.content_type, file.name)


class ExportScheduleViewSet(RetrieveModelMixin, ListViewSet):
    """Exports that repeat."""

    descriptions: ClassVar = {
        "list": "List exports that repeat.",
        "retrieve": "Read an export that repeats.",
    }
    permissions: ClassVar = dict.fromkeys(("list", "retrieve", "create", "update", "destroy"), USE)
    serializer_class = ScheduleSerializer
    request_serializers: ClassVar = {"create": ScheduleRequest, "update": ScheduleChange}
    lookup_url_kwarg = "schedule_id"
    list_rows = staticmethod(schedules.query_schedules)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Have a list exported every week or month, and mailed as a link."""
        return self.call_service(schedules.create_schedule)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change your own scheduled export. 409 `stale_version`."""
        return self.call_service(schedules.revise_schedule)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete your own scheduled export. 409 `stale_version`."""
        return self.call_service(schedules.delete_schedule)
