"""Endpoints of merging contacts of the same person: compare, merge, take back."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.serializers import PersonSerializer
from conversations.contacts.rest.serializers import ContactSerializer
from conversations.contacts.selectors import directory
from conversations.merges import merges
from conversations.merges.merges import REASON_LIMIT
from conversations.merges.selectors import MERGE, preview_merge, query_merges
from conversations.models import ContactMerge
from core.rest.fields import RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

VIEW = "conversations.view_contact"


class MergeSerializer(RowSerializer[ContactMerge]):
    """A merge of two contacts; its reason is masked. `contact_id` is the one that was kept."""

    reason = serializers.CharField(source="masked_reason", read_only=True)
    merged_by = PersonSerializer(read_only=True, allow_null=True)
    undone_by = PersonSerializer(read_only=True, allow_null=True)

    class Meta:
        model = ContactMerge
        fields: ClassVar[list[str]] = "id contact_id merged_id reason merged_by merged_at undone_by undone_at".split()


class MergePreviewRequest(serializers.Serializer[Any]):
    """The contact to keep."""

    into_id = serializers.UUIDField()


class MergeRequest(MergePreviewRequest):
    """The contact to keep, and why both are the same person."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class SignSerializer(serializers.Serializer[Any]):
    """One thing that speaks for it (`good`), against it (`bad`), or is worth knowing (`note`)."""

    code = serializers.CharField()
    tone = serializers.ChoiceField(choices=["good", "bad", "note"])
    words = serializers.CharField()


class MergePreviewSerializer(serializers.Serializer[Any]):
    """What a merge would do, masked."""

    contact = ContactSerializer()
    into = ContactSerializer()
    signs = SignSerializer(many=True)
    addresses = serializers.IntegerField()
    conversations = serializers.IntegerField()
    open_conversations = serializers.IntegerField()
    tags = serializers.ListField(child=serializers.CharField(), help_text="Those that the kept contact would get.")
    merged = serializers.IntegerField(help_text="Contacts that were merged into this one before.")


class ContactMergeViewSet(ListViewSet):
    """The merges of a contact."""

    descriptions: ClassVar = {
        "list": "List the merges of a contact, newest first.",
    }
    permissions: ClassVar = {"list": VIEW, "create": MERGE, "preview": MERGE, "undo": MERGE}
    serializer_class = MergeSerializer
    request_serializers: ClassVar = {"create": MergeRequest}

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Merge this contact into another one of the same person (`into_id`), with a reason.

        Its addresses, conversations and tags go to that one; each address keeps its own proof and rights. 409
        `merged`, `erased`, `different_colleagues`, `changed`.
        """
        return self.call_service(merges.merge_contacts)

    @action(detail=False, methods=["post"])
    @idempotent
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Take this merged contact out of the other one again, within 14 days.

        Its addresses go back with all of their conversations. 409 `not_merged`, `erased`, `merged_further`,
        `too_late`, `on_hold`.
        """
        return self.call_service(merges.undo_merge)

    def get_queryset(self) -> QuerySet[ContactMerge]:
        return query_merges(viewer=self.actor, contact_id=self.kwargs["contact_id"]).order_by()

    def list(self, request: Request, **kwargs: Any) -> Response:
        """List the merges of the contact of the address; 404 for one that isn't there."""
        directory.read_contact(viewer=self.actor, **self.kwargs)
        return super().list(request, **kwargs)

    @action(
        detail=False, methods=["post"], request_serializer=MergePreviewRequest, serializer_class=MergePreviewSerializer
    )
    @idempotent
    def preview(self, request: Request, **kwargs: Any) -> Response:
        """Compare this contact with another one: what speaks for and against it, and what a merge would move.

        It changes nothing. Needs `conversations.merge_contact` and `conversations.view_contact`. 409 `merged`,
        `erased`.
        """
        return self.respond(preview_merge(viewer=self.actor, **self.kwargs, **self.read_body()))
