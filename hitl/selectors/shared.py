"""Requests that are shared with a role, a team or a person who may not view all."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Shareable
from accounts.permissions.shares import APPROVAL, within
from core.actors import Actor
from core.privacy.erasure.person import GONE
from hitl.models import Approval
from hitl.selectors.approvals import VIEW, seen_by


class ShareableApproval(Shareable):
    """A request with its history and notes. Who decides it is another question: only its approvers do."""

    acts: ClassVar[str] = "write notes, and withdraw one's own request"

    @classmethod
    def held(cls, viewer: Actor) -> QuerySet[Approval]:
        """Return all requests."""
        return Approval.objects.filter(within(viewer, APPROVAL, VIEW)).exclude(payload=GONE)

    @classmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the references."""
        rows = Approval.objects.filter(seen_by(viewer), pk__in=ids).exclude(payload=GONE)
        return dict(rows.values_list("pk", "reference"))

    @classmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the request."""
        return reverse("admin:hitl_approval_change", args=[object_id])


SHAREABLES.register(APPROVAL, ShareableApproval)
