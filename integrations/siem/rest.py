"""Endpoints of destinations of the audit log: where it goes, how far each has got it, and trying one."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.audit.selectors import VIEW
from core.rest.fields import RowSerializer, SeenVersion
from core.rest.idempotency import idempotent, idempotent_outside_transaction
from core.rest.views import ListViewSet, ReadOneMixin
from integrations.siem import selectors, services
from integrations.siem.errors import describe
from integrations.siem.models import NAME_LIMIT, AuditDestination
from integrations.siem.senders import URL_LIMIT, target_of
from integrations.siem.services import AUTHORITY_LIMIT, MANAGE, TOKEN_LIMIT, DestinationSettings


class DestinationSerializer(RowSerializer[AuditDestination]):
    """A security system that gets the audit log; its token is never returned."""

    address = serializers.SerializerMethodField(help_text="In full for those who may change it, else its host.")
    has_token = serializers.SerializerMethodField()
    behind = serializers.IntegerField(read_only=True, help_text="How many entries it still has to get.")
    waits_since = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When the oldest of these entries was made."
    )
    last_error_words = serializers.SerializerMethodField(help_text="What went wrong last, and what to do about it.")

    class Meta:
        model = AuditDestination
        fields: ClassVar[list[str]] = (
            "id name kind address has_token authority sent_seq sent_at behind waits_since failures failing_since "
            "last_error last_error_words paused_at version created_at"
        ).split()

    def get_address(self, row: AuditDestination) -> str:
        """Return the address; its path may hold a secret."""
        return row.address if self.context["view"].actor.may(MANAGE) else target_of(row.kind, row.address)[0]

    def get_has_token(self, row: AuditDestination) -> bool:
        return bool(row.token)

    def get_last_error_words(self, row: AuditDestination) -> str:
        return describe(row.last_error)


class DestinationRequest(serializers.Serializer[Any]):
    """Where the audit log goes, and how."""

    name = serializers.CharField(max_length=NAME_LIMIT)
    kind = serializers.ChoiceField(choices=AuditDestination.Kind.choices)
    address = serializers.CharField(
        max_length=URL_LIMIT, help_text="`host:port` for syslog, else an address with `https://`."
    )
    token = serializers.CharField(
        max_length=TOKEN_LIMIT,
        default="",
        allow_blank=True,
        write_only=True,
        help_text="Sent with each request, not by syslog. Empty keeps the current one at the same address.",
    )
    authority = serializers.CharField(
        max_length=AUTHORITY_LIMIT,
        default="",
        allow_blank=True,
        help_text="The CA of its certificate in PEM form; empty for a public one.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        more = {name: value for name, value in attrs.items() if name in ("seen_version", "sends_all")}
        wanted = {name: value for name, value in attrs.items() if name not in more}
        return {"wanted": DestinationSettings(**wanted), **more}


class NewDestination(DestinationRequest):
    """A new destination, and whether it gets the whole log."""

    sends_all = serializers.BooleanField(default=False, help_text="False: only entries from now on.")


class DestinationChange(DestinationRequest, SeenVersion):
    """The whole destination after the change."""


class AuditDestinationViewSet(ReadOneMixin, ListViewSet):
    """Where the audit log goes."""

    descriptions: ClassVar = {
        "list": "List the destinations of the audit log, newest first, with how far each has got it.",
        "retrieve": "Read a destination of the audit log.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), VIEW),
        **dict.fromkeys(("create", "update", "destroy", "test", "pause", "resume"), MANAGE),
    }
    serializer_class = DestinationSerializer
    request_serializers: ClassVar = {"create": NewDestination, "update": DestinationChange}
    lookup_url_kwarg = "destination_id"
    list_rows = staticmethod(selectors.list_destinations)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Add a destination, which gets the entries from now on, or all.

        409 `exists`, `too_many`.
        """
        return self.call_service(services.add_destination)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change a destination; it goes on after the last entry that was sent.

        409 `exists`, `stale_version`.
        """
        return self.call_service(services.revise_destination)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a destination with its token.

        409 `stale_version`.
        """
        return self.call_service(services.remove_destination)

    @action(detail=True, methods=["post"])
    @idempotent_outside_transaction
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Send a test entry, and wait until it has arrived; 503 says what is wrong."""
        return self.call_service(services.send_test)

    @action(detail=True, methods=["post"])
    @idempotent
    def pause(self, request: Request, **kwargs: Any) -> Response:
        """Pause a destination: entries wait in the audit log."""
        return self.call_service(services.pause_destination)

    @action(detail=True, methods=["post"])
    @idempotent
    def resume(self, request: Request, **kwargs: Any) -> Response:
        """Resume a destination: what has waited is sent."""
        return self.call_service(services.resume_destination)
