"""The one rule for who may act on a request now.

Every move, page and endpoint asks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from accounts.selectors import Roster
from core.actors import Actor
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.votes import approvers_before
from hitl.domain.eligibility import original_person, substitute_for
from hitl.domain.permissions import DECIDE, HOLD, OVERRIDE, PROPOSE, REASSIGN, RESOLVE
from hitl.domain.state_machine import Event
from hitl.domain.strictness import AUTH_STRENGTH, required_strength
from hitl.models import Approval, Assignment

BY_APPROVERS: Final = frozenset({Event.APPROVE, Event.REJECT, Event.EDIT, Event.ASK, Event.SEND_BACK, Event.DELEGATE})
BY_REQUESTER: Final = frozenset({Event.ANSWER, Event.RESUBMIT})
ADMINS: Final = frozenset({"owner", "admin", "system"})
_NEEDS: Final[Mapping[Event, str]] = {
    **dict.fromkeys(BY_APPROVERS, DECIDE),
    **dict.fromkeys(BY_REQUESTER, PROPOSE),
    Event.REASSIGN: REASSIGN,
    Event.ESCALATE: REASSIGN,
    Event.OVERRIDE: OVERRIDE,
    Event.RELEASE: HOLD,
    Event.RESOLVE: RESOLVE,
}


class Reason(NamedTuple):
    """Why a person may not act: the code of the refusal, and what happened in one word.

    `person_id` is the other person in the sentence, such as the one who decides instead; `at` is when it happened.
    """

    code: str
    why: str = ""
    person_id: UUID | None = None
    at: datetime | None = None


def why_not(context: DecisionContext, actor: Actor, event: Event) -> Reason | None:
    """Return why an actor may not make a move at this moment, or None if they may.

    Active member, role, four eyes, and for approvers a valid assignment and different people at each step;
    the strength of the sign-in comes last.
    """
    return why_no_right(context, actor, event) or why_weak_sign_in(context.approval, actor, event)


def why_no_right(context: DecisionContext, actor: Actor, event: Event) -> Reason | None:
    """Return why an actor has no right to a move, however strongly they signed in; None if they have it."""
    approval, person_id = context.approval, actor.user_id
    if event in BY_REQUESTER:
        if not is_own(approval, actor):
            return Reason("not_yours")
        return None if person_id is None else _why_role_is_lost(context, person_id, event)
    if person_id is None or (event is Event.OVERRIDE and actor.kind != "user"):
        return Reason("not_a_person")
    if event in BY_APPROVERS:
        lost = why_not_eligible(context, person_id)
        return lost or (None if valid_assignments(context, person_id) else _what_happened(context, person_id))
    if person_id in context.excluded_people():
        return Reason("four_eyes")
    if event is Event.OVERRIDE and approval.snapshot.get("allow_override") is not True:
        return Reason("no_break_glass")
    return _why_role_is_lost(context, person_id, event)


def why_not_eligible(context: DecisionContext, person_id: UUID) -> Reason | None:
    """Return why nobody may assign the current level to a person, or None if they could be asked."""
    if person_id in context.excluded_people():
        return Reason("four_eyes")
    if person_id in approvers_before(context):
        return Reason("approved_earlier_step")
    return _why_role_is_lost(context, person_id, Event.APPROVE)


def _why_role_is_lost(context: DecisionContext, person_id: UUID, event: Event) -> Reason | None:
    lost = _why_lost(context.members, person_id, _NEEDS[event])
    return lost._replace(code="not_an_approver") if lost and event in BY_APPROVERS else lost


def why_not_entitled(members: Roster, actor: Actor, permission: str) -> Reason | None:
    """Return why a person's membership or role no longer gives them a permission, for any request.

    The system and agents without a person behind them have no membership to lose.
    """
    return None if actor.user_id is None else _why_lost(members, actor.user_id, permission)


def is_admin(members: Roster, actor: Actor) -> bool:
    """Return True for the system and for people who are administrators now."""
    return actor.role in ADMINS and (actor.user_id is None or members.roles.get(actor.user_id) in ADMINS)


def _why_lost(members: Roster, person_id: UUID, permission: str) -> Reason | None:
    if person_id in members.holding(permission):
        return None
    return Reason("not_allowed", "role" if person_id in members.roles else "membership")


def valid_assignments(context: DecisionContext, person_id: UUID | None) -> list[Assignment]:
    """Return the open assignments of a person at the current level by which they may decide now."""
    level, entitled = context.approval.level, set(context.level_assignments(context.approval.level).entitled)
    return [
        row
        for row in context.assignments_at(level)
        if row.person_id == person_id
        and row.closed_at is None
        and (row.person_id, row.group) in entitled
        and _still_substitutes(context, row)
    ]


def is_own(approval: Approval, actor: Actor) -> bool:
    """Return True if the actor submitted the request, or is the agent that did."""
    if actor.user_id is not None and actor.user_id == approval.requester_id:
        return True
    return actor.kind == "agent" and actor.id is not None and actor.id == approval.agent_id


def _still_substitutes(context: DecisionContext, row: Assignment) -> bool:
    """A substitute decides only while the person who is away is away."""
    if row.rightful_id is None:
        return True
    return substitute_for(row.rightful_id, context.directory.substitutes)[0] == row.person_id


def _what_happened(context: DecisionContext, person_id: UUID) -> Reason:
    """Return what became of a person's assignment to the current level."""
    code, here = "not_an_approver", context.assignments_at(context.approval.level)
    mine = [row for row in here if row.person_id == person_id]
    kept = [row for row in mine if row.moved_at is None]
    for row in kept:
        if row.closed_at is None and not _still_substitutes(context, row):
            return Reason(code, "substitution_over", row.rightful_id)
        first = original_person(row)
        return Reason(code, "removed", None if first == person_id else first, row.closed_at)
    substitutes = [row for row in here if row.rightful_id == person_id and row.moved_at is None]
    if substitutes:
        return Reason(code, "away", substitutes[0].person_id)
    for row in mine:
        if row.rightful_id is not None:
            return Reason(code, "substitution_over", row.rightful_id, row.moved_at)
        later = [
            each
            for each in here
            if each.moved_at is None and each.group == row.group and each.for_person_id == original_person(row)
        ]
        if later:
            return Reason(code, "delegated", later[0].person_id, row.moved_at)
    return Reason(code, "replaced", None, mine[0].moved_at) if mine else Reason(code, "not_asked")


def why_weak_sign_in(approval: Approval, actor: Actor, event: Event) -> Reason | None:
    """Return a reason when a move requires a stronger sign-in, which the level or the move decides."""
    if event is Event.OVERRIDE:
        return None if actor.has_second_factor else Reason("weak_sign_in")
    if event not in BY_APPROVERS or event is Event.DELEGATE:
        return None
    is_weak = AUTH_STRENGTH.get(actor.auth_strength, 0) < required_strength(approval.current_level)
    return Reason("weak_sign_in") if is_weak else None
