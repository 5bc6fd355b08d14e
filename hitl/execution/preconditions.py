"""Whether what an approval rests on still counts when it is claimed: its bytes, its requester, its votes."""

from __future__ import annotations

from typing import Final

from accounts.selectors import Roster
from hitl.approvals import assignments
from hitl.approvals.columns import digest_of
from hitl.approvals.context import Briefing
from hitl.approvals.decision_mac import is_sealed
from hitl.approvals.outcomes import signed_before, standing_of, votes_of
from hitl.models import Approval, Decision

PROPOSE: Final = "hitl.propose_approval"
OVERRIDE: Final = "hitl.override_approval"


def unearned(approval: Approval, known: Briefing, digest: str = "") -> str:
    """Say why the approval does not count at this moment; the empty string when it does.

    `digest` is that of what is stored, where it is worked out already.
    """
    if (digest or digest_of(approval)) != approval.digest:
        return "What was signed is not what is stored."
    if known.is_forged:
        return "There is a vote that nobody gave."
    people = known.people
    if approval.requester_id is not None and approval.requester_id not in people.holding(PROPOSE):
        return "The requester may not ask for this any more."
    if _decided_by_rule(approval):
        return ""
    if approval.decided_as == "overridden":
        return _unearned_override(approval, people)
    for number in range(1, len(approval.snapshot["levels"]) + 1):
        votes = votes_of(approval, number, known)
        signers = {vote.person_id for vote in votes if vote.verdict == "approve"}
        if signers & set(approval.excluded) or signers - people.holding(assignments.DECIDE).keys():
            return "Somebody who approved it may not approve it any more."
        if signers & signed_before(approval, number, known):
            return "Somebody signed it twice."
        if standing_of(approval, number, known, votes)[0] != "approved":
            return "The votes do not satisfy the workflow."
    return ""


def _decided_by_rule(approval: Approval) -> bool:
    if approval.decided_role != "rule":
        return False
    found = Decision.objects.filter(
        approval=approval, revision=approval.revision, digest=approval.digest, actor_kind="rule"
    )
    return any(is_sealed(row) for row in found.filter(verdict="approve"))


def _unearned_override(approval: Approval, members: Roster) -> str:
    found = Decision.objects.filter(approval=approval, revision=approval.revision, digest=approval.digest)
    given = found.filter(verdict="override", person__isnull=False)
    people = {row.person_id for row in given if is_sealed(row)}
    if not people or people - members.holding(OVERRIDE).keys() or people & set(approval.excluded):
        return "Whoever overrode it may not do so any more."
    return ""
