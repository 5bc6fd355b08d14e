"""What follows from a move, in one prepared statement: stale timers end, seats close, new timers are set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from core import prepared, rows
from core.ids import uuid7
from core.prepared import Call, Prepared
from hitl import clocks
from hitl.models import Approval, CapReservation, Timer
from hitl.transitions import UNDECIDED, State

Kind = Timer.Kind
TIMER_STATES: Final[dict[str, tuple[State, ...]]] = {
    Kind.EXPIRE.value: UNDECIDED,
    Kind.SLA.value: (State.PENDING,),
    Kind.ESCALATE.value: (State.PENDING,),
    Kind.REMIND.value: (State.PENDING,),
    Kind.EXECUTE.value: (State.APPROVED,),
    Kind.LAPSE.value: (State.APPROVED,),
    Kind.LEASE.value: (State.EXECUTING,),
    Kind.UNKNOWN.value: (State.UNKNOWN,),
}
_RUNNING: Final = (State.EXECUTING, State.UNKNOWN)
_OF_TIMER: Final = {
    "tenant": "uuid",
    "approval": "uuid",
    "revision": "integer",
    "timers": "jsonb",
}
_OF_MOVE: Final = _OF_TIMER | {
    "moment": "timestamptz",
    "level": "integer",
    "stale": "text[]",
    "closing": "boolean",
    "spending": "text",
}
_ARMED: Final = (
    "(select * from jsonb_to_recordset({timers}) as t(id uuid, kind text, level integer, due_at timestamptz)) as armed"
)
_AGAIN: Final = (
    " on conflict (tenant_id, approval_id, kind, level, revision)"
    " do update set due_at = excluded.due_at, done_at = null, lease_until = null"
)
# A timer that is set anew is left out: one statement must not write a row twice.
_MOVE: Final = """
with ended as (
  update hitl_timer set done_at = {moment}
  where tenant_id = {tenant} and approval_id = {approval} and done_at is null
    and (kind = any({stale}) or revision < {revision} or (kind in ({of_level}) and level <> {level}))
    and not exists (select 1 from {armed} where armed.kind = hitl_timer.kind
      and armed.level = hitl_timer.level and hitl_timer.revision = {revision})
), closed as (
  update hitl_seat set closed_at = {moment}
  where {closing} and tenant_id = {tenant} and approval_id = {approval} and closed_at is null
), spent as (
  update hitl_capreservation set state = {spending}, settled_at = {moment}
  where {spending} <> '' and tenant_id = {tenant} and approval_id = {approval} and state = 'reserved'
)
"""


def settle(approval: Approval, old: State, new: State, timers: Mapping[str, datetime], moment: datetime) -> None:
    """End what a move's new state leaves behind, and set its timers; `approval` is as it will be.

    Seats close with the end of deciding. An effect spends what was reserved for it under the
    limits, an end without one gives it back.
    """
    values = {
        **_timer_values(approval, timers),
        "moment": moment,
        "level": approval.level,
        "stale": [kind for kind, states in TIMER_STATES.items() if new not in states],
        "closing": new not in UNDECIDED,
        "spending": _spending(old, new),
    }
    prepared.later(Call(_move_statement(), values))


def arm(approval: Approval, timers: Mapping[str, datetime]) -> None:
    """Set timers of the approval's current revision, anew where they have already run."""
    if timers:
        prepared.later(Call(_arm_statement(), _timer_values(approval, timers)))


def _spending(old: State, new: State) -> str:
    if old not in _RUNNING or new in _RUNNING:
        return ""
    states = CapReservation.State
    return (states.COMMITTED if new == State.EXECUTED else states.RELEASED).value


def _timer_values(approval: Approval, timers: Mapping[str, datetime]) -> dict[str, Any]:
    armed = [
        {
            "id": str(uuid7()),
            "kind": str(kind),
            "level": approval.level if kind in clocks.OF_LEVEL else 0,
            "due_at": due.isoformat(),
        }
        for kind, due in timers.items()
    ]
    return {
        "tenant": approval.tenant_id,
        "approval": approval.pk,
        "revision": approval.revision,
        "timers": json.dumps(armed),
    }


@cache
def _arm_statement() -> Prepared:
    return prepared.prepared(_arming(prepared.marks(_OF_TIMER)), _OF_TIMER)


@cache
def _move_statement() -> Prepared:
    mark = prepared.marks(_OF_MOVE)
    of_level = ", ".join(f"'{kind}'" for kind in clocks.OF_LEVEL)
    ending = _MOVE.format(**mark, of_level=of_level, armed=_ARMED.format(**mark))
    return prepared.prepared(ending + _arming(mark), _OF_MOVE)


def _arming(mark: Mapping[str, str]) -> str:
    columns = {
        "id": "armed.id",
        "tenant_id": mark["tenant"],
        "approval_id": mark["approval"],
        "kind": "armed.kind",
        "level": "armed.level",
        "revision": mark["revision"],
        "due_at": "armed.due_at",
    }
    return rows.insertion_from(Timer, _ARMED.format(**mark), columns) + _AGAIN
