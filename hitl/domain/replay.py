"""Replay the audit entries of an approval (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hitl.domain.state_machine import FINAL, TABLE, State

PREFIX: Final = "APPROVAL_"
REVISING: Final = frozenset({"edit", "resubmit", "drift"})
_LEGAL: Final = {(row.event.value, str(old), str(new)) for row in TABLE for old, new in row.pairs()}


class Entry(Protocol):
    """The part of an audit entry that a replay reads."""

    action: str
    old_state: str
    new_state: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class ReplayedState:
    """The state after the entries."""

    state: str = ""
    version: int = 0
    revision: int = 1


class ReplayError(ValueError):
    """The entries are not a valid history; `place` is the number of the first wrong one, from 1."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(f"entry {place}: {problem}")
        self.place, self.problem = place, problem


def replay(entries: Iterable[Entry]) -> ReplayedState:
    """Return state, version and revision after an approval's entries, oldest first. Raises ReplayError."""
    so_far = ReplayedState()
    for place, entry in enumerate(entries, start=1):
        problem = _problem(so_far, entry)
        if problem:
            raise ReplayError(place, problem)
        so_far = _after(so_far, entry)
    return so_far


def _event(entry: Entry) -> str:
    return entry.action.removeprefix(PREFIX).lower()


def _after(so_far: ReplayedState, entry: Entry) -> ReplayedState:
    return ReplayedState(entry.new_state, so_far.version + 1, so_far.revision + (_event(entry) in REVISING))


def _problem(so_far: ReplayedState, entry: Entry) -> str:
    if entry.old_state != so_far.state:
        return f"begins in {entry.old_state or 'nothing'}, but it was {so_far.state or 'nothing'}"
    if so_far.state in FINAL:
        return "follows a final state"
    move = (_event(entry), entry.old_state, entry.new_state)
    is_legal = move in _LEGAL if so_far.version else move == ("propose", "", State.PENDING)
    if not is_legal:
        return f"{_event(entry)} from {entry.old_state or 'nothing'} to {entry.new_state} is not in the table"
    expected = _after(so_far, entry)
    for name, value in (("version", expected.version), ("revision", expected.revision)):
        if entry.facts.get(name) != value:
            return f"{name} is {entry.facts.get(name)}, expected {value}"
    return ""
