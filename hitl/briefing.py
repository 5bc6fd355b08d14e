"""What a move on an approval is judged by: members, absences, seats and votes, read in the message that locks it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from accounts.selectors import Roster, roster_call, roster_of
from core import prepared, rows
from core.prepared import Call, Prepared, Result
from core.scope import current_tenant_id
from hitl import absence
from hitl.absence import Links
from hitl.models import Seat
from hitl.voting import Vote

_IDS: Final = {"tenant": "uuid", "approval": "uuid"}
_SEATS: Final = """
{selection} join (select id, revision from hitl_approval where tenant_id = $1 and id = $2) as asked
  on hitl_seat.approval_id = asked.id and hitl_seat.revision = asked.revision
where hitl_seat.tenant_id = $1 order by hitl_seat.id
"""
_VOTES: Final = """
select vote.level, vote.person_id, vote.verdict from hitl_decision as vote
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
    for level, person, verdict in votes.rows:
        given[level].append(Vote(person, verdict))
    return Briefing(roster_of(members), absence.links_of(links), by_level, given)


@cache
def _seats_statement() -> Prepared:
    return prepared.prepared(_SEATS.format(selection=rows.selection(Seat)), _IDS)


@cache
def _votes_statement() -> Prepared:
    return prepared.prepared(_VOTES, _IDS)
