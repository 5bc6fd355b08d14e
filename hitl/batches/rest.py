"""Endpoints of batches: decide many requests at once, follow the progress, undo."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.rest.serializers import PersonSerializer
from core.rest.idempotency import HEADER, idempotent_outside_transaction
from core.rest.views import ApiViewSet
from hitl.approvals.rest.actions import DIGEST
from hitl.approvals.rest.approvals import CHANNEL
from hitl.approvals.state.votes import REASON_LIMIT
from hitl.batches.batches import Sent, get_batch, open_batch, undo_batch
from hitl.batches.preview import MOST, Chosen, words_of
from hitl.domain.permissions import DECIDE
from hitl.models import BatchDecision, BatchItem

VIEW = "hitl.view_approval"


class BatchItemRequest(serializers.Serializer[Any]):
    """One request, as you read it."""

    id = serializers.UUIDField()
    digest = serializers.CharField(max_length=64, help_text=DIGEST)


class BatchRequest(serializers.Serializer[Any]):
    """One verdict on several requests."""

    verdict = serializers.ChoiceField(choices=("approve", "reject"))
    items = BatchItemRequest(many=True, help_text=f"At most {MOST}; 400 `too_many`.")
    reason = serializers.CharField(default="", allow_blank=True, max_length=REASON_LIMIT)
    mixed = serializers.BooleanField(default=False, help_text="Also if they ask for different actions.")
    key = serializers.CharField(
        default="", allow_blank=True, max_length=64, help_text="Yours: a batch sent again under it is the same one."
    )


class BatchItemSerializer(serializers.Serializer[BatchItem]):
    """What became of one request of a batch."""

    id = serializers.UUIDField(source="approval_id", read_only=True)
    digest = serializers.CharField(read_only=True)
    outcome = serializers.CharField(read_only=True, help_text="`decided`, `refused`, or empty while it waits.")
    code = serializers.CharField(read_only=True, help_text="Why it was refused.")
    detail = serializers.SerializerMethodField()
    state = serializers.CharField(read_only=True, help_text="Of the request, right after the decision.")
    decided_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def get_detail(self, item: BatchItem) -> str:
        """Return why it was refused, in words."""
        return words_of(item.code)


class BatchSerializer(serializers.Serializer[BatchDecision]):
    """A batch and what became of each of its requests."""

    id = serializers.UUIDField(read_only=True)
    url = serializers.SerializerMethodField()
    verdict = serializers.CharField(read_only=True)
    maker = PersonSerializer(read_only=True)
    total = serializers.IntegerField(read_only=True)
    done = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(read_only=True)
    finished_at = serializers.DateTimeField(read_only=True, allow_null=True)
    items = serializers.SerializerMethodField()

    def get_url(self, batch: BatchDecision) -> str:
        """Return where to read the progress and the report."""
        where = reverse("api-batch-decisions-detail", args=[batch.pk], request=self.context.get("request"))
        return str(where)

    def get_done(self, batch: BatchDecision) -> int:
        """Return how many requests have had their turn."""
        return sum(1 for item in batch.items.all() if item.outcome)

    @extend_schema_field(BatchItemSerializer(many=True))
    def get_items(self, batch: BatchDecision) -> Any:
        """Return the requests in the order they were sent."""
        rows: Any = sorted(batch.items.all(), key=lambda item: item.place)
        return BatchItemSerializer(rows, many=True).data


class BatchViewSet(ApiViewSet):
    """Decisions on many requests at once."""

    permissions: ClassVar = {"create": DECIDE, "retrieve": VIEW, "undo": "hitl.revoke_approval"}
    serializer_class = BatchSerializer
    request_serializers: ClassVar = {"create": BatchRequest}
    lookup_url_kwarg = "batch_id"

    def get_success_status(self) -> int:
        """Return 202 for a batch that was taken on: a task decides its requests."""
        return 202 if self.action == "create" else super().get_success_status()

    @idempotent_outside_transaction
    def create(self, request: Request) -> Response:
        """Decide up to 200 requests at once, each on its own; follow `url` for what became of each.

        400 `too_many`, 400 `mixed_kinds` unless `mixed`, 403 `confirm_first` in a session where a level asks for a
        second factor, 409 `different_arguments` for another batch under the same key.
        """
        body = self.read_body()
        batch = open_batch(
            actor=self.actor,
            verdict=body["verdict"],
            chosen=[Chosen(item["id"], item["digest"]) for item in body["items"]],
            reason=body["reason"],
            sent=Sent(CHANNEL, body["key"] or request.headers.get(HEADER, "")[:64]),
            is_mixed=body["mixed"],
        )
        return self.respond(batch)

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Read the progress and the report of your batch, or of any with `core.view_auditentry`."""
        return self.respond(get_batch(viewer=self.actor, **kwargs))

    @action(detail=True, methods=["post"])
    @idempotent_outside_transaction
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Undo every approval of your batch whose execution still waits.

        Only batches from the console wait; 409 `too_late` if nothing is left to undo.
        """
        undo_batch(actor=self.actor, **kwargs)
        return self.respond(get_batch(viewer=self.actor, **kwargs))
