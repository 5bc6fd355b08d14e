"""Endpoints of outgoing webhooks: where events go, which types there are, and the log of deliveries."""

import json
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django_filters import CharFilter, ChoiceFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core import catalogue
from core.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.rest.fields import MomentField, RowSerializer, SeenVersion
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet, ListViewSet, ReadOneMixin
from core.webhooks.endpoints import URL_LIMIT
from core.webhooks.words import describe
from integrations.outgoing_webhooks import events, selectors, services
from integrations.outgoing_webhooks.models import NAME_LIMIT, WebhookSubscription
from integrations.outgoing_webhooks.purpose import MANAGE, VIEW
from integrations.outgoing_webhooks.services import EndpointSettings, WithSecret


class EndpointSerializer(RowSerializer[WebhookSubscription]):
    """An address of yours that gets events; `event_types` is empty for all."""

    event_types = serializers.SerializerMethodField(help_text="By the names that its webhooks use.")
    url = serializers.SerializerMethodField(help_text="In full for those who may manage webhooks, else its host.")
    state = serializers.ChoiceField(choices=WebhookEndpoint.State.choices, source="endpoint.state", read_only=True)
    failures = serializers.IntegerField(source="endpoint.failures", read_only=True)
    failing_since = serializers.DateTimeField(source="endpoint.failing_since", read_only=True, allow_null=True)
    last_error = serializers.CharField(source="endpoint.last_error", read_only=True)
    last_success_at = serializers.DateTimeField(source="endpoint.last_success_at", read_only=True, allow_null=True)

    class Meta:
        model = WebhookSubscription
        fields: ClassVar[list[str]] = (
            "id name url event_types payload_version state failures failing_since last_error last_success_at "
            "version created_at"
        ).split()

    def get_event_types(self, row: WebhookSubscription) -> list[str]:
        return [events.name_of(each, row.payload_version) for each in row.event_types]

    def get_url(self, row: WebhookSubscription) -> str:
        """Return the address; its path may hold a secret."""
        url = row.endpoint.url
        return url if self.context["view"].actor.may(MANAGE) else f"https://{urlsplit(url).netloc}/…"


class EndpointWithSecretSerializer(EndpointSerializer):
    """A saved endpoint with its secret, which is not shown again."""

    secret = serializers.SerializerMethodField(help_text="Verifies webhook signatures: `whsec_` and Base64.")

    class Meta(EndpointSerializer.Meta):
        fields: ClassVar[list[str]] = [*EndpointSerializer.Meta.fields, "secret"]

    def to_representation(self, made: Any) -> Any:
        self.made: WithSecret = made
        return super().to_representation(made.subscription)

    def get_secret(self, _: WebhookSubscription) -> str:
        return self.made.secret


class EndpointRequest(serializers.Serializer[Any]):
    """Where events go, and which; without types all."""

    name = serializers.CharField(max_length=NAME_LIMIT)
    url = serializers.CharField(max_length=URL_LIMIT, help_text="https:// with a public address.")
    event_types = serializers.ListField(child=serializers.CharField(max_length=60), default=list, max_length=200)
    payload_version = serializers.IntegerField(
        default=1, min_value=1, help_text="2: events are named `noun.verb`, such as `conversation.closed`."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        seen = {name: value for name, value in attrs.items() if name == "seen_version"}
        return {"wanted": EndpointSettings(**{name: attrs[name] for name in attrs if name not in seen}), **seen}


class EndpointChange(EndpointRequest, SeenVersion):
    """The whole endpoint after the change."""


class SpanRequest(serializers.Serializer[Any]):
    """The deliveries that were made in a span of time."""

    since = MomentField()
    until = MomentField(default=None, allow_null=True, help_text="Now if left out.")
    only_failed = serializers.BooleanField(default=True, help_text="False: also those that were delivered.")


class SentAgainSerializer(serializers.Serializer[Any]):
    """How many deliveries are sent again."""

    count = serializers.IntegerField(read_only=True)


class AttemptSerializer(RowSerializer[WebhookAttempt]):
    """One attempt to deliver."""

    words = serializers.SerializerMethodField(help_text="What happened, and what to do about it.")
    answer = serializers.CharField(
        read_only=True, allow_null=True, help_text="The beginning of your server's answer, masked."
    )

    class Meta:
        model = WebhookAttempt
        fields: ClassVar[list[str]] = "number started_at milliseconds status error answer words".split()

    def get_words(self, attempt: WebhookAttempt) -> str:
        return describe(attempt.error, attempt.status)


class DeliverySerializer(RowSerializer[WebhookDelivery]):
    """An event for an endpoint, with its attempts; `webhook_id` is the header's."""

    webhook_id = serializers.CharField(source="key", read_only=True)
    attempts = AttemptSerializer(source="tries", many=True, read_only=True)
    content = serializers.SerializerMethodField(help_text="What is sent; null once it was erased.")

    class Meta:
        model = WebhookDelivery
        fields: ClassVar[list[str]] = (
            "id webhook_id event_type state error attempts content created_at due_at done_at"
        ).split()

    def get_content(self, row: WebhookDelivery) -> dict[str, Any] | None:
        return json.loads(row.body) if row.body else None


class EventTypeFilter(CharFilter):
    """A type of event by any of its names."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return its deliveries under each of its names."""
        return qs.filter(event_type__in=events.names_of(value)) if value else qs


class DeliveryFilters(ApiFilterSet):
    """The filters of deliveries."""

    state = ChoiceFilter(choices=WebhookDelivery.State.choices)
    event_type = EventTypeFilter(
        max_length=60, help_text="By either of its names, such as `conversation.closed` or `conversation_closed`."
    )
    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")


class WebhookEndpointViewSet(ReadOneMixin, ListViewSet):
    """Where events go."""

    descriptions: ClassVar = {
        "list": "List your webhook endpoints, newest first.",
        "retrieve": "Read a webhook endpoint.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), VIEW),
        **dict.fromkeys(("create", "update", "destroy", "rotate", "test", "pause", "resume", "resend"), MANAGE),
    }
    serializer_class = EndpointSerializer
    request_serializers: ClassVar = {"create": EndpointRequest, "update": EndpointChange}
    lookup_url_kwarg = "endpoint_id"
    list_rows = staticmethod(selectors.list_endpoints)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Add an endpoint; the response alone shows its secret.

        409 `exists`, `too_many`.
        """
        return self.call_service(services.create_endpoint)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change an endpoint; one that is off stays off.

        409 `exists`, `stale_version`.
        """
        return self.call_service(services.revise_endpoint)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove an endpoint with its secret and its log.

        409 `stale_version`.
        """
        return self.call_service(services.remove_endpoint)

    @action(detail=True, methods=["post"], serializer_class=EndpointWithSecretSerializer)
    @idempotent
    def rotate(self, request: Request, **kwargs: Any) -> Response:
        """Replace the secret; for 24 hours both sign."""
        return self.call_service(services.rotate_secret)

    @action(detail=True, methods=["post"], serializer_class=DeliverySerializer, success_status=201)
    @idempotent
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Send a test event; its delivery shows the answer. 409 `not_on`."""
        return self.call_service(services.send_test)

    @action(detail=True, methods=["post"])
    @idempotent
    def pause(self, request: Request, **kwargs: Any) -> Response:
        """Pause an endpoint: events wait, up to 30 days."""
        return self.call_service(services.pause_endpoint)

    @action(detail=True, methods=["post"])
    @idempotent
    def resume(self, request: Request, **kwargs: Any) -> Response:
        """Turn an endpoint on, and send what has waited."""
        return self.call_service(services.turn_on_endpoint)

    @action(detail=True, methods=["post"], request_serializer=SpanRequest, serializer_class=SentAgainSerializer)
    @idempotent
    def resend(self, request: Request, **kwargs: Any) -> Response:
        """Send the deliveries of a span again, under their ids. 409 `not_on`."""
        return self.call_service(services.resend_span)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        """Return the serializer, which shows the secret of a new endpoint."""
        return EndpointWithSecretSerializer if self.action == "create" else super().get_serializer_class()


class WebhookDeliveryViewSet(ReadOneMixin, ListViewSet):
    """What was sent to an endpoint."""

    descriptions: ClassVar = {
        "list": "List an endpoint's deliveries of the last 30 days, newest first, with their attempts.",
        "retrieve": "Read a delivery.",
    }
    permissions: ClassVar = {"list": VIEW, "retrieve": VIEW, "resend": MANAGE}
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters
    lookup_url_kwarg = "delivery_id"
    list_rows = staticmethod(selectors.list_deliveries)

    @action(detail=True, methods=["post"])
    @idempotent
    def resend(self, request: Request, **kwargs: Any) -> Response:
        """Send a delivery that ended again, with the same id.

        409 `still_waiting`, `content_gone`, `not_on`.
        """
        return self.call_service(services.resend_delivery)


class EventTypeSerializer(serializers.Serializer[Any]):
    """A type of event: what happened, and the JSON Schema of its payload."""

    type = serializers.CharField(source="name", read_only=True)
    webhook_type = serializers.CharField(
        source="public_name", read_only=True, help_text="Its name in webhooks of payload version 2."
    )
    version = serializers.IntegerField(read_only=True)
    stream = serializers.CharField(source="owner", read_only=True, help_text="The kind of stream that owns it.")
    text = serializers.CharField(read_only=True, help_text="What happened.")
    names = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="What each id in the payload is of."
    )
    shape = serializers.JSONField(source="schema", read_only=True, help_text="JSON Schema of the payload.")


class EventTypeViewSet(ApiViewSet):
    """Types of events."""

    permissions: ClassVar = {"list": ""}
    serializer_class = EventTypeSerializer
    pagination_class = None

    def list(self, request: Request) -> Response:
        """List the types of events with the JSON Schema of each, by name. For every member."""
        return Response(self.represent(catalogue.list_published()))
