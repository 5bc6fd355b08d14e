"""Endpoints of the event streams, for programs that poll, of webhooks to own apps, and of accounts' health."""

from typing import Any, ClassVar, Final

from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from channels_app.exchanges.log import list_exchanges
from channels_app.kit import diagnosis, pauses
from channels_app.kit.connect import CHANGE
from channels_app.kit.health import read_health
from channels_app.own_app import manage
from channels_app.sockets import sight
from channels_app.sockets.console_topics import frame_of, note_unknown, parse_topic, require_seen
from conversations.selectors import get_conversation
from conversations.services import record_view
from core.errors import NotFound
from core.events import streams
from core.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.rest.fields import RowSerializer
from core.rest.filters import ApiFilterSet
from core.rest.idempotency import idempotent
from core.rest.pagination import LARGEST_PAGE
from core.rest.views import ApiViewSet, ListQuery, ListViewSet, Query
from core.webhooks.words import describe
from hitl.selectors import get_approval

LAST: Final = 2**63 - 1
VIEW_ACCOUNT: Final = "channels_app.view_channelaccount"


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
        require_seen(self.actor, topic)
        if topic.kind == "conversation" and topic.ref is not None:
            get_conversation(viewer=self.actor, conversation_id=topic.ref)
        elif topic.kind == "approval" and topic.ref is not None:
            try:
                get_approval(viewer=self.actor, approval_id=topic.ref)
            except NotFound:
                note_unknown(self.actor, topic)
                raise
        listener = sight.listener_of(self.actor)
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
                "results": [frame_of(topic, event) for event in sight.heard(listener, topic.name, page)],
            }
        )


class WebhookAttemptSerializer(RowSerializer[WebhookAttempt]):
    """One attempt to deliver a webhook."""

    words = serializers.SerializerMethodField(help_text="What happened, and what to do about it.")

    class Meta:
        model = WebhookAttempt
        fields: ClassVar[list[str]] = "number started_at milliseconds status error words".split()

    def get_words(self, attempt: WebhookAttempt) -> str:
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


class AppWebhookViewSet(ListViewSet):
    """Webhooks to a company's own app."""

    descriptions: ClassVar = {
        "list": "List the webhooks of the last 30 days to a company's own app, newest first, with their attempts.",
    }
    permissions: ClassVar = {"list": manage.VIEW, **dict.fromkeys(("replay", "test", "pause", "resume"), manage.CHANGE)}
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilters
    lookup_url_kwarg = "delivery_id"
    list_rows = staticmethod(manage.query_log)

    @action(detail=True, methods=["post"])
    @idempotent
    def replay(self, request: Request, **kwargs: Any) -> Response:
        """Send a failed webhook again under the same id.

        409 `not_failed` unless it failed, `content_gone` if it was erased.
        """
        return self.call_service(manage.replay)

    @action(detail=False, methods=["post"], success_status=201)
    @idempotent
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Send a test webhook; the list shows what the server answered."""
        return self.call_service(manage.send_test)

    @action(detail=False, methods=["post"], serializer_class=WebhookEndpointSerializer)
    @idempotent
    def pause(self, request: Request, **kwargs: Any) -> Response:
        """Pause the webhooks, which then wait."""
        return self.call_service(manage.set_paused, is_paused=True)

    @action(detail=False, methods=["post"], serializer_class=WebhookEndpointSerializer)
    @idempotent
    def resume(self, request: Request, **kwargs: Any) -> Response:
        """Send what has waited, in order."""
        return self.call_service(manage.set_paused, is_paused=False)


class ExplanationSerializer(serializers.Serializer[Any]):
    """An error in words."""

    reason = serializers.CharField(read_only=True)
    advice = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True, help_text="The provider's page about it; empty for none.")


class HealthSerializer(serializers.Serializer[Any]):
    """How a channel account is doing; `sent` and `failed` are attempts of the last 24 hours."""

    state = serializers.ChoiceField(choices=["good", "slow", "error", "paused", "closed"], read_only=True)
    paused_at = serializers.DateTimeField(read_only=True, allow_null=True)
    pause_reason = serializers.CharField(read_only=True)
    error_code = serializers.CharField(read_only=True)
    error = ExplanationSerializer(read_only=True, allow_null=True)
    error_at = serializers.DateTimeField(read_only=True, allow_null=True)
    refused_webhooks = serializers.BooleanField(
        read_only=True, help_text="A wrong webhook signature came in the last 24 hours."
    )
    waiting = serializers.IntegerField(read_only=True, help_text="Messages that are not sent yet.")
    oldest_waiting_at = serializers.DateTimeField(read_only=True, allow_null=True)
    sent = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    last_sent_at = serializers.DateTimeField(read_only=True, allow_null=True)
    last_received_at = serializers.DateTimeField(read_only=True, allow_null=True)
    last_read_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When the mailbox was last read to its end."
    )
    held = serializers.IntegerField(read_only=True, help_text="Webhooks that wait for the account to be resumed.")


class ExchangeSerializer(serializers.Serializer[Any]):
    """One exchange with the provider, without its contents."""

    id = serializers.UUIDField(read_only=True)
    direction = serializers.ChoiceField(choices=["in", "out"], read_only=True)
    at = serializers.DateTimeField(read_only=True)
    outcome = serializers.CharField(read_only=True)
    http_status = serializers.IntegerField(read_only=True, allow_null=True)
    code = serializers.CharField(read_only=True, help_text="The error's code; empty for none.")
    text = serializers.CharField(read_only=True, help_text="What the provider said, masked.")
    message = serializers.UUIDField(read_only=True, allow_null=True)
    milliseconds = serializers.IntegerField(read_only=True, allow_null=True)
    what = serializers.CharField(
        read_only=True,
        help_text="What went out, if no message: a method, `notice`, `code`, `test`, or an email's type.",
    )


class TestMessage(serializers.Serializer[Any]):
    """The recipient of a test message."""

    to = serializers.CharField(
        max_length=320,
        default="",
        allow_blank=True,
        help_text="Your phone number or email address; your own app's server needs none.",
    )


class PastedSample(serializers.Serializer[Any]):
    """A webhook, as it stands in the provider's log. It is not stored."""

    signature = serializers.CharField(
        max_length=diagnosis.PROOF_LIMIT,
        help_text="The header with the webhook signature; for your own app a customer's token.",
    )
    body = serializers.CharField(
        max_length=diagnosis.LONGEST,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="As it was sent; not needed for a token.",
    )
    url = serializers.CharField(
        max_length=500, default="", allow_blank=True, help_text="The address that was called; ours if empty."
    )
    timestamp = serializers.CharField(
        max_length=20, default="", allow_blank=True, help_text="SendGrid's or Slack's header."
    )


class TrialResultSerializer(serializers.Serializer[Any]):
    """The result of a test."""

    valid = serializers.BooleanField(read_only=True)
    words = serializers.CharField(read_only=True)


class Pausing(serializers.Serializer[Any]):
    """Whether the account is paused."""

    paused = serializers.BooleanField(default=True, help_text="False resumes it.")
    reason = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="Needed for a pause.")


class ChannelAccountToolsViewSet(ApiViewSet):
    """Health, log and tests of channel accounts."""

    permissions: ClassVar = {
        "health": VIEW_ACCOUNT,
        "exchanges": VIEW_ACCOUNT,
        **dict.fromkeys(("test", "verify_sample", "pause"), CHANGE),
    }
    serializer_class = HealthSerializer
    lookup_url_kwarg = "account_id"

    @action(detail=True, methods=["post"], request_serializer=TestMessage, serializer_class=TrialResultSerializer)
    @idempotent
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Send one test message, or webhook to your own app.

        400 with the provider's reason in words, `no_provider` for a web chat; 409 `channel_paused`.
        """
        return self.call_service(diagnosis.send_test)

    @action(
        detail=True,
        methods=["post"],
        url_path="verify-sample",
        request_serializer=PastedSample,
        serializer_class=TrialResultSerializer,
    )
    @idempotent
    def verify_sample(self, request: Request, **kwargs: Any) -> Response:
        """Check whether a pasted webhook would be accepted, and why not.

        400 `no_provider` where webhooks have no signature: a web chat and a mailbox.
        """
        return self.call_service(diagnosis.verify_sample)

    def get_query_class(self) -> type[Query]:
        """Return the serializer of the query parameters: the log has pages."""
        return ListQuery if self.action == "exchanges" else super().get_query_class()

    @action(detail=True)
    def health(self, request: Request, **kwargs: Any) -> Response:
        """Read how an account is doing and its last error in words."""
        return self.respond(read_health(viewer=self.actor, **self.kwargs))

    @extend_schema(operation_id="channel_accounts_exchanges_list")
    @action(detail=True, many=True, serializer_class=ExchangeSerializer)
    def exchanges(self, request: Request, **kwargs: Any) -> Response:
        """List what was exchanged with the provider in the last 30 days, newest first and without contents."""
        page = list_exchanges(viewer=self.actor, **self.kwargs, cursor=self.query["cursor"], limit=self.query["limit"])
        return self.respond_with_page(page.rows, page.cursor)

    @action(detail=True, methods=["post"], request_serializer=Pausing)
    @idempotent
    def pause(self, request: Request, **kwargs: Any) -> Response:
        """Pause an account, or resume it: while it is paused nothing is sent, and what arrives waits unprocessed. 400
        for a pause without a reason."""
        pauses.set_paused(actor=self.actor, **self.kwargs, **self.read_body())
        return self.respond(read_health(viewer=self.actor, **self.kwargs))
