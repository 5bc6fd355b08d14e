"""The approval engine once more, small and slow, in plain Python: what the real one is compared with.

Nothing here imports the engine. Who may sign, when a level is satisfied, and which moves there are
is written down a second time, from the table and not from the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

DECIDERS = frozenset({"owner", "admin", "approver"})
PROPOSERS = frozenset({"owner", "admin", "approver", "support"})
WAITING = frozenset({"pending", "info_requested"})
UNDECIDED = WAITING | {"returned"}
RUNNING = frozenset({"approved", "executing", "unknown"})
OPEN = UNDECIDED | RUNNING
FINAL = frozenset({"executed", "failed", "rejected", "expired", "cancelled", "superseded"})
CANCELLABLE = UNDECIDED | {"approved"}
UNDO = timedelta(seconds=10)
"""How long an approval given in the console waits."""
TOGETHER = frozenset({"low", "medium"})
"""The risks that may be approved with others."""
BATCH_LIFE = timedelta(hours=1)


def _rows(event: str, sources: Iterable[str], targets: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    for old in sources:
        for new in targets or (old,):
            yield event, old, new


MOVES = frozenset(
    [
        *_rows("PROPOSE", ("",), ("pending",)),
        *_rows("APPROVE", ("pending",), ("pending", "approved")),
        *_rows("REJECT", ("pending",), ("pending", "rejected")),
        *_rows("EDIT", ("pending",)),
        *_rows("ASK", ("pending",), ("info_requested",)),
        *_rows("ANSWER", ("info_requested",), ("pending",)),
        *_rows("SEND_BACK", ("pending",), ("returned", "rejected")),
        *_rows("RESUBMIT", ("returned",), ("pending",)),
        *_rows("ESCALATE", WAITING),
        *_rows("DELEGATE", WAITING),
        *_rows("REASSIGN", WAITING),
        *_rows("EXPIRE", UNDECIDED, ("expired",)),
        *_rows("CANCEL", CANCELLABLE, ("cancelled",)),
        *_rows("SUPERSEDE", UNDECIDED, ("superseded",)),
        *_rows("REVOKE", ("approved",), ("cancelled",)),
        *_rows("CLAIM", ("approved",), ("executing",)),
        *_rows("DRIFT", ("approved",), ("pending",)),
        *_rows("LAPSE", ("approved",), ("expired",)),
        *_rows("SUCCEED", ("executing",), ("executed",)),
        *_rows("FAIL_CLEAN", ("executing",), ("approved", "failed")),
        *_rows("LOSE", ("executing",), ("unknown",)),
        *_rows("RECLAIM", ("executing",)),
        *_rows("PROBE", ("unknown",), ("executed", "approved")),
        *_rows("RESOLVE", ("unknown",), ("executed", "failed")),
        *_rows("HOLD", OPEN),
        *_rows("RELEASE", OPEN),
        *_rows("OVERRIDE", ("pending",), ("approved",)),
    ]
)
REVISING = frozenset({"EDIT", "RESUBMIT", "DRIFT"})
APPROVING = frozenset({"APPROVE", "OVERRIDE", "FAIL_CLEAN", "PROBE"})


@dataclass
class Person:
    """Somebody of the tenant, as the model knows them."""

    id: UUID
    role: str
    is_active: bool = True

    def may_sign(self) -> bool:
        """Return True if they could approve anything at this moment."""
        return self.is_active and self.role in DECIDERS

    def may_ask(self) -> bool:
        """Return True if they could request anything at this moment."""
        return self.is_active and self.role in PROPOSERS


@dataclass
class Town:
    """Who is who at this moment, and what is stopped."""

    people: dict[UUID, Person]
    groups: dict[str, set[UUID]] = field(default_factory=dict)
    stopped: set[tuple[str, str]] = field(default_factory=set)

    def is_meant(self, row: Mapping[str, Any], person: UUID) -> bool:
        """Tell whether a row of a level names the person now."""
        found = self.people.get(person)
        if found is None or not found.may_sign():
            return False
        value = str(row["value"])
        if row["type"] == "role":
            return found.role == value
        return value == str(person) if row["type"] == "user" else person in self.groups.get(value, set())

    def is_stopped(self, kind: str, agent: UUID | None) -> bool:
        """Tell whether a switch covers such a request."""
        return bool(self.stopped & {("tenant", ""), ("kind", kind), ("agent", str(agent))})


@dataclass(frozen=True)
class Assignment:
    """A place at a level: who has it now, who was asked first, and for which part."""

    person: UUID
    first: UUID
    group: str
    source: str


@dataclass(frozen=True)
class Vote:
    """One verdict, in the order they were given."""

    person: UUID
    verdict: str
    digest: str


def parts(level: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the levels that are open together."""
    return list(level["parts"]) if level["mode"] == "parallel" else [level]


def in_part(level: Mapping[str, Any], number: int, assignment: Assignment) -> str | None:
    """Return the group an assignment stands for in a part, or None when it is of another."""
    if level["mode"] != "parallel" or ":" not in assignment.group:
        return assignment.group
    place, _, group = assignment.group.partition(":")
    return group if int(place) == number + 1 else None


def keeps_right(
    level: Mapping[str, Any], escalation: Iterable[Mapping[str, Any]], assignment: Assignment, town: Town
) -> bool:
    """Tell whether an assignment still carries a vote: its holder may approve, for the person first asked."""
    holder = town.people.get(assignment.person)
    if holder is None or not holder.may_sign():
        return False
    if assignment.source == "reassigned":
        return True
    if assignment.source == "escalation":
        return any(town.is_meant(row, assignment.first) for row in escalation)
    rows = []
    for number, part in enumerate(parts(level)):
        group = in_part(level, number, assignment)
        if group is not None:
            per_group = part["mode"] == "per_group"
            rows += [row for row in part["approvers"] if not per_group or str(row["value"]) == group]
    return any(town.is_meant(row, assignment.first) for row in rows)


def places(level: Mapping[str, Any], assignments: Iterable[Assignment]) -> list[tuple[int, str]]:
    """Return what has to be filled, each by a person of its own: (part, group or nothing)."""
    found: list[tuple[int, str]] = []
    for number, part in enumerate(parts(level)):
        mine = {
            assignment.first
            for assignment in assignments
            if assignment.source == "level" and in_part(level, number, assignment) is not None
        }
        named = len([row for row in part["approvers"] if row["type"] == "user"])
        count = {"any": 1, "quorum": int(part["quorum"]), "all": max(1, named, len(mine))}
        if part["mode"] == "per_group":
            found += [(number, str(row["value"])) for row in part["approvers"]] or [(number, "nobody")]
        else:
            found += [(number, "")] * max(1, count[part["mode"]])
    return found


def satisfied(
    level: Mapping[str, Any], assignments: list[Assignment], people: set[UUID], originals: list[Assignment]
) -> bool:
    """Tell whether these people, each counted once, fill every place of the level."""
    fits = [
        {
            assignment.person
            for assignment in assignments
            if assignment.person in people
            and in_part(level, number, assignment) in ((group, "*") if group else ("", "*"))
        }
        if group
        else {
            assignment.person
            for assignment in assignments
            if assignment.person in people and in_part(level, number, assignment) is not None
        }
        for number, group in places(level, originals)
    ]
    return _fill(sorted(fits, key=len), set())


def _fill(fits: list[set[UUID]], taken: set[UUID]) -> bool:
    if not fits:
        return True
    return any(_fill(fits[1:], taken | {person}) for person in fits[0] - taken)


def verdict_of(
    level: Mapping[str, Any],
    escalation: Iterable[Mapping[str, Any]],
    assignments: list[Assignment],
    votes: Iterable[Vote],
    digest: str,
    town: Town,
    *,
    originals: Iterable[Assignment] | None = None,
) -> str:
    """Return where a level stands: open, approved or rejected.

    `originals` are the assignments with those that moved on: they set how many votes everybody means.
    """
    steps = list(escalation)
    right = {assignment.person for assignment in assignments if keeps_right(level, steps, assignment, town)}
    last = {vote.person: vote.verdict for vote in votes if vote.digest == digest}
    for number, part in enumerate(parts(level)):
        mine = {assignment.person for assignment in assignments if in_part(level, number, assignment) is not None}
        against = {person for person in mine & right if last.get(person) == "reject"}
        if len(against) >= int(part["reject_threshold"]):
            return "rejected"
    in_favour = {person for person in right if last.get(person) == "approve"}
    first = assignments if originals is None else list(originals)
    return "approved" if satisfied(level, assignments, in_favour, first) else "open"


@dataclass
class Case:
    """One request as the model follows it, next to the row of the engine."""

    id: UUID
    kind: str
    requester: UUID
    agent: UUID | None
    excluded: set[UUID]
    state: str
    revision: int = 1
    level: int = 1
    price: str = ""
    rounds: int = 0
    is_tampered: bool = False
    is_settled_by_hand: bool = False
    digests: dict[int, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    def is_over(self) -> bool:
        """Tell whether nothing can happen any more."""
        return self.state in FINAL


@dataclass
class Batch:
    """Decisions of one person that were sent together: what waits for its turn, and what was decided."""

    id: UUID
    name: str
    sent: dict[str, Any]
    opened: datetime
    waiting: list[tuple[Case, str]]
    lease_until: datetime | None = None
    decided: list[tuple[Case, str, str]] = field(default_factory=list)
    refused: int = 0

    def is_late(self, moment: datetime) -> bool:
        """Tell whether nothing of it is decided any more."""
        return moment - self.opened > BATCH_LIFE
