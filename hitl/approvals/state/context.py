"""What a decision on one approval is judged by, read once under its lock."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from accounts.selectors import Roster, roster
from hitl.approvals.integrity.decision_mac import verify
from hitl.approvals.state.conflicts import tampered
from hitl.domain import eligibility
from hitl.domain.eligibility import ApproverRows, Directory, LevelAssignments, Substitute
from hitl.domain.permissions import DECIDE
from hitl.domain.votes import Vote
from hitl.models import Approval, Assignment, Decision, Delegation, GroupMember
from hitl.seals.rules import RuleSeals, read_checked
from hitl.seals.tables import MEMBERS


@dataclass(frozen=True)
class DecisionContext:
    """An approval with its members, delegations, assignments and votes at one moment.

    Loaded by `load` while the approval is locked; rules take it as their first argument and never
    read. Assignments and votes are those of the current revision, by level.
    """

    approval: Approval
    moment: datetime
    members: Roster
    directory: Directory
    assignments: Mapping[int, Sequence[Assignment]]
    votes: Mapping[int, Sequence[Vote]]
    has_forged_vote: bool
    seals: RuleSeals
    """The seals of the rules, which are read when a rule is."""

    @classmethod
    def load(cls, approval: Approval, moment: datetime, seals: RuleSeals | None = None) -> Self:
        """Read what a decision on the approval depends on, in four to six queries. Raises Conflict (`tampered`)."""
        if approval.broken_seal and approval.is_open:
            raise tampered(approval)
        assignments = Assignment.objects.filter(approval=approval, revision=approval.revision).order_by("id")
        known = seals or RuleSeals()
        return cls.of(approval, moment, roster(), list(assignments), _decisions_of(approval), seals=known)

    @classmethod
    def of(
        cls,
        approval: Approval,
        moment: datetime,
        members: Roster,
        assignments: Iterable[Assignment],
        decisions: Iterable[Decision],
        directory: Directory | None = None,
        seals: RuleSeals | None = None,
    ) -> Self:
        """Return the context made of rows of any revision that a page has read anyway.

        Reads the delegations in force, and the groups that the workflow names, unless a directory is given that was
        read for several approvals at once.
        """
        by_level: dict[int, list[Assignment]] = {}
        for assignment in assignments:
            if assignment.revision == approval.revision:
                by_level.setdefault(assignment.level, []).append(assignment)
        current = approval.revision, approval.digest
        votes_now = [row for row in decisions if (row.revision, row.digest) == current and row.person_id is not None]
        given = [row for row in votes_now if row.verdict in ("approve", "reject")]
        verified = [decision for decision in given if verify(decision)]
        votes: dict[int, list[Vote]] = {}
        for decision in verified:
            if decision.person_id is not None:
                votes.setdefault(decision.level, []).append(Vote(decision.person_id, decision.verdict))
        known = seals or RuleSeals()
        if directory is None:
            directory = load_directory(approver_rows(approval.snapshot), moment, members=members, seals=known)
        return cls(
            approval=approval,
            moment=moment,
            members=members,
            directory=directory,
            assignments=by_level,
            votes=votes,
            has_forged_vote=len(verified) < len(given),
            seals=known,
        )

    def assignments_at(self, level: int) -> Sequence[Assignment]:
        """Return the assignments of a level, closed ones too."""
        return self.assignments.get(level, [])

    def votes_at(self, level: int) -> Sequence[Vote]:
        """Return the votes on a level, in the order they were given."""
        return self.votes.get(level, [])

    def with_vote(self, vote: Vote) -> Self:
        """Return the context with one more vote at the current level."""
        level = self.approval.level
        return replace(self, votes={**self.votes, level: [*self.votes_at(level), vote]})

    def voters(self) -> set[UUID]:
        return {vote.person_id for vote in self.votes_at(self.approval.level)}

    def excluded_people(self) -> set[UUID]:
        """Return who may not decide: people who contributed to the request, and their substitutes."""
        return eligibility.with_substitutes(self.approval.excluded, self.directory.substitutes)

    def is_entitled(self, person_id: UUID) -> bool:
        """Return True if the person is an active member whose role may decide."""
        return person_id in self.directory.deciders

    def level_assignments(self, number: int) -> LevelAssignments:
        """Return who is assigned at a level, counted from 1, and who lost the right to decide."""
        snapshot = self.approval.snapshot
        level, escalation = snapshot["levels"][number - 1], escalation_rows(snapshot)
        return eligibility.level_assignments(level, escalation, self.assignments_at(number), self.directory)

    def can_be_approved(self) -> bool:
        """Return True if the people assigned now could approve the current level."""
        barred = self.excluded_people() - self.voters()
        return self.level_assignments(self.approval.level).can_satisfy(self.approval.current_level, without=barred)


def _decisions_of(approval: Approval) -> list[Decision]:
    rows = Decision.objects.filter(
        approval=approval,
        revision=approval.revision,
        digest=approval.digest,
        verdict__in=("approve", "reject"),
        person_id__isnull=False,
    )
    return list(rows.order_by("id"))


def approver_rows(snapshot: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of approvers that the levels and escalation steps of a frozen workflow name."""
    return [row for level in snapshot["levels"] for row in level["approvers"]] + escalation_rows(snapshot)


def escalation_rows(snapshot: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of approvers that the escalation steps of a frozen workflow name."""
    steps = snapshot.get("escalation") or []
    return [row for step in steps for row in (*(step.get("add") or []), *(step.get("replace") or []))]


def load_directory(
    rows: ApproverRows, moment: datetime, *, members: Roster | None = None, seals: RuleSeals | None = None
) -> Directory:
    """Read who may decide, the substitutes, and the groups that `rows` name. Four queries at most."""
    named = {UUID(str(row["value"])) for row in rows if row["type"] == "group"}
    groups = load_groups(named, seals or RuleSeals()) if named else {}
    return Directory((members or roster()).holding(DECIDE), substitutes_at(moment), groups)


def substitutes_at(moment: datetime) -> dict[UUID, Substitute]:
    """Return the delegations in force by the person who is away, of several the last one made. One query."""
    rows = Delegation.objects.filter(starts_at__lte=moment, until__gt=moment, ended_at=None).order_by("id")
    return {
        row.from_person_id: Substitute(
            row.to_person_id, row.pk, None if row.opened_by_id == row.from_person_id else row.opened_by_id
        )
        for row in rows
    }


def load_groups(named: Collection[UUID] | None, seals: RuleSeals) -> dict[str, set[UUID]]:
    """Read the members of some or all groups: nobody is in one that was changed outside the application."""

    def read() -> tuple[dict[str, set[UUID]], str]:
        rows = list(GroupMember.objects.all() if named is None else GroupMember.objects.filter(group_id__in=named))
        broken, groups = seals.broken(MEMBERS, rows, named), dict[str, set[UUID]]()
        for row in rows:
            if row.group_id not in broken:
                groups.setdefault(str(row.group_id), set()).add(row.user_id)
        return groups, next((f"{MEMBERS.name(key)} ({what})" for key, what in broken.items()), "")

    return read_checked(seals, read)[0]
