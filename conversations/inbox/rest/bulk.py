"""Serializers of changes to many conversations at once."""

from typing import Any

from rest_framework import serializers

from conversations.inbox.bulk import CHANGES, MOST
from conversations.models import Priority


class ChangingMany(serializers.Serializer[Any]):
    """Conversations, what happens to each, and the values that this takes."""

    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST)
    change = serializers.ChoiceField(choices=list(CHANGES))
    user_id = serializers.UUIDField(required=False, help_text="For `assign`.")
    even_if_full = serializers.BooleanField(required=False, help_text="For `assign`: a lead gives one more than fits.")
    team_id = serializers.UUIDField(required=False, allow_null=True, help_text="For `team`; null is no team.")
    add = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=20, help_text="For `tags`: those to put on."
    )
    remove = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=20, help_text="For `tags`: those to take off."
    )
    priority = serializers.ChoiceField(choices=Priority.choices, required=False, help_text="For `priority`.")
    resolved = serializers.BooleanField(required=False, help_text="For `close`.")
    dry_run = serializers.BooleanField(
        default=False, help_text="Say what would become of each alone, and change nothing."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what the service takes. Raises for values of another change."""
        plain = {name: attrs.pop(name) for name in ("ids", "change", "dry_run")}
        if foreign := sorted(attrs.keys() - TAKES[plain["change"]]):
            raise serializers.ValidationError({name: ["This change doesn't take it."] for name in foreign})
        return {
            "conversation_ids": plain["ids"],
            "change": plain["change"],
            "dry_run": plain["dry_run"],
            "values": attrs,
        }


TAKES = {
    "assign": {"user_id", "even_if_full"},
    "team": {"team_id"},
    "tags": {"add", "remove"},
    "priority": {"priority"},
    "close": {"resolved"},
}


class ChangedSerializer(serializers.Serializer[Any]):
    """What became of one conversation."""

    id = serializers.UUIDField(read_only=True)
    done = serializers.BooleanField(read_only=True)
    code = serializers.CharField(read_only=True, help_text="Why nothing happened; empty if it did.")
    detail = serializers.CharField(read_only=True)


class ChangedManySerializer(serializers.Serializer[Any]):
    """What became of each, in the order that was asked."""

    results = ChangedSerializer(many=True, read_only=True)
