"""Endpoints of connections: what is connected, connecting by credentials, tests, and ending."""

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet, ReadOneMixin
from integrations.calls import quotas
from integrations.calls.breaker import REASON_LIMIT, pause_calls, resume_calls
from integrations.calls.rights import MANAGE, VIEW
from integrations.connections import selectors, services
from integrations.connections.errors import describe
from integrations.connections.names import NAME_LIMIT
from integrations.models import ProviderAccount, ProviderCall


class UsesSerializer(serializers.Serializer[Any]):
    """What stops when a connection is disconnected, by titles."""

    requests = serializers.ListField(child=serializers.CharField(), read_only=True)
    lookups = serializers.ListField(child=serializers.CharField(), read_only=True)
    sections = serializers.ListField(child=serializers.CharField(), read_only=True)
    exchanges = serializers.ListField(child=serializers.CharField(), read_only=True)


class VendorAccountSerializer(serializers.Serializer[Any]):
    """An account at the vendor that a consent reaches."""

    id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)


class LastCallSerializer(serializers.Serializer[Any]):
    """The call that was made last over a connection."""

    operation = serializers.CharField(read_only=True)
    outcome = serializers.ChoiceField(choices=ProviderCall.Outcome.choices, read_only=True)
    called_at = serializers.DateTimeField(read_only=True)


class QuotaSerializer(serializers.Serializer[Any]):
    """How many calls the system takes, as far as it says so."""

    limit = serializers.IntegerField(read_only=True, help_text="100 where `unit` is percent.")
    left = serializers.IntegerField(read_only=True, allow_null=True, help_text="null: the system doesn't count them.")
    unit = serializers.CharField(read_only=True, help_text="`calls` or `percent`.")
    period = serializers.CharField(read_only=True, help_text="`minute`, `hour` or `day`.")
    said_at = serializers.DateTimeField(read_only=True, help_text="When a call was answered that says so.")


class ConnectionSerializer(RowSerializer[ProviderAccount]):
    """A connection with an outside system, without its credentials."""

    state = serializers.ChoiceField(choices=ProviderAccount.State.choices, read_only=True)
    choices = VendorAccountSerializer(
        many=True, read_only=True, help_text="Accounts to choose from, while none is chosen."
    )
    last_error_words = serializers.SerializerMethodField(help_text="What went wrong last, and what to do about it.")
    webhook_url = serializers.SerializerMethodField(help_text="Where the system posts what has changed, if it does.")
    last_call = serializers.SerializerMethodField(help_text="null: none within 30 days.")
    quota = serializers.SerializerMethodField(help_text="null: not known.")
    used_for = serializers.SerializerMethodField(help_text="What stops when it is disconnected.")

    class Meta:
        model = ProviderAccount
        fields: ClassVar[list[str]] = (
            "id provider name state is_default external_id external_name choices expires_at expired_at connected_at "
            "paused_at paused_reason last_error last_error_words last_error_at last_call quota webhook_url "
            "webhook_missing used_for created_at"
        ).split()

    def get_last_error_words(self, row: ProviderAccount) -> str:
        return describe(row.last_error, row.last_error_about)

    def get_webhook_url(self, row: ProviderAccount) -> str:
        return selectors.webhook_of(row)

    @extend_schema_field(LastCallSerializer(allow_null=True))
    def get_last_call(self, row: ProviderAccount) -> Any:
        found = selectors.last_call_of(row)
        return LastCallSerializer(found).data if found else None

    @extend_schema_field(QuotaSerializer(allow_null=True))
    def get_quota(self, row: ProviderAccount) -> Any:
        found = quotas.find(row)
        return QuotaSerializer({**asdict(found[0]), "said_at": found[1]}).data if found else None

    def get_used_for(self, row: ProviderAccount) -> UsesSerializer:
        return UsesSerializer(selectors.uses_of(row)).data  # type: ignore[return-value]


class CredentialsRequest(serializers.Serializer[Any]):
    """What the provider's account needs, by field; it is never returned."""

    credentials = serializers.DictField(child=serializers.CharField(max_length=2000), write_only=True)


class ConnectRequest(CredentialsRequest):
    """A new connection; without a name it has that of its system."""

    provider = serializers.CharField(max_length=32)
    name = serializers.CharField(max_length=NAME_LIMIT, required=False)


class NameRequest(serializers.Serializer[Any]):
    """Another name for a connection."""

    name = serializers.CharField(max_length=NAME_LIMIT)


class ChoiceRequest(serializers.Serializer[Any]):
    """The vendor's account that a connection is for."""

    external_id = serializers.CharField(max_length=120, help_text="The `id` of one of its `choices`.")


class PauseRequest(serializers.Serializer[Any]):
    """Why calls are paused or resumed."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class TestedSerializer(serializers.Serializer[Any]):
    """What a test found: a line about the account, or what is wrong."""

    is_working = serializers.BooleanField(read_only=True)
    code = serializers.CharField(read_only=True, help_text="Empty if it works.")
    words = serializers.CharField(read_only=True)


class ConnectionViewSet(ReadOneMixin, ListViewSet):
    """Connections with outside systems."""

    descriptions: ClassVar = {"list": "List your connections.", "retrieve": "Read a connection."}
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), VIEW),
        **dict.fromkeys(("create", "test", "rotate", "reconnect", "disconnect"), MANAGE),
        **dict.fromkeys(("rename", "make_default", "choose", "pause", "resume"), MANAGE),
    }
    serializer_class = ConnectionSerializer
    request_serializers: ClassVar = {"create": ConnectRequest}
    lookup_url_kwarg = "connection_id"
    list_rows = staticmethod(selectors.list_connections)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Connect a system by credentials that it accepts.

        409 `exists`, `consent_needed`.
        """
        return self.call_service(services.connect)

    @action(detail=True, methods=["post"], serializer_class=TestedSerializer)
    @idempotent
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Try a connection with one reading call. 409 `not_active`."""
        return self.call_service(services.test_connection)

    @action(detail=True, methods=["post"], request_serializer=CredentialsRequest)
    @idempotent
    def rotate(self, request: Request, **kwargs: Any) -> Response:
        """Replace the credentials once the system has accepted the new ones.

        409 `not_active`, `consent_needed`, `changed`.
        """
        return self.call_service(services.rotate)

    @action(detail=True, methods=["post"], request_serializer=CredentialsRequest)
    @idempotent
    def reconnect(self, request: Request, **kwargs: Any) -> Response:
        """Connect an account again that has expired or was disconnected.

        409 `consent_needed`, `changed`.
        """
        return self.call_service(services.reconnect)

    @action(detail=True, methods=["post"])
    @idempotent
    def disconnect(self, request: Request, **kwargs: Any) -> Response:
        """End a connection and empty its credentials. 409 `is_default`."""
        return self.call_service(services.disconnect)

    @action(detail=True, methods=["post"], request_serializer=NameRequest)
    @idempotent
    def rename(self, request: Request, **kwargs: Any) -> Response:
        """Give a connection another name. 409 `exists`."""
        return self.call_service(services.rename)

    @action(detail=True, methods=["post"], url_path="make-default")
    @idempotent
    def make_default(self, request: Request, **kwargs: Any) -> Response:
        """Let tools use this connection of its system from now on. 409 `not_active`."""
        return self.call_service(services.make_default)

    @action(detail=True, methods=["post"], request_serializer=ChoiceRequest)
    @idempotent
    def choose(self, request: Request, **kwargs: Any) -> Response:
        """Choose which of the vendor's accounts a connection is for. 409 `nothing_to_choose`."""
        return self.call_service(services.choose_account)

    @action(detail=True, methods=["post"], request_serializer=PauseRequest)
    @idempotent
    def pause(self, request: Request, **kwargs: Any) -> Response:
        """Pause all calls over a connection; approved requests wait. 409 `conflict`."""
        return self.call_service(pause_calls)

    @action(detail=True, methods=["post"], request_serializer=PauseRequest)
    @idempotent
    def resume(self, request: Request, **kwargs: Any) -> Response:
        """Allow calls over a connection again, also where failures paused them. 409 `conflict`."""
        return self.call_service(resume_calls)
