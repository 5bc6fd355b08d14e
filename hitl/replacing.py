"""A newer request for the same thing takes the place of the older ones nobody has decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.actors import Actor, system
from hitl import machine
from hitl.conflicts import decided
from hitl.models import Approval
from hitl.transitions import UNDECIDED, Event, State

REPLACER: Final[Actor] = system("replacer")
_UNDECIDED: Final = [state.value for state in UNDECIDED]


def lock_replaced(approval: Approval) -> list[Approval]:
    """Return, locked, the undecided requests of the same kind for the same subject by the same requester."""
    if not approval.subject_key or (approval.requester_id is None and approval.agent_id is None):
        return []
    rows = Approval.objects.select_for_update().filter(
        subject_key=approval.subject_key,
        kind=approval.kind,
        requester_id=approval.requester_id,
        agent_id=approval.agent_id,
        state__in=_UNDECIDED,
    )
    return list(rows.exclude(pk=approval.pk).order_by("id"))


def supersede(work: machine.Work, replaced: Sequence[Approval], *, by: Approval) -> None:
    """Close locked requests in favour of a newer one that is stored already."""
    for old in replaced:
        changes = {**decided(REPLACER, "superseded", old, work.moment), "superseded_by_id": by.pk}
        facts = {"superseded_by": by.reference}
        work.move(old, Event.SUPERSEDE, actor=REPLACER, to=State.SUPERSEDED, changes=changes, facts=facts)
