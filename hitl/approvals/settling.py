"""What follows from a move, in one prepared statement: stale timers end, seats close, new timers are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from core import prepared, rows
from core.ids import uuid7
from core.prepared import Call, Prepared
from hitl.approvals import timers as clocks
from hitl.domain.state_machine import UNDECIDED, State
from hitl.models import Approval, CapReservation, Timer

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
_TYPES: Final = {
    "tenant": "uuid",
    "approval": "uuid",
    "revision": "integer",
    "moment": "timestamptz",
    "level": "integer",
    "spending": "text",
}
_OF_ARMED: Final = {"id": "uuid", "due_at": "timestamptz"}
# A timer that is set anew is none of these: one statement must not write a row twice.
_ENDED: Final = """
update hitl_timer set done_at = {moment}
where tenant_id = {tenant} and approval_id = {approval} and done_at is null
  and (kind = any('{{{stale}}}') or revision < {revision} or (kind = any('{{{of_level}}}') and level <> {level}))
"""
_CLOSED: Final = """
update hitl_seat set closed_at = {moment}
where tenant_id = {tenant} and approval_id = {approval} and closed_at is null
"""
_SPENT: Final = """
update hitl_capreservation set state = {spending}, settled_at = {moment}
where tenant_id = {tenant} and approval_id = {approval} and state = 'reserved'
"""
_AGAIN: Final = (
    " on conflict (tenant_id, approval_id, kind, level, revision)"
    " do update set due_at = excluded.due_at, done_at = null, lease_until = null"
)


def settle(approval: Approval, old: State, new: State, timers: Mapping[str, datetime], moment: datetime) -> None:
    """End what a move's new state leaves behind, and set its timers; `approval` is as it will be.

    Seats close with the end of deciding. An effect spends what was reserved for it under the
    limits, an end without one gives it back.
    """
    values = {**_values(approval, timers), "moment": moment, "spending": _spending(old, new)}
    prepared.later(Call(_move_statement(old, new, tuple(timers)), values))


def arm(approval: Approval, timers: Mapping[str, datetime], *, again: bool = True) -> None:
    """Set timers of the approval's current revision, anew where they have already run (`again`: some may have)."""
    if timers:
        prepared.later(Call(_arm_statement(tuple(timers), again=again), _values(approval, timers)))


def _spending(old: State, new: State) -> str:
    if old not in _RUNNING or new in _RUNNING:
        return ""
    states = CapReservation.State
    return (states.COMMITTED if new == State.EXECUTED else states.RELEASED).value


def _values(approval: Approval, timers: Mapping[str, datetime]) -> dict[str, Any]:
    values: dict[str, Any] = {"tenant": approval.tenant_id, "approval": approval.pk, "revision": approval.revision}
    values["level"] = approval.level
    for number, due in enumerate(timers.values()):
        values[f"id{number}"], values[f"due_at{number}"] = uuid7(), due
    return values


@cache
def _arm_statement(kinds: tuple[str, ...], *, again: bool) -> Prepared:
    return _statement([_arming(kinds, again=again)], len(kinds))


@cache
def _move_statement(old: State, new: State, kinds: tuple[str, ...]) -> Prepared:
    stale = [kind for kind, states in TIMER_STATES.items() if new not in states and kind not in kinds]
    # Nothing leads back from what is approved but a new revision: none of its timers has been set before.
    again = old not in UNDECIDED or new != State.APPROVED
    parts = [
        _ENDED,
        *([_CLOSED] if old in UNDECIDED and new not in UNDECIDED else []),
        *([_SPENT] if _spending(old, new) else []),
        *([_arming(kinds, again=again)] if kinds else []),
    ]
    return _statement(parts, len(kinds), stale=",".join(stale), of_level=",".join(clocks.OF_LEVEL))


def _statement(parts: Sequence[str], armed: int, **texts: str) -> Prepared:
    """Return one statement for all parts, with the parameters that occur in them."""
    named = _TYPES | {f"{name}{number}": kind for number in range(armed) for name, kind in _OF_ARMED.items()}
    whole = " ".join(parts)
    types = {name: kind for name, kind in named.items() if f"{{{name}}}" in whole}
    first = ", ".join(f"part{number} as ({part})" for number, part in enumerate(parts[:-1]))
    sql = f"with {first} {parts[-1]}" if first else parts[-1]
    return prepared.prepared(sql.format(**prepared.marks(types), **texts), types)


def _arming(kinds: tuple[str, ...], *, again: bool) -> str:
    """Return the INSERT of a timer of each kind; what is no level's stands at level 0."""
    armed = ", ".join(
        f"({{id{number}}}, '{Kind(kind).value}', {'{level}' if kind in clocks.OF_LEVEL else '0'}, {{due_at{number}}})"
        for number, kind in enumerate(kinds)
    )
    columns = {name: f"armed.{name}" for name in ("id", "kind", "level", "due_at")}
    columns |= {"tenant_id": "{tenant}", "approval_id": "{approval}", "revision": "{revision}"}
    source = f"(values {armed}) as armed (id, kind, level, due_at)"
    return rows.insertion_from(Timer, source, columns) + (_AGAIN if again else "")
