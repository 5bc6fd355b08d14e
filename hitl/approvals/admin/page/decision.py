"""Who can approve a request at its current level, and why the viewer can't."""

from typing import Any, Final
from uuid import UUID

from console.names import name_in
from core.actors import Actor
from hitl.approvals.admin.rows import ApprovalRows, rows_of
from hitl.approvals.decide.rights import ADMINS, KEY
from hitl.approvals.integrity.decision_mac import verify
from hitl.display import STATES
from hitl.domain.state_machine import WAITING, Event, State, may
from hitl.models import Approval, ApproverGroup, Assignment

SECOND_FACTOR: Final = (
    "Two-factor authentication is required. Set it up under Sign-in security in the menu of your name, "
    "then sign in again."
)
SECURITY_KEY: Final = (
    "A security key or passkey is required. Open Sign-in security in the menu of your name, add one if you have none, "
    "and confirm with it. It counts for twelve hours."
)
MODES: Final = {
    "any": "1 approval needed from any of these people",
    "all": "Everyone listed must approve",
    "quorum": "{quorum} approvals needed from these people",
    "per_group": "1 approval needed from each group",
    "parallel": "All of these levels must approve, in any order",
}


def approvers_of(rows: ApprovalRows, names: dict[UUID, str], viewer: Actor) -> dict[str, Any]:
    """Return who can approve at the current level, and who has voted."""
    level = rows.approval.current_level
    here = [assignment for assignment in rows.here() if assignment.moved_at is None]
    votes = {vote.person_id: vote.verdict for vote in rows.votes_here() if verify(vote)}
    groups = _group_names(here)
    people = [
        {
            "name": name_in(names, assignment.person_id) + (" (you)" if assignment.person_id == viewer.user_id else ""),
            "group": _on_behalf(assignment, names, groups),
            "verdict": votes.get(assignment.person_id, ""),
        }
        for assignment in here
    ]
    rule = MODES.get(level.get("mode", ""), "").format(quorum=level.get("quorum", 1))
    return {"rule": rule, "people": people, "levels": len(rows.approval.snapshot["levels"])}


def _group_names(assignments: list[Assignment]) -> dict[str, str]:
    """Return the names of the groups that people are asked for. No query if there are none."""
    found = set()
    for assignment in assignments:
        try:
            found.add(UUID(assignment.group.rpartition(":")[2]))
        except ValueError:
            continue  # a role, or nobody's place
    rows = ApproverGroup.objects.filter(pk__in=found) if found else []
    return {str(row.pk): row.name for row in rows}


def _on_behalf(assignment: Assignment, names: dict[UUID, str], groups: dict[str, str]) -> str:
    """Return the person and the group that an approver stands in for."""
    whose = assignment.rightful_id or assignment.for_person_id
    group = assignment.group.rpartition(":")[2].strip("*")
    words = [f"for {name_in(names, whose)}" if whose else "", groups.get(group, group)]
    return ", ".join(word for word in words if word)


def why_no_vote(approval: Approval, viewer: Actor, event: Event = Event.APPROVE) -> str:
    """Return why the viewer can't act as an approver now, "" if they can."""
    if approval.state == State.INFO_REQUESTED:
        return "An approver asked the requester a question. You can decide once it is answered."
    if approval.state not in WAITING:
        return f"This request is {STATES[approval.state][0].lower()}. There is nothing left to decide."
    return why_no_right(approval, viewer, event)


def why_no_right(approval: Approval, viewer: Actor, event: Event) -> str:
    """Return why the viewer may not make a move, "" if they may: the rule that the services ask."""
    problem = rows_of(approval).why_not(viewer, event)
    if problem is None:
        return ""
    if problem.code != "weak_sign_in":
        return problem.detail
    return SECURITY_KEY if problem.facts.get("needs") == KEY else SECOND_FACTOR


def why_not_in_state(approval: Approval, event: Event) -> str:
    """Return why an event can't happen in the approval's state, "" if it can."""
    if may(event, State(approval.state)):
        return ""
    return f"You can't do this while the request is {STATES[approval.state][0].lower()}."


def may_cancel(approval: Approval, viewer: Actor) -> bool:
    """Return True if it is the viewer's own request, or they are an administrator."""
    return viewer.user_id == approval.requester_id or viewer.role in ADMINS
