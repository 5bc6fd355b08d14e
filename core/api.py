"""Endpoints of the audit chain and of parked failures."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import audit_log, dead_letters
from core.keyset import page_of
from core.models import AuditEntry, DeadLetter
from core.rest.authentication import actor_of
from core.rest.idempotent import once
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery


class EntryQuery(ListQuery):
    """Which entries."""

    action = serializers.CharField(default="", max_length=60)
    object_type = serializers.CharField(default="", max_length=60)
    object_id = serializers.UUIDField(default=None)
    user = serializers.UUIDField(default=None, help_text="Who did it.")


class EntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One entry of the chain."""

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = (
            "id seq at action object_type object_id old_state new_state facts actor_kind actor_id actor_user_id "
            "actor_name role auth_strength address key_id previous_hash hash"
        ).split()
        read_only_fields = fields


class VerdictSerializer(serializers.Serializer[Any]):
    """Whether the chain is whole; `first_bad` is the number of the first entry that does not fit."""

    ok = serializers.BooleanField()
    entries = serializers.IntegerField()
    head = serializers.CharField()
    first_bad = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class AuditList(ApiView):
    """The audit chain, newest first."""

    permissions: ClassVar = {"GET": audit_log.VIEW}
    query = EntryQuery

    @extend_schema(operation_id="audit_list", parameters=[EntryQuery], responses=paged(EntrySerializer))
    def get(self, request: Request) -> Response:
        """List entries, newest first. Needs `core.view_auditentry`."""
        asked = self.asked
        filters = audit_log.EntryFilters(asked["action"], asked["object_type"], asked["object_id"], asked["user"])
        found = audit_log.list_entries(
            viewer=actor_of(request), filters=filters, cursor=asked["cursor"], limit=asked["limit"]
        )
        return self.page(found.rows, found.cursor, EntrySerializer)


class AuditVerify(ApiView):
    """Whether the chain is whole."""

    permissions: ClassVar = {"GET": audit_log.VIEW}

    @extend_schema(operation_id="audit_verify", responses=VerdictSerializer)
    def get(self, request: Request) -> Response:
        """Recompute the organisation's whole chain; changes nothing. Needs `core.view_auditentry`."""
        return Response(VerdictSerializer(audit_log.verify(viewer=actor_of(request))).data)


class LetterQuery(ListQuery):
    """Which dead letters."""

    state = serializers.ChoiceField(choices=DeadLetter.State.values, default=DeadLetter.State.PARKED)


class LetterSerializer(serializers.ModelSerializer[DeadLetter]):
    """Work that failed for good."""

    class Meta:
        model = DeadLetter
        fields: ClassVar[list[str]] = "id kind ref error times state parked_at closed_at".split()
        read_only_fields = fields


class DeadLetters(ApiView):
    """Parked failures."""

    permissions: ClassVar = {"GET": "core.view_deadletter"}
    query = LetterQuery

    @extend_schema(operation_id="dead_letters_list", parameters=[LetterQuery], responses=paged(LetterSerializer))
    def get(self, request: Request) -> Response:
        """List work that failed for good, newest first. Needs `core.view_deadletter`."""
        rows = dead_letters.query_dead_letters(viewer=actor_of(request), state=self.asked["state"])
        found = page_of(rows, cursor=self.asked["cursor"], limit=self.asked["limit"])
        return self.page(found.rows, found.cursor, LetterSerializer)


class Replay(ApiView):
    """Starts parked work again."""

    permissions: ClassVar = {"POST": "core.replay_deadletter"}

    @extend_schema(operation_id="dead_letters_replay", request=None, responses=LetterSerializer)
    @once
    def post(self, request: Request, letter_id: UUID) -> Response:
        """Queue the work again; it does nothing twice. Needs `core.replay_deadletter`; 409 when it is closed."""
        letter = dead_letters.replay(actor=actor_of(request), dead_letter_id=letter_id)
        return Response(LetterSerializer(letter).data)


class Discard(ApiView):
    """Closes parked work."""

    permissions: ClassVar = {"POST": "core.replay_deadletter"}

    @extend_schema(operation_id="dead_letters_discard", request=None, responses=LetterSerializer)
    @once
    def post(self, request: Request, letter_id: UUID) -> Response:
        """Put it aside without doing the work. Needs `core.replay_deadletter`; 409 when it is closed."""
        letter = dead_letters.discard(actor=actor_of(request), dead_letter_id=letter_id)
        return Response(LetterSerializer(letter).data)
