"""Whether a notification still concerns its person: membership, rights, and what is asked of them."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from accounts.services import actor_for_user
from core.errors import Refused
from hitl.models import Assignment, Notification
from hitl.notification_channels import ASKS

VIEW: Final = "hitl.view_approval"
NEEDS: Final = {"approval_stuck": "hitl.hold_approval", "approval_overridden": "hitl.review_override"}
"""The right by which people get a notification about a request that is not theirs."""
TO_ASSIGNEES: Final = frozenset({"approval_opened", "approval_reminder", "approval_answered"})
"""Sent only while the person is an open approver; other notifications that ask, only if they waited."""
NO_MEMBER: Final = "This person is no longer a member."
NO_RIGHT: Final = "This person's role can no longer see this."
NOT_NEEDED: Final = "This person's approval is no longer needed."


def why_unneeded(rows: Sequence[Notification]) -> dict[UUID, str]:
    """Return why notifications of one person no longer concern them, by id.

    For the system. At most three queries.
    """
    try:
        actor = actor_for_user(rows[0].recipient)
    except Refused:
        return {row.pk: NO_MEMBER for row in rows}
    found = {row.pk: NO_RIGHT for row in rows if not actor.may(VIEW) or not actor.may(NEEDS.get(row.template, VIEW))}
    asking = [row for row in rows if row.template in (ASKS if row.held_for else TO_ASSIGNEES)]
    if asking:
        mine = Assignment.objects.filter(person_id=rows[0].recipient_id, closed_at=None)
        asked = mine.filter(approval_id__in={row.approval_id for row in asking}).values_list("approval_id", flat=True)
        still = set(asked)
        found |= {row.pk: NOT_NEEDED for row in asking if not row.approval.is_undecided or row.approval_id not in still}
    return found
