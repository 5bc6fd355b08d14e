"""What a move on an approval is judged by: members, absences, seats and votes, read in the message that locks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from accounts.selectors import Roster, roster_call, roster_of
from core import prepared
from core.prepared import Call, Prepared, Result
from core.tenancy.scope import current_tenant_id
from hitl.approvals import delegation_map
from hitl.approvals.decision_mac import Sealed, is_sealed
from hitl.approvals.delegation_map import Links
from hitl.domain.votes import Vote
from hitl.models import Approval

_IDS: Final = {"tenant": "uuid", "approval": "uuid"}


class SeatRow(NamedTuple):
    """A seat as far as a move is judged by it."""

    id: UUID
    approval_id: UUID
    revision: int
    level: int
    person_id: UUID
    rightful_id: UUID | None
    for_person_id: UUID | None
    source: str
    group: str
    closed_at: datetime | None
    moved_at: datetime | None


SEAT_COLUMNS: Final = ", ".join(f'"{name}"' for name in SeatRow._fields)
VOTE_COLUMNS: Final = ", ".join(Sealed._fields)
_SEATS: Final = "select {columns} from hitl_seat where tenant_id = $1 and approval_id = $2"
_VOTES: Final = """
select {columns} from hitl_decision where tenant_id = $1 and approval_id = $2
  and verdict in ('approve', 'reject') and person_id is not null order by id
"""


@dataclass(frozen=True)
class Briefing:
    """All of it at one moment; seats and votes of the current revision, by level."""

    people: Roster
    links: Links | None
    """None where absences were not asked for."""
    seats: Mapping[int, list[SeatRow]]
    votes: Mapping[int, list[Vote]]
    is_forged: bool = False
    """Whether there is a vote that nobody gave; it is not among the votes."""

    def seats_at(self, level: int) -> list[SeatRow]:
        """Return the seats of a level, closed ones too."""
        return self.seats.get(level, [])

    def votes_at(self, level: int) -> list[Vote]:
        """Return the verdicts on a level, in the order they were given."""
        return self.votes.get(level, [])


def of_level(approval: Approval, level: int) -> dict[str, Any]:
    """Return what names a level of the current revision in statements about what hangs on it."""
    return {
        "tenant": approval.tenant_id,
        "approval": approval.pk,
        "revision": approval.revision,
        "level": level,
    }


def calls(approval_id: UUID, *, away_at: datetime | None) -> list[Call]:
    """Return what has to be asked after the lock of the approval, for `read`; who is away, if that matters."""
    of_approval = {"tenant": current_tenant_id(), "approval": approval_id}
    found = [roster_call(), Call(_seats_statement(), of_approval), Call(_votes_statement(), of_approval)]
    return found if away_at is None else [*found, delegation_map.links_call(away_at)]


def read(results: Sequence[Result], approval: Approval) -> Briefing:
    """Return what was found by `calls` for the locked approval."""
    members, seats, votes, *away = results
    links = delegation_map.links_of(away[0]) if away else None
    by_level: dict[int, list[SeatRow]] = {}
    for seat in sorted(map(SeatRow._make, seats.rows), key=itemgetter(0)):
        if seat.revision == approval.revision:
            by_level.setdefault(seat.level, []).append(seat)
    current = [vote for vote in map(Sealed._make, votes.rows) if _is_about(vote, approval)]
    counted = given_votes(current)
    given: dict[int, list[Vote]] = {}
    for level, vote in counted:
        given.setdefault(level, []).append(vote)
    return Briefing(roster_of(members), links, by_level, given, len(counted) < len(current))


def _is_about(vote: Sealed, approval: Approval) -> bool:
    return vote.revision == approval.revision and vote.digest == approval.digest


def given_votes(found: Iterable[Sealed]) -> list[tuple[int, Vote]]:
    """Return the votes that were given here with their levels: what bears no seal of ours counts for nothing."""
    return [(row.level, Vote(row.person_id, row.verdict)) for row in found if row.person_id and is_sealed(row)]


@cache
def _seats_statement() -> Prepared:
    return prepared.prepared(_SEATS.format(columns=SEAT_COLUMNS), _IDS)


@cache
def _votes_statement() -> Prepared:
    return prepared.prepared(_VOTES.format(columns=VOTE_COLUMNS), _IDS)
