"""What the API takes for the talk about an approval, and how it shows what edits changed."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from accounts.rest.serializers import PersonSerializer
from core.actors import Actor
from core.rest.fields import Document, MaskedDocument, MaskedText, RowSerializer
from core.rest.views import ListQuery
from hitl.approvals.votes import REASON_LIMIT
from hitl.models import OverrideReview, Revision
from hitl.rest.serializers import Move

DIGEST = "Of the approval as you read it."


class Signed(Move):
    """A move on exactly what was shown."""

    digest = serializers.CharField(max_length=64, help_text=DIGEST)


class Said(Signed):
    """A move that needs words."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class EditRequest(Signed):
    """The new values of the fields to change."""

    changes = Document(help_text="By field; money as text.")


class ResubmitRequest(Signed):
    """The request as it should be now."""

    params = Document(required=False, default=None, allow_null=True, help_text="All of them; left out: unchanged.")


class Finding(serializers.Serializer[Any]):
    """What a review found."""

    reason = serializers.CharField(max_length=REASON_LIMIT)


class RevisionSerializer(RowSerializer[Revision]):
    """What one revision changed. Those who may decide see the values word for word, others masked."""

    person = PersonSerializer(read_only=True, allow_null=True)
    diff = serializers.SerializerMethodField()

    class Meta:
        model = Revision
        fields: ClassVar[list[str]] = "revision event person diff risk_before risk_after created_at".split()

    def get_diff(self, row: Revision) -> list[dict[str, Any]]:
        """Return the fields with both values."""
        viewer: Actor = self.context["viewer"]
        if viewer.may("hitl.decide_approval"):
            return list(row.diff)
        return [dict(MaskedDocument().to_representation(each)) for each in row.diff]


class ReviewQuery(ListQuery):
    """Which reviews."""

    open = serializers.BooleanField(default=True, help_text="False for those that are closed.")


class OverrideReviewSerializer(RowSerializer[OverrideReview]):
    """The look back at an override; closed with a finding at its approval (`review/`)."""

    reference = serializers.CharField(source="approval.reference", read_only=True)
    opened_by = PersonSerializer(read_only=True)
    closed_by = PersonSerializer(read_only=True, allow_null=True)
    finding = MaskedText()

    class Meta:
        model = OverrideReview
        fields: ClassVar[list[str]] = (
            "id approval_id reference revision opened_by opened_at closed_by closed_at finding"
        ).split()
