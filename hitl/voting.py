"""What the votes of a level amount to (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

Standing = Literal["open", "approved", "rejected"]
ANY_GROUP: Final = "*"
"""The group of a person whom the ladder added: he may stand in for any one group."""


@dataclass(frozen=True)
class Vote:
    """One counted verdict of one person."""

    person_id: UUID
    verdict: str


@dataclass(frozen=True)
class SeatHolder:
    """A person who may vote at a level, and the group he sits for (empty outside `per_group`)."""

    person_id: UUID
    group: str = ""


def required_votes(level: Mapping[str, Any], seats: Iterable[SeatHolder]) -> int:
    """Return how many approvals the level needs. A quorum is never lowered to the seats there are."""
    holders = list(seats)
    mode = level["mode"]
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
    level: Mapping[str, Any], seats: Iterable[SeatHolder], originals: Iterable[SeatHolder] | None = None
) -> bool:
    """Tell whether the people with seats could approve the level at all.

    `originals` are those whom the level asked first; they set how many votes everybody means.
    """
    holders = list(seats)
    if level["mode"] == "per_group":
        return _each_has_its_own(_groups(level), holders)
    people = {holder.person_id for holder in holders}
    needed = required_votes(level, holders if originals is None else originals)
    return bool(people) and len(people) >= needed


def last_votes(votes: Iterable[Vote]) -> dict[UUID, str]:
    """Return each person's last verdict; `votes` are in the order they were given."""
    return {vote.person_id: vote.verdict for vote in votes}


def standing(
    level: Mapping[str, Any],
    seats: Iterable[SeatHolder],
    votes: Iterable[Vote],
    *,
    originals: Iterable[SeatHolder] | None = None,
    lost: Collection[SeatHolder] = (),
) -> Standing:
    """Return where the level stands; votes of people without a seat do not count.

    Holders who are `lost` have no right to it any more: their votes do not count, and those of the
    others are not enough for less than before.
    """
    everybody = list(seats)
    holders = [holder for holder in everybody if holder not in lost]
    people = {holder.person_id for holder in holders}
    last = {who: verdict for who, verdict in last_votes(votes).items() if who in people}
    against = sum(verdict == "reject" for verdict in last.values())
    if against >= max(1, int(level.get("reject_threshold", 1))):
        return "rejected"
    in_favour = [holder for holder in holders if last.get(holder.person_id) == "approve"]
    return "approved" if is_satisfiable(level, in_favour, everybody if originals is None else originals) else "open"


def _groups(level: Mapping[str, Any]) -> set[str]:
    return {str(row["value"]) for row in level["approvers"]}


def _each_has_its_own(groups: set[str], holders: list[SeatHolder]) -> bool:
    """Tell whether every group has a person of its own: nobody signs for two."""
    sitting = {group: [h.person_id for h in holders if h.group in (group, ANY_GROUP)] for group in groups}
    taken: dict[UUID, str] = {}
    return bool(groups) and all(_is_placed(group, sitting, taken, set()) for group in sorted(groups))


def _is_placed(group: str, sitting: Mapping[str, list[UUID]], taken: dict[UUID, str], tried: set[UUID]) -> bool:
    for person in sitting[group]:
        if person in tried:
            continue
        tried.add(person)
        if person not in taken or _is_placed(taken[person], sitting, taken, tried):
            taken[person] = group
            return True
    return False
