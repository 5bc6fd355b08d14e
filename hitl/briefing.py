"""What a move on an approval is judged by: members, absences, seats and votes, read in the message that locks it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from accounts.selectors import Roster, roster_call, roster_of
from core import prepared, rows
from core.prepared import Call, Prepared, Result
from core.scope import current_tenant_id
from hitl import absence
from hitl.absence import Links
from hitl.models import Seat
from hitl.sealing import Sealed, is_sealed
from hitl.voting import Vote

_IDS: Final = {"tenant": "uuid", "approval": "uuid"}
_SEATS: Final = """
{selection} join (select id, revision from hitl_approval where tenant_id = $1 and id = $2) as asked
  on hitl_seat.approval_id = asked.id and hitl_seat.revision = asked.revision
where hitl_seat.tenant_id = $1 order by hitl_seat.id
"""
VOTE_COLUMNS: Final = ", ".join(f"vote.{name}" for name in Sealed._fields)
_VOTES: Final = """
select {columns} from hitl_decision as vote
join (select id, revision, digest from hitl_approval where tenant_id = $1 and id = $2) as asked
  on vote.approval_id = asked.id and vote.revision = asked.revision and vote.digest = asked.digest
where vote.tenant_id = $1 and vote.verdict in ('approve', 'reject') and vote.person_id is not null order by vote.id
"""


@dataclass(frozen=True)
class Briefing:
    """All of it at one moment; seats and votes of the current revision, by level."""

    people: Roster
    links: Links
    seats: Mapping[int, list[Seat]]
    votes: Mapping[int, list[Vote]]
    is_forged: bool = False
    """Whether there is a vote that nobody gave; it is not among the votes."""

    def seats_at(self, level: int) -> list[Seat]:
        """Return the seats of a level, closed ones too."""
        return self.seats.get(level, [])

    def votes_at(self, level: int) -> list[Vote]:
        """Return the verdicts on a level, in the order they were given."""
        return self.votes.get(level, [])


def calls(approval_id: UUID, moment: datetime) -> list[Call]:
    """Return what has to be asked after the lock of the approval, for `read`."""
    of_approval = {"tenant": current_tenant_id(), "approval": approval_id}
    return [
        roster_call(),
        absence.links_call(moment),
        Call(_seats_statement(), of_approval),
        Call(_votes_statement(), of_approval),
    ]


def read(results: Sequence[Result]) -> Briefing:
    """Return what was found by `calls`."""
    members, links, seats, votes = results
    by_level: dict[int, list[Seat]] = defaultdict(list)
    for row in seats.rows:
        seat = rows.loaded(Seat, row)
        by_level[seat.level].append(seat)
    given: dict[int, list[Vote]] = defaultdict(list)
    counted = given_votes(votes.rows)
    for level, vote in counted:
        given[level].append(vote)
    is_forged = len(counted) < len(votes.rows)
    return Briefing(roster_of(members), absence.links_of(links), by_level, given, is_forged)


def given_votes(found: Sequence[tuple[Any, ...]]) -> list[tuple[int, Vote]]:
    """Return the votes that were given here with their levels, of rows with the `VOTE_COLUMNS`.

    What bears no seal of ours counts for nothing.
    """
    rows_found = (Sealed(*row) for row in found)
    return [(row.level, Vote(row.person_id, row.verdict)) for row in rows_found if row.person_id and is_sealed(row)]


@cache
def _seats_statement() -> Prepared:
    return prepared.prepared(_SEATS.format(selection=rows.selection(Seat)), _IDS)


@cache
def _votes_statement() -> Prepared:
    return prepared.prepared(_VOTES.format(columns=VOTE_COLUMNS), _IDS)
