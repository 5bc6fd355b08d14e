"""What the votes of a level amount to (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

Standing = Literal["open", "approved", "rejected"]


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


def is_satisfiable(level: Mapping[str, Any], seats: Iterable[SeatHolder]) -> bool:
    """Tell whether the people with seats could approve the level at all."""
    holders = list(seats)
    if level["mode"] == "per_group":
        wanted = {str(row["value"]) for row in level["approvers"]}
        return bool(wanted) and wanted <= {holder.group for holder in holders}
    people = {holder.person_id for holder in holders}
    return bool(people) and len(people) >= required_votes(level, holders)


def last_votes(votes: Iterable[Vote]) -> dict[UUID, str]:
    """Return each person's last verdict; `votes` are in the order they were given."""
    return {vote.person_id: vote.verdict for vote in votes}


def standing(level: Mapping[str, Any], seats: Iterable[SeatHolder], votes: Iterable[Vote]) -> Standing:
    """Return where the level stands; votes of people without a seat do not count."""
    holders = list(seats)
    people = {holder.person_id for holder in holders}
    last = {who: verdict for who, verdict in last_votes(votes).items() if who in people}
    against = sum(verdict == "reject" for verdict in last.values())
    if against >= max(1, int(level.get("reject_threshold", 1))):
        return "rejected"
    in_favour = {who for who, verdict in last.items() if verdict == "approve"}
    if not is_satisfiable(level, holders):
        return "open"
    if level["mode"] == "per_group":
        wanted = {str(row["value"]) for row in level["approvers"]}
        done = wanted <= {holder.group for holder in holders if holder.person_id in in_favour}
        return "approved" if done else "open"
    return "approved" if len(in_favour) >= required_votes(level, holders) else "open"
