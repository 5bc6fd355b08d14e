"""Endpoints of the event streams, for programs that poll, and of the webhooks to a company's own app."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from channels_app.own_app import manage
from channels_app.sockets.console_topics import PERMISSIONS, Topic, frame_of, note_unknown, parse_topic
from conversations.selectors import get_conversation
from conversations.services import record_view
from core.actors import Actor
from core.errors import NotFound
from core.events import streams
from core.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.pagination import LARGEST_PAGE
from core.rest.views import ApiViewSet, ListViewSet, Query
from core.webhooks.words import describe
from hitl.selectors import get_approval

LAST: Final = 2**63 - 1


class StreamQuery(Query):
    """The stream, and where to start."""

    stream = serializers.CharField(
        default="queue", max_length=80, help_text="`queue`, `inbox`, `approval:<id>` or `conversation:<id>`."
    )
    after = serializers.IntegerField(default=0, min_value=0, max_value=LAST, help_text="The last number you have.")
    limit = serializers.IntegerField(default=LARGEST_PAGE, min_value=1, max_value=LARGEST_PAGE)


class EventSerializer(serializers.Serializer[Any]):
    """One event; texts in it are masked."""

    seq = serializers.IntegerField()
    event = serializers.CharField()
    at = serializers.DateTimeField()
    payload = serializers.JSONField()


class StreamSerializer(serializers.Serializer[Any]):
    """Events above a number, in order; `last` is what to ask with next time.

    None is left out. Numbers have no gaps, but in `approval:<id>`, which is what the queue tells about
    one approval, under the queue's numbers.
    """

    stream = serializers.CharField()
    last = serializers.IntegerField()
    next = serializers.URLField(allow_null=True, help_text="Null when there is nothing more for now.")
    results = EventSerializer(many=True)


class StreamViewSet(ApiViewSet):
    """Event streams."""

    permissions: ClassVar = {"retrieve": ""}
    serializer_class = StreamSerializer

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters."""
        return StreamQuery

    def retrieve(self, request: Request) -> Response:
        """Read the events of a stream above a number. Needs the right to view what it is about.

        Reading events of a conversation is a look at it, and is written to the audit.
        """
        topic, after, limit = parse_topic(self.query["stream"]), self.query["after"], self.query["limit"]
        _require(self.actor, topic)
        found = streams.read(topic.name, after, limit + 1)
        page = found[:limit]
        if topic.kind == "conversation" and topic.ref is not None and page:
            record_view(actor=self.actor, conversation_id=topic.ref)
        last = page[-1].seq if page else after
        more = len(found) > len(page)
        return self.respond(
            {
                "stream": topic.name,
                "last": last,
                "next": replace_query_param(request.build_absolute_uri(), "after", last) if more else None,
                "results": [frame_of(topic, event) for event in page],
            }
        )


def _require(viewer: Actor, topic: Topic) -> None:
    """Raise `Refused` or `NotFound` unless the viewer may see what the stream is about."""
    viewer.require(PERMISSIONS[topic.kind])
    if topic.kind == "conversation" and topic.ref is not None:
        get_conversation(viewer=viewer, conversation_id=topic.ref)
    elif topic.kind == "approval" and topic.ref is not None:
        try:
            get_approval(viewer=viewer, approval_id=topic.ref)
        except NotFound:
            note_unknown(viewer, topic)
            raise


class WebhookAttemptSerializer(RowSerializer[WebhookAttempt]):
    """One attempt to deliver a webhook."""

    words = serializers.SerializerMethodField(help_text="What happened, and what to do about it.")

    class Meta:
        model = WebhookAttempt
        fields: ClassVar[list[str]] = "number started_at milliseconds status error words".split()

    def get_words(self, attempt: WebhookAttempt) -> str:
        """Return a sentence about the answer."""
        return describe(attempt.error, attempt.status)


class WebhookSerializer(RowSerializer[WebhookDelivery]):
    """A webhook with its attempts, without its content; `webhook_id` is the header's."""

    webhook_id = serializers.CharField(source="key", read_only=True)
    attempts = WebhookAttemptSerializer(source="tries", many=True, read_only=True)

    class Meta:
        model = WebhookDelivery
        fields: ClassVar[list[str]] = "id webhook_id event_type state error attempts created_at due_at done_at".split()


class WebhookEndpointSerializer(RowSerializer[WebhookEndpoint]):
    """The webhooks of an app, without their address and secrets."""

    class Meta:
        model = WebhookEndpoint
        fields: ClassVar[list[str]] = "state failures last_error last_error_at last_success_at".split()


class WebhookFilters(ApiFilterSet):
    """The filters of webhooks."""

    state = ChoiceFilter(choices=WebhookDelivery.State.choices)


@extend_schema_view(
    list=extend_schema(
        description=(
            "List the webhooks of the last 30 days to a company's own app, newest first, with their attempts. "
            "Needs `channels_app.view_channelaccount`."
        )
    )
)
class AppWebhookViewSet(ListViewSet):
    """Webhooks to a company's own app."""

    permissions: ClassVar = {
        "list": manage.VIEW,
        "replay": manage.CHANGE,
        "test": manage.CHANGE,
        "pause": manage.CHANGE,
        "resume": manage.CHANGE,
    }
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilters
    lookup_url_kwarg = "delivery_id"

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        """Return the webhooks of the app."""
        return manage.query_log(viewer=self.actor, **self.kwargs)

    @action(detail=True, methods=["post"])
    @idempotent
    def replay(self, request: Request, **kwargs: Any) -> Response:
        """Send a failed webhook again under the same id. Needs `channels_app.change_channelaccount`.

        409 `not_failed` unless it failed, `content_gone` if it was erased.
        """
        return self.call_service(manage.replay)

    @action(detail=False, methods=["post"], success_status=201)
    @idempotent
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Send a test webhook; the list shows what the server answered. Needs `channels_app.change_channelaccount`."""
        return self.call_service(manage.send_test)

    @action(detail=False, methods=["post"], serializer_class=WebhookEndpointSerializer)
    @idempotent
    def pause(self, request: Request, **kwargs: Any) -> Response:
        """Pause the webhooks, which then wait. Needs `channels_app.change_channelaccount`."""
        return self.call_service(manage.set_paused, is_paused=True)

    @action(detail=False, methods=["post"], serializer_class=WebhookEndpointSerializer)
    @idempotent
    def resume(self, request: Request, **kwargs: Any) -> Response:
        """Send what has waited, in order. Needs `channels_app.change_channelaccount`."""
        return self.call_service(manage.set_paused, is_paused=False)
