"""Rows that several parts of an approval's page need, each read at most once."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any
from uuid import UUID

from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from accounts.selectors import list_members, roster_of
from console.names import names_of
from core.actors import Actor
from core.clock import now
from core.errors import Refused
from hitl.approvals.decide import rights
from hitl.approvals.state.context import DecisionContext
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import Event
from hitl.models import Approval, Assignment, Decision
from hitl.seals.rules import RuleSeals
from hitl.selectors.approvals import VIEW


class ApprovalRows:
    """What was read of one approval for one page."""

    def __init__(self, approval: Approval) -> None:
        self.approval = approval
        self._refusals: dict[Any, Refused] = {}

    @cached_property
    def assignments(self) -> list[Assignment]:
        """Return all assignments, of every level and revision, with their people."""
        return list(Assignment.objects.filter(approval=self.approval).select_related("person").order_by("id"))

    @cached_property
    def decisions(self) -> list[Decision]:
        """Return every verdict and remark, in order."""
        return list(Decision.objects.filter(approval=self.approval).order_by("id"))

    @cached_property
    def context(self) -> DecisionContext:
        """Return what the rights of people are judged by, made of the rows of this page."""
        members = roster_of((one.user_id, one.role, one.own_permissions) for one in self.members)
        return DecisionContext.of(self.approval, now(), members, self.assignments, self.decisions, seals=self.seals)

    @cached_property
    def seals(self) -> RuleSeals:
        """Return the seals of the rules, which several parts ask about the rules they read."""
        return RuleSeals()

    def why_not(self, viewer: Actor, event: Event) -> Refused | None:
        """Return why the viewer may not make a move now, None if they may; each reason is put into words once."""
        reason = rights.why_not(self.context, viewer, event)
        if reason is None:
            return None
        key = reason if event in rights.BY_APPROVERS else (reason, event)
        if key not in self._refusals:
            self._refusals[key] = rights.refusal(self.context, viewer, event, reason, read_names=self.names)
        return self._refusals[key]

    @cached_property
    def members(self) -> list[Membership]:
        """Return the active members of the organisation."""
        return list_members()

    def here(self) -> list[Assignment]:
        """Return the assignments of the current revision and level."""
        place = (self.approval.revision, self.approval.level)
        return [assignment for assignment in self.assignments if (assignment.revision, assignment.level) == place]

    def votes_here(self) -> list[Decision]:
        """Return the verdicts on the current revision and level."""
        place = (self.approval.revision, self.approval.level)
        votes = (row for row in self.decisions if (row.revision, row.level) == place)
        return [row for row in votes if row.verdict in ("approve", "reject")]

    def names(self, people: Iterable[UUID | None]) -> dict[UUID, str]:
        """Return full names; people who are no longer active members are looked up by another query."""
        known = {member.user_id: member.user.get_full_name() for member in self.members}
        return {**known, **names_of(person for person in people if person not in known)}

    def approver_choices(self) -> list[tuple[str, str]]:
        """Return the colleagues who can approve, by name."""
        return approver_choices(self.holding(DECIDE))

    def colleague_choices(self) -> list[tuple[str, str]]:
        """Return the colleagues who can view approvals, by name."""
        return approver_choices(self.holding(VIEW))

    def holding(self, permission: str) -> list[Membership]:
        """Return the members whose role has a permission."""
        return [one for one in self.members if permission in permissions_of(one.role, one.own_permissions)]

    def assignee_choices(self) -> list[tuple[str, str]]:
        """Return the people with an assignment that nobody took over, by name."""
        people = {
            (str(assignment.person_id), assignment.person.get_full_name())
            for assignment in self.here()
            if assignment.moved_at is None
        }
        return [("", "Choose"), *sorted(people, key=lambda row: row[1])]


def rows_of(approval: Approval) -> ApprovalRows:
    """Return the rows read for this approval, kept with the instance."""
    rows: ApprovalRows = approval.__dict__.setdefault("page_rows", ApprovalRows(approval))
    return rows


def approver_choices(members: Iterable[Membership] | None = None) -> list[tuple[str, str]]:
    """Return the colleagues who can approve, by name. One query unless they are given."""
    found = list_members(permission=DECIDE) if members is None else members
    people = ((str(member.user_id), member.user.get_full_name()) for member in found)
    return [("", "Choose"), *sorted(people, key=lambda row: row[1])]
