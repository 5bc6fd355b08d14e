"""Read past decisions of people on requests like one."""

from __future__ import annotations

from typing import Final

from django.db.models import Q

from core.actors import Actor
from hitl.domain.state_machine import State
from hitl.models import Approval
from hitl.selectors.approvals import SIGNED, VIEW

LOOKED_AT: Final = 500
"""How many of the newest requests of the same action are looked at, so that the read is bounded."""
SHOWN: Final = 10
_DECIDED: Final = [state.value for state in (*SIGNED, State.REJECTED)]


def list_similar(*, viewer: Actor, approval: Approval, limit: int = SHOWN) -> list[Approval]:
    """Return the newest requests like this one that a person approved or rejected, newest first.

    Of the same action and for the same subject, or of comparable cost: from half to double. Needs
    `hitl.view_approval`. One query.
    """
    viewer.require(VIEW)
    newest = Approval.objects.filter(kind=approval.kind).exclude(pk=approval.pk).order_by("-id")
    rows = Approval.objects.filter(
        _is_like(approval), pk__in=newest.values("pk")[:LOOKED_AT], state__in=_DECIDED, decided_by__isnull=False
    )
    return list(rows.order_by("-id")[:limit])


def _is_like(approval: Approval) -> Q:
    subject = Q(subject_key=approval.subject_key)
    if approval.cost is None:
        return subject
    low, high = sorted((approval.cost / 2, approval.cost * 2))
    return subject | Q(currency=approval.currency, cost__gte=low, cost__lte=high)
