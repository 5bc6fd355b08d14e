"""A newer request for the same thing takes the place of the older ones nobody has decided."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final
from uuid import UUID

from core import prepared
from core.actors import Actor, system
from core.prepared import Call, Prepared, Result
from core.tenancy.scope import current_tenant_id
from hitl.approvals import transitions
from hitl.approvals.conflicts import decided
from hitl.domain.state_machine import UNDECIDED, Event, State
from hitl.models import Approval

REPLACER: Final[Actor] = system("replacer")
_UNDECIDED: Final = [state.value for state in UNDECIDED]
_LOCK: Final = """
select id from hitl_approval
where tenant_id = $1 and subject_key = $2 and subject_key <> '' and kind = $3
  and requester_id is not distinct from $4 and agent_id is not distinct from $5
  and coalesce(requester_id, agent_id) is not null and state in ({states})
order by id for update
"""


def lock_call(*, kind: str, subject_key: str, requester_id: UUID | None, agent_id: UUID | None) -> Call:
    """Return the query that locks the undecided requests of the same kind for the same subject by the same requester.

    It finds none where there is no subject or nobody asks.
    """
    values = {
        "tenant": current_tenant_id(),
        "subject": subject_key,
        "kind": kind,
        "requester": requester_id,
        "agent": agent_id,
    }
    return Call(_lock_statement(), values)


def locked(found: Result) -> list[Approval]:
    """Return the requests that `lock_call` has found and locked: mostly none, so that only then they are read."""
    ids = [row[0] for row in found.rows]
    return list(Approval.objects.filter(pk__in=ids).order_by("pk")) if ids else []


@cache
def _lock_statement() -> Prepared:
    states = ", ".join(f"'{state}'" for state in _UNDECIDED)  # written out, so that their index is used
    return prepared.prepared(
        _LOCK.format(states=states),
        {
            "tenant": "uuid",
            "subject": "text",
            "kind": "text",
            "requester": "uuid",
            "agent": "uuid",
        },
    )


def supersede(work: transitions.Work, replaced: Sequence[Approval], *, by: Approval) -> None:
    """Close locked requests in favour of a newer one that is stored already."""
    for old in replaced:
        changes = {**decided(REPLACER, "superseded", old, work.moment), "superseded_by_id": by.pk}
        facts = {"superseded_by": by.reference}
        work.move(old, Event.SUPERSEDE, actor=REPLACER, to=State.SUPERSEDED, changes=changes, facts=facts)
