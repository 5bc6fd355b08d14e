"""Endpoint that opens a reveal: personal data of one thing in clear, for minutes, with a reason."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import RevealGrant
from accounts.privacy.reveals import REVEALABLES, Revealable, reveal
from core.errors import Invalid
from core.rest.authentication import actor_of
from core.rest.fields import RowSerializer
from core.rest.idempotent import once
from core.rest.views import ApiView, body_of


class RevealRequest(serializers.Serializer[Any]):
    """What to see, and why."""

    object = serializers.CharField(max_length=100, help_text="`conversation:<id>` or `contact:<id>`.")
    fields_wanted = serializers.ListField(child=serializers.CharField(max_length=40), max_length=20)
    reason = serializers.CharField(max_length=500)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Call the list `fields`, a name that the framework keeps for itself."""
        found = super().get_fields()
        return {("fields" if name == "fields_wanted" else name): field for name, field in found.items()}


class RevealSerializer(RowSerializer[RevealGrant]):
    """The open reveal."""

    class Meta:
        model = RevealGrant
        fields: ClassVar[list[str]] = ["id", "object_type", "object_id", "fields", "created_at", "expires_at"]


class Reveals(ApiView):
    """Opens reveals."""

    permissions: ClassVar = {"POST": "accounts.view_pii"}

    @extend_schema(operation_id="reveals_create", request=RevealRequest, responses={201: RevealSerializer})
    @once
    def post(self, request: Request) -> Response:
        """See fields of one thing in clear for five minutes with `?show_pii=true`; writes `PII_ACCESSED`.

        Needs `accounts.view_pii`. Fields of a conversation: `messages`, `contact`; of a contact: `contact`.
        """
        wanted = body_of(request, RevealRequest)
        kind, object_id = _object(wanted["object"])
        unknown = sorted(set(wanted["fields"]) - set(kind.fields))
        if unknown:
            raise Invalid("There is no such field.", fields={"fields": [f"One of {', '.join(kind.fields)}."]})
        viewer = actor_of(request)
        kind.require(viewer=viewer, object_id=object_id)
        grant = reveal(
            actor=viewer,
            object_type=kind.object_type,
            object_id=object_id,
            fields=wanted["fields"],
            reason=wanted["reason"],
        )
        return Response(RevealSerializer(grant).data, status=201)


def _object(text: str) -> tuple[type[Revealable], UUID]:
    """Return what a name such as `conversation:<id>` or `conversations.conversation:<id>` means."""
    name, _, ref = text.partition(":")
    word = name.rpartition(".")[2]
    known = REVEALABLES.keys()
    if word not in known:
        raise Invalid("There is nothing of that kind to reveal.", fields={"object": ["<kind>:<id>"]})
    try:
        return REVEALABLES.get(word), UUID(ref)
    except ValueError:
        raise Invalid("That is no id.", fields={"object": ["<kind>:<id>"]}) from None
