"""Who is asked at a level: distinct, active, entitled people who are not excluded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.models import Membership
from accounts.selectors import list_members
from hitl.models import Approval, GroupMember, Notification, Seat
from hitl.stages import parts_of, place_of
from hitl.voting import SeatHolder, is_satisfiable, required_votes

DECIDE: Final = "hitl.decide_approval"


@dataclass(frozen=True)
class Seating:
    """The people of a level, how many of them must agree, and whether that can happen."""

    holders: tuple[SeatHolder, ...]
    required: int
    satisfiable: bool


def plan(level: Mapping[str, Any], excluded: Iterable[UUID]) -> Seating:
    """Work out the seats of a level from the members of this moment."""
    barred = set(excluded)
    members = [m for m in list_members(permission=DECIDE) if m.user_id not in barred]
    groups = _groups(level)
    parts = list(enumerate(parts_of(level)))
    holders = {
        SeatHolder(member.user_id, place_of(number, group) if len(parts) > 1 else group)
        for number, part in parts
        for member, group in _meant(part, members, groups)
    }
    ordered = tuple(sorted(holders, key=lambda h: (str(h.person_id), h.group)))
    return Seating(ordered, required_votes(level, ordered), is_satisfiable(level, ordered))


def _meant(
    level: Mapping[str, Any], members: Iterable[Membership], groups: Mapping[str, set[UUID]]
) -> list[tuple[Membership, str]]:
    per_group = level["mode"] == "per_group"
    return [
        (member, str(row["value"]) if per_group else "")
        for row in level["approvers"]
        for member in members
        if _is_meant(row, member, groups)
    ]


def _groups(level: Mapping[str, Any]) -> dict[str, set[UUID]]:
    wanted = [row["value"] for row in level["approvers"] if row["type"] == "group"]
    if not wanted:
        return {}
    found: dict[str, set[UUID]] = {}
    rows = GroupMember.objects.filter(group_id__in=wanted).values_list("group_id", "user_id")
    for group_id, user_id in rows:
        found.setdefault(str(group_id), set()).add(user_id)
    return found


def _is_meant(row: Mapping[str, Any], member: Membership, groups: Mapping[str, set[UUID]]) -> bool:
    value = str(row["value"])
    if row["type"] == "user":
        return value == str(member.user_id)
    if row["type"] == "role":
        return value == member.role
    return row["type"] == "group" and member.user_id in groups.get(value, set())


def open_seats(approval: Approval, seating: Seating, moment: datetime) -> None:
    """Write the seats of the approval's current level and tell their holders in the app."""
    Seat.objects.bulk_create(
        [
            Seat(
                approval=approval,
                revision=approval.revision,
                level=approval.level,
                person_id=holder.person_id,
                group=holder.group,
                opened_at=moment,
            )
            for holder in seating.holders
        ],
        ignore_conflicts=True,
    )
    notify(approval, {holder.person_id for holder in seating.holders}, "approval_opened", moment)


def alert_admins(approval: Approval, problem: str, moment: datetime) -> None:
    """Tell those who may hold approvals that one of them cannot go on by itself."""
    people = {member.user_id for member in list_members(permission="hitl.hold_approval")}
    notify(approval, people, "approval_stuck", moment, problem=problem)


def notify(approval: Approval, people: Iterable[UUID], template: str, moment: datetime, **more: str) -> None:
    """Write one in-app notification for each person."""
    variables = {"reference": approval.reference, "risk_level": approval.risk_level, **more}
    Notification.objects.bulk_create(
        [
            Notification(
                approval=approval,
                revision=approval.revision,
                level=approval.level,
                recipient_id=person_id,
                template=template,
                variables=variables,
                status="sent",
                provider="in_app",
                created_at=moment,
                sent_at=moment,
            )
            for person_id in sorted(people)
        ]
    )


def is_entitled(user_id: UUID) -> bool:
    """Tell whether the person is an active member whose role may decide, at this moment."""
    return any(member.user_id == user_id for member in list_members(permission=DECIDE))


def entitled(people: Iterable[UUID]) -> set[UUID]:
    """Return those of the people who are active members whose role may decide."""
    wanted = set(people)
    if not wanted:
        return set()
    return {m.user_id for m in list_members(permission=DECIDE) if m.user_id in wanted}
