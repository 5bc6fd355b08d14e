"""Read the notes of colleagues on an approval."""

from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from hitl.domain.permissions import DECIDE
from hitl.models import ApprovalNote
from hitl.selectors.approvals import seen_by


def query_notes(*, viewer: Actor, approval_id: UUID) -> QuerySet[ApprovalNote]:
    """Return the notes of an approval as a query, newest first. Needs `hitl.view_approval`."""
    rows: QuerySet[ApprovalNote] = ApprovalNote.objects.filter(
        seen_by(viewer, "approval_id"), approval_id=approval_id
    ).select_related("person")
    rows = rows.order_by("-id")
    return rows if viewer.may(DECIDE) else rows.defer("body")


def text_of(viewer: Actor, note: ApprovalNote) -> str:
    """Return the text as the viewer may read it: people who may decide see the original, others a masked one."""
    if not note.masked_body:
        return "Erased"
    return str(note.body if viewer.may(DECIDE) else note.masked_body)
