"""The table of states and transitions of an approval, as data."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """The states of an approval."""

    PENDING = "pending"
    INFO_REQUESTED = "info_requested"
    RETURNED = "returned"
    APPROVED = "approved"
    EXECUTING = "executing"
    UNKNOWN = "unknown"
    EXECUTED = "executed"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Event(StrEnum):
    """The events of an approval."""

    PROPOSE = "propose"
    APPROVE = "approve"
    REJECT = "reject"
    EDIT = "edit"
    ASK = "ask"
    ANSWER = "answer"
    SEND_BACK = "send_back"
    RESUBMIT = "resubmit"
    ESCALATE = "escalate"
    DELEGATE = "delegate"
    REASSIGN = "reassign"
    EXPIRE = "expire"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"
    REVOKE = "revoke"
    CLAIM = "claim"
    DRIFT = "drift"
    LAPSE = "lapse"
    SUCCEED = "succeed"
    FAIL_CLEAN = "fail_clean"
    LOSE = "lose"
    RECLAIM = "reclaim"
    PROBE = "probe"
    RESOLVE = "resolve"
    HOLD = "hold"
    RELEASE = "release"
    OVERRIDE = "override"


OPEN: Final = (
    State.PENDING,
    State.INFO_REQUESTED,
    State.RETURNED,
    State.APPROVED,
    State.EXECUTING,
    State.UNKNOWN,
)
FINAL: Final = tuple(state for state in State if state not in OPEN)
WAITING: Final = (State.PENDING, State.INFO_REQUESTED)
UNDECIDED: Final = (*WAITING, State.RETURNED)
AHEAD: Final = (*UNDECIDED, State.APPROVED)
"""The decision or the execution is still to come."""
ASKS_BACK: Final = (State.INFO_REQUESTED, State.RETURNED)


@dataclass(frozen=True)
class Transition:
    """One row of the table; empty `targets` mean that the state doesn't change."""

    number: str
    event: Event
    sources: tuple[State, ...]
    targets: tuple[State, ...]
    who: str

    def pairs(self) -> set[tuple[State, State]]:
        """Return the (from, to) pairs that this row allows."""
        if not self.targets:
            return {(state, state) for state in self.sources}
        return {(old, new) for old in self.sources for new in self.targets}


class IllegalTransition(RuntimeError):
    """The code asked for a transition that is not in the table."""


_S, _E = State, Event
_PENDING = (_S.PENDING,)

TABLE: Final = (
    Transition("1", _E.PROPOSE, (), _PENDING, "agent, API, person"),
    Transition("2", _E.APPROVE, _PENDING, (_S.PENDING, _S.APPROVED), "approver, rule"),
    Transition("3", _E.REJECT, _PENDING, (_S.PENDING, _S.REJECTED), "approver, rule"),
    Transition("4", _E.EDIT, _PENDING, _PENDING, "approver who may edit"),
    Transition("5", _E.ASK, _PENDING, (_S.INFO_REQUESTED,), "approver"),
    Transition("6", _E.ANSWER, (_S.INFO_REQUESTED,), _PENDING, "requester or agent"),
    Transition("7", _E.SEND_BACK, _PENDING, (_S.RETURNED, _S.REJECTED), "approver"),
    Transition("8", _E.RESUBMIT, (_S.RETURNED,), _PENDING, "requester or agent"),
    Transition("9", _E.ESCALATE, WAITING, (), "timer, admin"),
    Transition("10", _E.DELEGATE, WAITING, (), "approver"),
    Transition("10", _E.REASSIGN, WAITING, (), "admin, watch of assignments"),
    Transition("11", _E.EXPIRE, UNDECIDED, (_S.EXPIRED,), "timer"),
    Transition("12", _E.CANCEL, AHEAD, (_S.CANCELLED,), "requester, ended run, admin"),
    Transition("13", _E.SUPERSEDE, UNDECIDED, (_S.SUPERSEDED,), "system"),
    Transition("14", _E.REVOKE, (_S.APPROVED,), (_S.CANCELLED,), "an approver of it, admin"),
    Transition("15", _E.CLAIM, (_S.APPROVED,), (_S.EXECUTING,), "executor"),
    Transition("16", _E.DRIFT, (_S.APPROVED,), _PENDING, "executor"),
    Transition("17", _E.LAPSE, (_S.APPROVED,), (_S.EXPIRED,), "timer"),
    Transition("18", _E.SUCCEED, (_S.EXECUTING,), (_S.EXECUTED,), "executor"),
    Transition("19", _E.FAIL_CLEAN, (_S.EXECUTING,), (_S.APPROVED, _S.FAILED), "executor"),
    Transition("20", _E.LOSE, (_S.EXECUTING,), (_S.UNKNOWN,), "sweeper"),
    Transition("20a", _E.RECLAIM, (_S.EXECUTING,), (), "executor"),
    Transition("21", _E.PROBE, (_S.UNKNOWN,), (_S.EXECUTED, _S.APPROVED), "executor, admin"),
    Transition("22", _E.RESOLVE, (_S.UNKNOWN,), (_S.EXECUTED, _S.FAILED), "admin"),
    Transition("23", _E.HOLD, OPEN, (), "admin, emergency stop, executor, watch of assignments"),
    Transition("23", _E.RELEASE, OPEN, (), "admin, emergency stop, executor, watch of assignments"),
    Transition("24", _E.OVERRIDE, _PENDING, (_S.APPROVED,), "owner, in an emergency"),
)
BY_EVENT: Final = {row.event: row for row in TABLE}


def may(event: Event, state: State) -> bool:
    """Return True if the event can happen in this state."""
    return state in BY_EVENT[event].sources


def check(event: Event, old: State, new: State) -> None:
    """Raise IllegalTransition unless the table allows the transition."""
    if (old, new) not in BY_EVENT[event].pairs():
        raise IllegalTransition(f"{event}: {old} -> {new} is not in the table")
