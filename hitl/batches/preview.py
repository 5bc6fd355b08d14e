"""Show what a batch would do with each of its requests, before it is confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from accounts.selectors import roster
from core.actors import Actor
from core.clock import now
from hitl.approvals.decide import rights
from hitl.approvals.decide.decide import EVENTS, Verdict
from hitl.approvals.integrity import seals
from hitl.approvals.models.approval import LEVELS
from hitl.approvals.state.context import DecisionContext, approver_rows, load_directory
from hitl.approvals.state.outcomes import digest_of
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import State
from hitl.domain.strictness import required_strength
from hitl.models import Approval
from hitl.policy import decision_policy
from hitl.seals.rules import RuleSeals

MOST: Final = 200
_ORDER: Final = [name for name, _ in LEVELS]
WORDS: Final = {
    "approved_earlier_step": "You approved an earlier step; someone else must decide this one",
    "batch_expired": "The batch took too long; nothing was decided here",
    "conflict": "Already decided",
    "expired": "Already expired",
    "four_eyes": "You were involved in this request; someone else must decide",
    "invalid": "A reason is required",
    "no_membership": "You're no longer a member of this organisation",
    "not_a_person": "Only a person can decide",
    "not_allowed": "Your role can't decide requests any more",
    "not_an_approver": "You're not an approver of this step",
    "not_found": "This request doesn't exist",
    "not_genuine": "The batch was changed outside the application",
    "stale_digest": "Changed since you selected it; read it again",
    "tampered": "Modified outside the application; an administrator must review it",
    "too_risky": "Too risky to approve together with others; open it",
    "voted": "You decided it elsewhere meanwhile",
    "weak_sign_in": "Needs a sign-in with a second factor or a security key",
}
"""Why a request of a batch is not decided, by code."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One request that a person selected, with the digest that was shown."""

    id: UUID
    digest: str


@dataclass(frozen=True, slots=True)
class Line:
    """What a batch would do with one request; `approval` is None if it does not exist."""

    chosen: Chosen
    approval: Approval | None
    code: str
    wants_proof: bool = False

    @property
    def says(self) -> str:
        """Return why it would not be decided, "" if it would."""
        return words_of(self.code)


def words_of(code: str) -> str:
    """Return why a request is not decided, "" without a code."""
    return WORDS.get(code, "It could not be decided; try it alone") if code else ""


def is_too_risky(approval: Approval, verdict: str) -> bool:
    """Return True if the organisation does not allow to approve it with others. Two queries at most."""
    return verdict == "approve" and _exceeds(approval, decision_policy.current().batch_risk)


def _exceeds(approval: Approval, ceiling: str) -> bool:
    return ceiling not in _ORDER or _ORDER.index(approval.risk_level) > _ORDER.index(ceiling)


def preview_batch(*, viewer: Actor, verdict: Verdict, chosen: Sequence[Chosen]) -> list[Line]:
    """Return what would become of each request, in the given order.

    Needs `hitl.decide_approval`. The number of queries is fixed.
    """
    viewer.require(DECIDE)
    found = {row.pk: row for row in Approval.objects.filter(pk__in=[each.id for each in chosen])}
    broken, rows = seals.find_broken(list(found.values())), seals.load_rows(list(found))
    rules = RuleSeals()
    members, moment, ceiling = roster(), now(), decision_policy.current(rules).batch_risk
    intact = [row for key, row in found.items() if key not in broken]
    named = [each for row in intact for each in approver_rows(row.snapshot)]
    directory = load_directory(named, moment, members=members, seals=rules)
    lines = []
    for each in chosen:
        approval = found.get(each.id)
        if approval is None:
            lines.append(Line(each, None, "not_found"))
            continue
        is_broken = each.id in broken or digest_of(approval) != approval.digest
        if approval.state != State.PENDING:
            code = "conflict"
        elif is_broken:
            code = "tampered"
        elif moment >= approval.expires_at:
            code = "expired"
        elif each.digest != approval.digest:
            code = "stale_digest"
        elif verdict == "approve" and _exceeds(approval, ceiling):
            code = "too_risky"
        else:
            own = rows[each.id]
            context = DecisionContext.of(approval, moment, members, own.assignments, own.decisions, directory)
            reason = rights.why_not(context, viewer, EVENTS[verdict])
            code = reason.code if reason else ""
        wants = not code and required_strength(approval.current_level) > 1
        lines.append(Line(each, approval, code, wants))
    return lines
