"""What opens after a decision: the next request in the viewer's queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.selectors import moving_on as opening
from console.viewers import viewer_of
from core.actors import Actor
from hitl.domain.permissions import DECIDE
from hitl.models import Approval
from hitl.selectors.approvals import query_approvals
from hitl.selectors.urgency import by_urgency

LOOKED_AT: Final = 200
"""How far into the queue one walks; behind that comes its start again."""


def following(viewer: Actor, after: UUID | None = None) -> UUID | None:
    """Return what comes after a request in the viewer's queue, at the end its start; None without any. One query."""
    if not viewer.may(DECIDE):
        return None
    rows = by_urgency(query_approvals(viewer=viewer, mine=True), viewer)
    queue: list[UUID] = list(rows.values_list("pk", flat=True)[:LOOKED_AT])
    at = queue.index(after) + 1 if after in queue else 0
    return next((key for key in queue[at:] + queue[:at] if key != after), None)


@contextmanager
def moving_on(request: HttpRequest, decided: Approval) -> Iterator[None]:
    """Open the next request after a decision that the block makes, unless the person prefers to stay."""
    viewer = viewer_of(request)
    # Looked up before: afterwards the place of the decided one in the queue is gone.
    found = following(viewer, decided.pk) if opening(viewer=viewer)["decision"] else None
    yield
    request.opens_next = found  # type: ignore[attr-defined]


def link_to(approval: Approval) -> str:
    """Return the reference as a link, for a message that another page may show."""
    url = reverse("admin:hitl_approval_change", args=[approval.pk])
    return format_html('<a href="{}" data-decided>{}</a>', url, approval.reference)
