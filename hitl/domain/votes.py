"""Count the votes of a level (pure)."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from hitl.domain.levels import PARALLEL, group_in, parts_of

ANY_GROUP: Final = "*"
"""The group of a person added by an escalation: they may stand in for any one group."""


class Tally(StrEnum):
    """The result of a level."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


class Vote(NamedTuple):
    """One counted verdict of one person."""

    person_id: UUID
    verdict: str


class Assignee(NamedTuple):
    """A person who may vote at a level, and for what: a group where the level is `per_group`, and the
    part of a stage whose levels are open together."""

    person_id: UUID
    group: str = ""


def required_votes(level: Mapping[str, Any], assignments: Iterable[Assignee]) -> int:
    """Return how many approvals the level needs; a quorum is never lowered to the people available."""
    holders = list(assignments)
    mode = level["mode"]
    if mode == PARALLEL:
        return sum(required_votes(part, _of_part(number, holders)) for number, part in enumerate(parts_of(level)))
    if mode == "any":
        return 1
    if mode == "quorum":
        return max(1, int(level["quorum"]))
    if mode == "all":
        named = len([row for row in level["approvers"] if row["type"] == "user"])
        return max(1, named, len({holder.person_id for holder in holders}))
    if mode == "per_group":
        return max(1, len({row["value"] for row in level["approvers"]}))
    raise ValueError(f"unknown mode {mode!r}")


def is_satisfiable(
    level: Mapping[str, Any], assignments: Iterable[Assignee], originals: Iterable[Assignee] | None = None
) -> bool:
    """Return True if the people assigned could approve the level at all.

    `originals` are the people the level asked first; in mode `all` they set how many votes are required.
    """
    holders = list(assignments)
    if level["mode"] == PARALLEL:
        first = holders if originals is None else list(originals)
        return _all_are_placed(_places(level, holders, first))
    if level["mode"] == "per_group":
        return _all_are_placed(_by_group(level, holders))
    people = {holder.person_id for holder in holders}
    needed = required_votes(level, holders if originals is None else originals)
    return bool(people) and len(people) >= needed


def last_votes(votes: Iterable[Vote]) -> dict[UUID, str]:
    """Return each person's last verdict; `votes` are in the order they were given."""
    return {vote.person_id: vote.verdict for vote in votes}


def tally_votes(
    level: Mapping[str, Any],
    assignments: Iterable[Assignee],
    votes: Iterable[Vote],
    *,
    originals: Iterable[Assignee] | None = None,
    lost: Collection[Assignee] = (),
) -> Tally:
    """Return the result of a level.

    Votes of people who are not assigned do not count. Levels that are open together must each be approved by people
    of their own; any can reject. Votes of holders who `lost` their right do not count, and as many votes as before
    are required from the others.
    """
    everybody = list(assignments)
    holders = [holder for holder in everybody if holder not in lost]
    people = {holder.person_id for holder in holders}
    last = {person: verdict for person, verdict in last_votes(votes).items() if person in people}
    if "reject" in last.values() and _is_rejected(level, holders, last):
        return Tally.REJECTED
    in_favour = [holder for holder in holders if last.get(holder.person_id) == "approve"]
    first = everybody if originals is None else originals
    return Tally.APPROVED if is_satisfiable(level, in_favour, first) else Tally.OPEN


def _is_rejected(level: Mapping[str, Any], holders: list[Assignee], last: Mapping[UUID, str]) -> bool:
    for number, part in enumerate(parts_of(level)):
        mine = _of_part(number, holders) if level["mode"] == PARALLEL else holders
        against = {holder.person_id for holder in mine if last.get(holder.person_id) == "reject"}
        if len(against) >= max(1, int(part.get("reject_threshold", 1))):
            return True
    return False


def _of_part(number: int, assignments: Iterable[Assignee]) -> list[Assignee]:
    places = [(assignment.person_id, group_in(number, assignment.group)) for assignment in assignments]
    return [Assignee(person, group) for person, group in places if group is not None]


def _by_group(level: Mapping[str, Any], holders: Iterable[Assignee]) -> dict[str, list[UUID]]:
    groups = {str(row["value"]) for row in level["approvers"]}
    people = list(holders)
    return {group: [h.person_id for h in people if h.group in (group, ANY_GROUP)] for group in groups}


def _places(level: Mapping[str, Any], holders: list[Assignee], first: list[Assignee]) -> dict[str, list[UUID]]:
    """Return who may take each of the places of a stage: as many for a part as it needs votes."""
    places: dict[str, list[UUID]] = {}
    for number, part in enumerate(parts_of(level)):
        mine = _of_part(number, holders)
        if part["mode"] == "per_group":
            places |= {f"{number}:{group}": people for group, people in _by_group(part, mine).items()}
            continue
        people = sorted({holder.person_id for holder in mine})
        needed = required_votes(part, _of_part(number, first))
        places |= {f"{number}:{place}": people for place in range(needed)}
    return places


def _all_are_placed(places: Mapping[str, list[UUID]]) -> bool:
    """Return True if every place can have a person of its own: nobody approves for two."""
    taken: dict[UUID, str] = {}
    return bool(places) and all(_is_placed(place, places, taken, set()) for place in sorted(places))


def _is_placed(place: str, places: Mapping[str, list[UUID]], taken: dict[UUID, str], tried: set[UUID]) -> bool:
    for person in places[place]:
        if person in tried:
            continue
        tried.add(person)
        if person not in taken or _is_placed(taken[person], places, taken, tried):
            taken[person] = place
            return True
    return False
