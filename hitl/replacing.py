"""A newer request for the same thing takes the place of the older ones nobody has decided."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from core import prepared, rows
from core.actors import Actor, system
from core.prepared import Prepared
from core.scope import current_tenant_id
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
    values = {
        "tenant": current_tenant_id(),
        "subject": approval.subject_key,
        "kind": approval.kind,
        "requester": approval.requester_id,
        "agent": approval.agent_id,
        "this": approval.pk,
        "states": _UNDECIDED,
    }
    return [rows.loaded(Approval, row) for row in prepared.fetch_all(_lock_statement(), values)]


@cache
def _lock_statement() -> Prepared:
    return prepared.prepared(
        f"{rows.selection(Approval)} where tenant_id = $1 and subject_key = $2 and kind = $3 "
        "and requester_id is not distinct from $4 and agent_id is not distinct from $5 "
        f"and id <> $6 and state = any($7) order by id for update",
        {
            "tenant": "uuid",
            "subject": "text",
            "kind": "text",
            "requester": "uuid",
            "agent": "uuid",
            "this": "uuid",
            "states": "text[]",
        },
    )


def supersede(work: machine.Work, replaced: Sequence[Approval], *, by: Approval) -> None:
    """Close locked requests in favour of a newer one that is stored already."""
    for old in replaced:
        changes = {**decided(REPLACER, "superseded", old, work.moment), "superseded_by_id": by.pk}
        facts = {"superseded_by": by.reference}
        work.move(old, Event.SUPERSEDE, actor=REPLACER, to=State.SUPERSEDED, changes=changes, facts=facts)
