"""Resolve the eligible approvers of a level, their substitutes and the rights they lost (pure)."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from hitl.domain.levels import PARALLEL, group_in, parts_of, place_of
from hitl.domain.votes import ANY_GROUP, Assignee, is_satisfiable, required_votes

LONGEST_CHAIN: Final = 5
ESCALATED: Final = "escalation"
REASSIGNED: Final = "reassigned"
FROM_LEVEL: Final = "level"
ApproverRows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Substitute:
    """Who decides for a person who is away, by which delegation, and who opened it if somebody else did."""

    person_id: UUID
    delegation_id: UUID
    opened_by: UUID | None = None


Substitutes = Mapping[UUID, Substitute]
"""By the person who is away."""


@dataclass(frozen=True)
class Directory:
    """The people who can be asked at one moment: active deciders with their roles, substitutes and groups."""

    deciders: Mapping[UUID, str]
    substitutes: Substitutes
    groups: Mapping[str, Set[UUID]]

    def is_named(self, row: Mapping[str, Any], person_id: UUID) -> bool:
        """Return True if a row of approvers names this decider, by user, role or group."""
        value = str(row["value"])
        if row["type"] == "user":
            return value == str(person_id)
        if row["type"] == "role":
            return value == self.deciders.get(person_id)
        return row["type"] == "group" and person_id in self.groups.get(value, set())


class Assigned(Protocol):
    """The part of an assignment (a row of `Assignment`) that the rules read."""

    person_id: UUID
    rightful_id: UUID | None
    for_person_id: UUID | None
    source: str
    group: str

    @property
    def moved_at(self) -> Any: ...


@dataclass(frozen=True)
class AssignmentPlan:
    """The people to ask at a level, how many of them must approve, and whether they can.

    `substitutes` names who decides in place of a holder who is away, and by which delegation.
    """

    holders: tuple[Assignee, ...]
    required: int
    satisfiable: bool
    substitutes: Mapping[Assignee, tuple[UUID, UUID]] = field(default_factory=dict)

    def assignee(self, holder: Assignee) -> tuple[UUID, UUID | None]:
        """Return who is assigned for a holder, and by which delegation if it is a substitute."""
        return self.substitutes.get(holder, (holder.person_id, None))


class LevelAssignments(NamedTuple):
    """The assignments of a level as they are: who holds one, who was asked first, who lost the right."""

    holders: tuple[Assignee, ...]
    originals: tuple[Assignee, ...]
    lost: frozenset[Assignee]

    @property
    def entitled(self) -> list[Assignee]:
        """The holders who still have the right to decide."""
        return [holder for holder in self.holders if holder not in self.lost]

    def can_satisfy(self, level: Mapping[str, Any], *, without: Collection[UUID] = ()) -> bool:
        """Return True if those who still have the right could approve the level, `without` some people."""
        able = [holder for holder in self.entitled if holder.person_id not in without]
        return is_satisfiable(level, able, self.originals)


def plan_level(
    level: Mapping[str, Any], excluded: Collection[UUID], directory: Directory, *, without: Collection[UUID] = ()
) -> AssignmentPlan:
    """Work out who is asked at a level.

    Four eyes: neither the excluded nor their substitutes are asked. People in `without` are not
    asked either, and substitute for nobody.
    """
    candidates = _candidates(directory, excluded) - set(without)
    parts = list(enumerate(parts_of(level)))
    holders = _ordered(
        Assignee(person, place_of(number, group) if len(parts) > 1 else group)
        for number, part in parts
        for person, group in _named(part, candidates, directory)
    )
    return AssignmentPlan(
        holders,
        required_votes(level, holders),
        is_satisfiable(level, holders),
        _substitutes_for(holders, candidates, trusted(directory.substitutes, excluded)),
    )


def plan_more(
    level: Mapping[str, Any],
    rows: ApproverRows,
    excluded: Collection[UUID],
    directory: Directory,
    *,
    already_asked: Collection[UUID],
) -> AssignmentPlan:
    """Work out who is added to a level by an escalation step; nobody in `already_asked` is asked again."""
    candidates = _candidates(directory, excluded) - set(already_asked)
    group = ANY_GROUP if level["mode"] in ("per_group", PARALLEL) else ""
    holders = _ordered(
        Assignee(person, group) for row in rows for person in candidates if directory.is_named(row, person)
    )
    substitutes = _substitutes_for(holders, candidates, trusted(directory.substitutes, excluded))
    return AssignmentPlan(holders, 0, bool(holders), substitutes)


def level_assignments(
    level: Mapping[str, Any], escalation: ApproverRows, assignments: Iterable[Assigned], directory: Directory
) -> LevelAssignments:
    """Return the assignments of a level, and who of the holders lost the right to decide."""
    everybody = list(assignments)
    here = [
        (Assignee(assignment.person_id, assignment.group), assignment)
        for assignment in everybody
        if assignment.moved_at is None
    ]
    first = {
        Assignee(original_person(assignment), assignment.group)
        for assignment in everybody
        if assignment.source == FROM_LEVEL
    }
    lost = frozenset(holder for holder, assignment in here if not _has_right(assignment, level, escalation, directory))
    return LevelAssignments(tuple(holder for holder, _ in here), tuple(first), lost)


def original_person(assignment: Assigned) -> UUID:
    """Return who was asked first: before any delegation or substitute."""
    return assignment.for_person_id or assignment.rightful_id or assignment.person_id


def substitute_for(person: UUID, substitutes: Substitutes) -> tuple[UUID, UUID | None]:
    """Return who decides for a person, and by which last delegation.

    The person themselves when nobody does, and when the chain is a circle or too long.
    """
    at, via = person, None
    for _ in range(LONGEST_CHAIN):
        link = substitutes.get(at)
        if link is None:
            return at, via
        at, via = link.person_id, link.delegation_id
        if at == person:
            return person, None
    return (at, via) if at not in substitutes else (person, None)


def with_substitutes(people: Iterable[UUID], substitutes: Substitutes) -> set[UUID]:
    """Return the people and everybody who decides for them now, however long the chain."""
    found, left = set(), set(people)
    while left:
        person = left.pop()
        found.add(person)
        substitute = substitutes.get(person)
        if substitute is not None and substitute.person_id not in found:
            left.add(substitute.person_id)
    return found


def trusted(substitutes: Substitutes, excluded: Iterable[UUID]) -> Substitutes:
    """Return the delegations that count for a request: nobody who contributed to it chooses one of its approvers."""
    hands = set(excluded)
    return {person: link for person, link in substitutes.items() if link.opened_by not in hands}


def _candidates(directory: Directory, excluded: Iterable[UUID]) -> set[UUID]:
    """Four eyes: neither the excluded nor their substitutes may be asked."""
    return set(directory.deciders) - with_substitutes(excluded, directory.substitutes)


def _named(level: Mapping[str, Any], candidates: Iterable[UUID], directory: Directory) -> Iterable[tuple[UUID, str]]:
    per_group = level["mode"] == "per_group"
    for row in level["approvers"]:
        for person in candidates:
            if directory.is_named(row, person):
                yield person, str(row["value"]) if per_group else ""


def _ordered(holders: Iterable[Assignee]) -> tuple[Assignee, ...]:
    return tuple(sorted(set(holders), key=lambda holder: (holder.person_id.int, holder.group)))


def _substitutes_for(
    holders: Sequence[Assignee], candidates: Collection[UUID], substitutes: Substitutes
) -> dict[Assignee, tuple[UUID, UUID]]:
    """Nobody decides twice at a level: a substitute who is asked there already takes no second place."""
    found: dict[Assignee, tuple[UUID, UUID]] = {}
    taken = {holder.person_id for holder in holders}
    taken_for: dict[UUID, UUID] = {}
    for holder in holders:
        person, via = substitute_for(holder.person_id, substitutes)
        if via is None or person not in candidates:
            continue
        if person not in taken or taken_for.get(person) == holder.person_id:
            found[holder] = person, via
            taken.add(person)
            taken_for[person] = holder.person_id
    return found


def _has_right(assignment: Assigned, level: Mapping[str, Any], escalation: ApproverRows, directory: Directory) -> bool:
    """An assignment counts while its holder may decide and the person asked first is still named."""
    if assignment.person_id not in directory.deciders:
        return False
    if assignment.source == REASSIGNED:
        return True
    rows = escalation if assignment.source == ESCALATED else _rows_for(level, assignment.group)
    first = original_person(assignment)
    return first in directory.deciders and any(directory.is_named(row, first) for row in rows)


def _rows_for(level: Mapping[str, Any], mark: str) -> ApproverRows:
    """Return the rows of approvers that may have led to an assignment with this group mark."""
    if level["mode"] not in ("per_group", PARALLEL):
        return list(level["approvers"])
    found: list[Mapping[str, Any]] = []
    parts = list(enumerate(parts_of(level)))
    for number, part in parts:
        group = group_in(number, mark) if len(parts) > 1 else mark
        if group is not None:
            by_group = part["mode"] == "per_group"
            found += [row for row in part["approvers"] if not by_group or str(row["value"]) == group]
    return found
