"""Who is asked at a level: distinct, active, entitled people who are not excluded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from accounts.selectors import Roster, roster
from core import prepared, rows
from core.clock import now as clock_now
from core.ids import uuid7
from core.prepared import Call, Prepared
from hitl.approvals import delegation_map
from hitl.approvals.context import SEAT_COLUMNS, Briefing, SeatRow, of_level
from hitl.domain.levels import PARALLEL, parts_of, place_of, seat_in
from hitl.domain.votes import ANY_GROUP, SeatHolder, is_satisfiable, required_votes
from hitl.models import Approval, GroupMember, Seat
from hitl.notifications import create

DECIDE: Final = "hitl.decide_approval"
_OF_SEATS: Final = {
    "tenant": "uuid",
    "approval": "uuid",
    "revision": "integer",
    "level": "integer",
    "source": "text",
    "moment": "timestamptz",
    "seats": "jsonb",
}
_SEATS: Final = """
select {columns} from hitl_seat
where tenant_id = $1 and approval_id = $2 and revision = $3 and level = $4 order by id
"""
Rows = Sequence[Mapping[str, Any]]
AnySeat = Seat | SeatRow


class Member(NamedTuple):
    """An active member whose role may decide."""

    user_id: UUID
    role: str


@dataclass(frozen=True)
class Seating:
    """The people of a level, how many of them must agree, and whether that can happen.

    `sits` names who sits in for a holder who is away, and by which delegation.
    """

    holders: tuple[SeatHolder, ...]
    required: int
    satisfiable: bool
    sits: Mapping[SeatHolder, tuple[UUID, UUID | None]] = field(default_factory=dict)


class Sitting(NamedTuple):
    """The seats of a level as they are: who holds one, who was asked first, who lost the right."""

    holders: tuple[SeatHolder, ...]
    originals: tuple[SeatHolder, ...]
    lost: frozenset[SeatHolder]

    def can_satisfy(self, level: Mapping[str, Any]) -> bool:
        """Tell whether those who still have the right could approve the level."""
        left = [holder for holder in self.holders if holder not in self.lost]
        return is_satisfiable(level, left, self.originals)


def plan(
    level: Mapping[str, Any],
    excluded: Collection[UUID],
    moment: datetime | None = None,
    *,
    people: Roster | None = None,
    links: delegation_map.Links | None = None,
    signed: Collection[UUID] = (),
) -> Seating:
    """Work out the seats of a level from members and absences of this moment, or as already read.

    Who has `signed` gets no seat, and sits in for nobody.
    """
    links = delegation_map.links_at(moment or clock_now()) if links is None else links
    members = _unbarred(excluded, links, people)
    if signed:
        members = [member for member in members if member.user_id not in signed]
    groups = _groups(level["approvers"])
    parts = list(enumerate(parts_of(level)))
    holders = {
        SeatHolder(member.user_id, place_of(number, group) if len(parts) > 1 else group)
        for number, part in parts
        for member, group in _meant(part, members, groups)
    }
    ordered = _ordered(holders)
    return Seating(
        ordered,
        required_votes(level, ordered),
        is_satisfiable(level, ordered),
        _sits(ordered, members, delegation_map.trusted(links, excluded)),
    )


def plan_more(approval: Approval, rows: Rows, moment: datetime, *, heard: Collection[UUID] = ()) -> Seating:
    """Work out the seats that a step of the ladder adds to the current level; none for who is `heard` there already."""
    links = delegation_map.links_at(moment)
    members = _unbarred(approval.excluded, links)
    groups = _groups(rows)
    group = ANY_GROUP if approval.current_level["mode"] in ("per_group", PARALLEL) else ""
    seated = {*heard, *(holder.person_id for holder in sitting(approval, approval.level).holders)}
    found = {
        SeatHolder(member.user_id, group)
        for row in rows
        for member in members
        if member.user_id not in seated and _is_meant(row, member, groups)
    }
    ordered = _ordered(found)
    free = [member for member in members if member.user_id not in seated]
    sits = _sits(ordered, free, delegation_map.trusted(links, approval.excluded))
    return Seating(ordered, 0, bool(ordered), sits)


def _meant(
    level: Mapping[str, Any], members: Iterable[Member], groups: Mapping[str, set[UUID]]
) -> list[tuple[Member, str]]:
    per_group = level["mode"] == "per_group"
    return [
        (member, str(row["value"]) if per_group else "")
        for row in level["approvers"]
        for member in members
        if _is_meant(row, member, groups)
    ]


def _unbarred(excluded: Iterable[UUID], links: delegation_map.Links, people: Roster | None = None) -> list[Member]:
    """Four eyes: neither the excluded nor those who sit in for them may sign."""
    barred = delegation_map.with_stand_ins(excluded, links)
    return [member for member in deciders(people).values() if member.user_id not in barred]


def barred(approval: Approval, moment: datetime, known: Briefing | None = None) -> set[UUID]:
    """Return who may not sign: the excluded people, and those who sit in for them now."""
    links = known.links if known else None
    return delegation_map.with_stand_ins(approval.excluded, delegation_map.links_at(moment) if links is None else links)


def _ordered(holders: Iterable[SeatHolder]) -> tuple[SeatHolder, ...]:
    return tuple(sorted(holders, key=lambda h: (h.person_id.int, h.group)))


def _sits(
    holders: Sequence[SeatHolder], members: Iterable[Member], links: delegation_map.Links
) -> dict[SeatHolder, tuple[UUID, UUID | None]]:
    """Nobody sits twice at a level: where the stand-in has a seat already, the seat stays where it is."""
    found: dict[SeatHolder, tuple[UUID, UUID | None]] = {}
    if not links:
        return found
    may, taken = {member.user_id for member in members}, {holder.person_id for holder in holders}
    lent: dict[UUID, UUID] = {}
    for holder in holders:
        person, via = delegation_map.stand_in(holder.person_id, links)
        if via is not None and person in may and (person not in taken or lent.get(person) == holder.person_id):
            found[holder] = person, via
            taken.add(person)
            lent[person] = holder.person_id
    return found


def _groups(rows: Iterable[Mapping[str, Any]]) -> dict[str, set[UUID]]:
    wanted = [row["value"] for row in rows if row["type"] == "group"]
    if not wanted:
        return {}
    found: dict[str, set[UUID]] = {}
    members = GroupMember.objects.filter(group_id__in=wanted).values_list("group_id", "user_id")
    for group_id, user_id in members:
        found.setdefault(str(group_id), set()).add(user_id)
    return found


def _is_meant(row: Mapping[str, Any], member: Member, groups: Mapping[str, set[UUID]]) -> bool:
    value = str(row["value"])
    if row["type"] == "user":
        return value == str(member.user_id)
    if row["type"] == "role":
        return value == member.role
    return row["type"] == "group" and member.user_id in groups.get(value, set())


def open_seats(
    approval: Approval, seating: Seating, moment: datetime, *, source: str = Seat.Source.LEVEL, told: str = "opened"
) -> None:
    """Write seats of the approval's current level and tell their holders; a seat that is there already stays."""
    seats = [_seat(holder, seating) for holder in seating.holders]
    if not seats:
        return
    values = {
        **of_level(approval, approval.level),
        "source": str(source),
        "moment": moment,
        "seats": to_json(seats).decode(),
    }
    prepared.later(Call(_opening_statement(), values))
    create.notify(approval, {seat["person"] for seat in seats}, f"approval_{told}", moment)


def _seat(holder: SeatHolder, seating: Seating) -> dict[str, Any]:
    person, via = seating.sits.get(holder, (holder.person_id, None))
    return {
        "id": uuid7(),
        "person": person,
        "rightful": None if via is None else holder.person_id,
        "via": via,
        "mark": holder.group,
    }


@cache
def _opening_statement() -> Prepared:
    mark = prepared.marks(_OF_SEATS)
    columns = {
        "id": "seat.id",
        "tenant_id": mark["tenant"],
        "approval_id": mark["approval"],
        "revision": mark["revision"],
        "level": mark["level"],
        "person_id": "seat.person",
        "rightful_id": "seat.rightful",
        "via_id": "seat.via",
        "source": mark["source"],
        "group": "seat.mark",
        "opened_at": mark["moment"],
    }
    source = f"jsonb_to_recordset({mark['seats']}) as seat(id uuid, person uuid, rightful uuid, via uuid, mark text)"
    sql = f"{rows.insertion_from(Seat, source, columns)} on conflict do nothing"
    return prepared.prepared(sql, _OF_SEATS)


def sitting(approval: Approval, number: int, known: Briefing | None = None) -> Sitting:
    """Return the seats of a level of the current revision. Three queries at most, one when it is briefed."""
    seats = seats_at(approval, number, known)
    roles = (known.people if known else roster()).holding(DECIDE)
    meant = [*approval.snapshot["levels"][number - 1]["approvers"], *_ladder_rows(approval)]
    return _sitting(approval, number, seats, roles, _groups(meant))


def seats_at(approval: Approval, number: int, known: Briefing | None = None) -> list[SeatRow]:
    """Return the seats of a level of the current revision, closed ones too. One query at most."""
    if known is not None:
        return known.seats_at(number)
    found = prepared.fetch_all(_seats_statement(), of_level(approval, number))
    return [SeatRow._make(row) for row in found]


@cache
def _seats_statement() -> Prepared:
    types = {"tenant": "uuid", "approval": "uuid", "revision": "integer", "level": "integer"}
    return prepared.prepared(_SEATS.format(columns=SEAT_COLUMNS), types)


def _sitting(
    approval: Approval,
    number: int,
    seats: Sequence[AnySeat],
    roles: Mapping[UUID, str],
    groups: Mapping[str, set[UUID]],
) -> Sitting:
    level, ladder = approval.snapshot["levels"][number - 1], _ladder_rows(approval)
    here = [(SeatHolder(seat.person_id, seat.group), seat) for seat in seats if seat.moved_at is None]
    first = {SeatHolder(first_of(seat), seat.group) for seat in seats if seat.source == Seat.Source.LEVEL}
    lost = frozenset(holder for holder, seat in here if not _has_right(seat, level, ladder, roles, groups))
    return Sitting(tuple(holder for holder, _ in here), tuple(first), lost)


def _ladder_rows(approval: Approval) -> Rows:
    steps = approval.snapshot.get("escalation") or []
    return [row for step in steps for row in (*(step.get("add") or []), *(step.get("replace") or []))]


def unsigned_for_ever(approvals: Sequence[Approval]) -> list[Approval]:
    """Return those of the waiting requests whose seats cannot satisfy the level. Three queries in all."""
    if not approvals:
        return []
    roles = roster().holding(DECIDE)
    groups: dict[str, set[UUID]] = {}
    for group_id, user_id in GroupMember.objects.values_list("group_id", "user_id"):
        groups.setdefault(str(group_id), set()).add(user_id)
    seats: dict[tuple[UUID, int, int], list[Seat]] = {}
    for seat in Seat.objects.filter(approval__in=approvals):
        seats.setdefault((seat.approval_id, seat.revision, seat.level), []).append(seat)
    found = []
    for approval in approvals:
        mine = seats.get((approval.pk, approval.revision, approval.level), [])
        if not _sitting(approval, approval.level, mine, roles, groups).can_satisfy(approval.current_level):
            found.append(approval)
    return found


def first_of(seat: AnySeat) -> UUID:
    """Return who was asked first: before the seat was passed on, and before anybody sat in."""
    return seat.for_person_id or seat.rightful_id or seat.person_id


def _has_right(
    seat: AnySeat,
    level: Mapping[str, Any],
    ladder: Rows,
    roles: Mapping[UUID, str],
    groups: Mapping[str, set[UUID]],
) -> bool:
    """A seat stands as long as its holder may decide and whoever was asked first is still meant."""
    if seat.person_id not in roles:
        return False
    if seat.source == Seat.Source.REASSIGNED:
        return True
    rows = ladder if seat.source == Seat.Source.ESCALATION else _rows_of(level, seat.group)
    first = first_of(seat)
    role = roles.get(first)
    return role is not None and any(_is_meant(row, Member(first, role), groups) for row in rows)


def _rows_of(level: Mapping[str, Any], mark: str) -> Rows:
    """Return the rows of approvers that may have given a seat its mark."""
    if level["mode"] not in ("per_group", PARALLEL):
        return list(level["approvers"])
    found: list[Mapping[str, Any]] = []
    parts = list(enumerate(parts_of(level)))
    for number, part in parts:
        group = seat_in(number, mark) if len(parts) > 1 else mark
        if group is not None:
            by_group = part["mode"] == "per_group"
            found += [row for row in part["approvers"] if not by_group or str(row["value"]) == group]
    return found


def deciders(people: Roster | None = None) -> dict[UUID, Member]:
    """Return the active members whose role may decide, at this moment or as already read."""
    found = (people or roster()).holding(DECIDE)
    return {user_id: Member(user_id, role) for user_id, role in found.items()}


def is_entitled(user_id: UUID, people: Roster | None = None) -> bool:
    """Tell whether the person is an active member whose role may decide, at this moment or as already read."""
    return user_id in (people or roster()).holding(DECIDE)
