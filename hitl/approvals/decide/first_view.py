"""When a waiting request was first opened by somebody who can approve requests."""

from datetime import datetime

from django.db import transaction

from core.actors import Actor
from core.clock import now as clock_now
from core.events import streams
from hitl.approvals.state.event_types import VIEWED, VIEWS
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import WAITING
from hitl.models import Approval


def note_view(*, viewer: Actor, approval: Approval, now: datetime | None = None) -> bool:
    """Note the first view of a request; return whether this is it.

    Counts people with `hitl.decide_approval` other than the requester, while the request waits. A page reached by a
    link in a mail doesn't count: programs that check mails open those too. No query after the first view.
    """
    if approval.first_viewed_at is not None or approval.state not in WAITING:
        return False
    if viewer.kind != "user" or viewer.user_id == approval.requester_id or not viewer.may(DECIDE):
        return False
    moment = now or clock_now()
    with transaction.atomic():
        unseen = Approval.objects.filter(pk=approval.pk, first_viewed_at=None, state__in=WAITING)
        if not unseen.update(first_viewed_at=moment):
            return False
        streams.append(
            VIEWS,
            VIEWED,
            {
                "approval_id": str(approval.pk),
                "kind": approval.kind,
                "risk_level": approval.risk_level,
                "agent": str(approval.agent_id) if approval.agent_id else None,
                "seconds": (moment - approval.created_at).total_seconds(),
            },
        )
    return True
