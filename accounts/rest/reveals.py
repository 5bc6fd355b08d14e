"""Endpoint that opens a reveal: personal data of one object in clear for five minutes, with a reason."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import RevealGrant
from accounts.privacy.reveals import REVEALABLES, Revealable, reveal
from core.errors import Invalid
from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent_outside_transaction
from core.rest.views import ApiViewSet


class RevealRequest(serializers.Serializer[Any]):
    """What to see, and why."""

    object = serializers.CharField(
        max_length=100, help_text="`conversation:<id>`, `contact:<id>` or `person_request:<id>`."
    )
    fields_wanted = serializers.ListField(child=serializers.CharField(max_length=40), max_length=20)
    reason = serializers.CharField(max_length=500)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Call the list `fields`, a name that the framework keeps for itself."""
        fields = super().get_fields()
        return {("fields" if name == "fields_wanted" else name): field for name, field in fields.items()}


class RevealSerializer(RowSerializer[RevealGrant]):
    """The open reveal."""

    class Meta:
        model = RevealGrant
        fields: ClassVar[list[str]] = ["id", "object_type", "object_id", "fields", "created_at", "expires_at"]


class RevealViewSet(ApiViewSet):
    """Reveals of personal data."""

    permissions: ClassVar = {"create": "accounts.view_pii"}
    serializer_class = RevealSerializer
    request_serializers: ClassVar = {"create": RevealRequest}

    @idempotent_outside_transaction
    def create(self, request: Request) -> Response:
        """See fields of one object in clear for five minutes with `?show_pii=true`; writes `PII_ACCESSED`.

        Fields of a conversation: `messages`, `contact`; of a contact: `contact`; of a privacy request: `words`. 429
        (`too_many_reveals`) after `WALKER_REVEALS_PER_HOUR` of one person in an hour.
        """
        wanted = self.read_body()
        kind, object_id = _object(wanted["object"])
        if set(wanted["fields"]) - set(kind.fields):
            raise Invalid("There is no such field.", fields={"fields": [f"One of {', '.join(kind.fields)}."]})
        kind.require(viewer=self.actor, object_id=object_id)
        grant = reveal(
            actor=self.actor,
            object_type=kind.object_type,
            object_id=object_id,
            fields=wanted["fields"],
            reason=wanted["reason"],
        )
        return self.respond(grant)


def _object(text: str) -> tuple[type[Revealable], UUID]:
    """Return what a name such as `conversation:<id>` or `conversations.conversation:<id>` means."""
    name, _, ref = text.partition(":")
    word = name.rpartition(".")[2]
    if word not in REVEALABLES.keys():  # noqa: SIM118  (no dict)
        raise Invalid("This kind of object can't be revealed.", fields={"object": ["<kind>:<id>"]})
    try:
        return REVEALABLES.get(word), UUID(ref)
    except ValueError:
        raise Invalid("This isn't a valid id.", fields={"object": ["<kind>:<id>"]}) from None
