"""Endpoints of the audit chain and of parked failures."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers

from core.actors import Actor
from core.audit import chain, selectors
from core.jobs import dead_letters
from core.models import AuditEntry, DeadLetter
from core.rest.fields import RowSerializer
from core.rest.operations import does, lists, reads
from core.rest.views import ApiView, ListQuery


class EntryQuery(ListQuery):
    """Which entries."""

    action = serializers.CharField(default="", max_length=60)
    object_type = serializers.CharField(default="", max_length=60)
    object_id = serializers.UUIDField(default=None)
    user = serializers.UUIDField(default=None, help_text="Who did it.")


class EntrySerializer(RowSerializer[AuditEntry]):
    """One entry of the chain."""

    class Meta:
        model = AuditEntry
        fields: ClassVar[list[str]] = (
            "id seq at action object_type object_id old_state new_state facts actor_kind actor_id actor_user_id "
            "actor_name role auth_strength address key_id previous_hash hash"
        ).split()


class VerdictSerializer(serializers.Serializer[Any]):
    """Whether the chain is whole; `first_bad` is the number of the first entry that does not fit."""

    ok = serializers.BooleanField()
    entries = serializers.IntegerField()
    head = serializers.CharField()
    first_bad = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class AuditList(ApiView):
    """The audit chain, newest first."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @lists("audit_list", EntrySerializer, query=EntryQuery, key="seq")
    def get(self, viewer: Actor) -> QuerySet[AuditEntry]:
        """List entries, newest first. Needs `core.view_auditentry`."""
        asked = self.asked
        filters = selectors.EntryFilters(asked["action"], asked["object_type"], asked["object_id"], asked["user"])
        return selectors.query_entries(viewer=viewer, filters=filters)


class AuditVerify(ApiView):
    """Whether the chain is whole."""

    permissions: ClassVar = {"GET": selectors.VIEW}

    @reads("audit_verify", VerdictSerializer)
    def get(self, viewer: Actor) -> chain.Verdict:
        """Recompute the organisation's whole chain; changes nothing. Needs `core.view_auditentry`."""
        return selectors.verify(viewer=viewer)


class LetterQuery(ListQuery):
    """Which dead letters."""

    state = serializers.ChoiceField(choices=DeadLetter.State.values, default=DeadLetter.State.PARKED)


class LetterSerializer(RowSerializer[DeadLetter]):
    """Work that failed for good."""

    class Meta:
        model = DeadLetter
        fields: ClassVar[list[str]] = "id kind ref error times state parked_at closed_at".split()


class DeadLetters(ApiView):
    """Parked failures."""

    permissions: ClassVar = {"GET": "core.view_deadletter"}

    @lists("dead_letters_list", LetterSerializer, query=LetterQuery)
    def get(self, viewer: Actor) -> QuerySet[DeadLetter]:
        """List work that failed for good, newest first. Needs `core.view_deadletter`."""
        return dead_letters.query_dead_letters(viewer=viewer, state=self.asked["state"])


class Replay(ApiView):
    """Starts parked work again."""

    permissions: ClassVar = {"POST": "core.replay_deadletter"}

    @does("dead_letters_replay", None, LetterSerializer)
    def post(self, actor: Actor, letter_id: UUID) -> DeadLetter:
        """Queue the work again; it does nothing twice. Needs `core.replay_deadletter`; 409 when it is closed."""
        return dead_letters.replay(actor=actor, dead_letter_id=letter_id)


class Discard(ApiView):
    """Closes parked work."""

    permissions: ClassVar = {"POST": "core.replay_deadletter"}

    @does("dead_letters_discard", None, LetterSerializer)
    def post(self, actor: Actor, letter_id: UUID) -> DeadLetter:
        """Put it aside without doing the work. Needs `core.replay_deadletter`; 409 when it is closed."""
        return dead_letters.discard(actor=actor, dead_letter_id=letter_id)
