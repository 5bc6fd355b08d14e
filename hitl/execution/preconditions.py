"""Re-check, before execution, that the approval is still valid."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hitl.approvals.change.holds import KILL_SWITCH, MANUAL
from hitl.approvals.integrity.decision_mac import verify
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.outcomes import digest_of
from hitl.approvals.state.votes import approvers_before, tally_level
from hitl.domain.permissions import DECIDE, OVERRIDE, PROPOSE
from hitl.domain.votes import Tally
from hitl.execution.observation import LatestObservation
from hitl.models import Approval, Decision
from hitl.policy.workflows.definitions import tampered_workflow

OBSERVE_AGAIN: Final = timedelta(seconds=15)


@dataclass(frozen=True)
class Leave:
    """Nothing to do: another timer closes or continues the request."""


@dataclass(frozen=True)
class Wait:
    """The request is on hold already."""


@dataclass(frozen=True)
class Hold:
    """The request must not be executed until somebody releases it."""

    name: str
    reason: str


@dataclass(frozen=True)
class Retry:
    """Try again later: the target could not be observed, or something else was observed."""

    after: timedelta = OBSERVE_AGAIN


@dataclass(frozen=True)
class Drift:
    """Conditions changed since the request: it must be decided again."""

    changes: list[str]


Obstacle = Leave | Wait | Hold | Retry | Drift


@dataclass(frozen=True)
class Attempt:
    """A claim that is being checked: the locked approval, what was observed, and a stop that covers it."""

    context: DecisionContext
    observation: LatestObservation
    stopped_by: str

    @property
    def approval(self) -> Approval:
        """The locked approval."""
        return self.context.approval


def find_obstacle(attempt: Attempt) -> Obstacle | None:
    """Return the first reason not to execute an approved request now, or None."""
    for check in _CHECKS:
        obstacle = check(attempt)
        if obstacle is not None:
            return obstacle
    return None


def _is_in_time(attempt: Attempt) -> Obstacle | None:
    execute_by = attempt.approval.execute_by
    return Leave() if execute_by is None or attempt.context.moment >= execute_by else None


def _is_not_too_early(attempt: Attempt) -> Obstacle | None:
    """Wait while the approver can still undo the approval."""
    after = attempt.approval.execute_after
    return None if after is None or attempt.context.moment >= after else Retry(after - attempt.context.moment)


def _is_not_stopped(attempt: Attempt) -> Obstacle | None:
    if not attempt.stopped_by:
        return None
    # It is put on hold once, however often it is tried while the stop is active.
    is_held = KILL_SWITCH in attempt.approval.holds
    return Wait() if is_held else Hold(KILL_SWITCH, "An emergency stop covers this request.")


def _is_not_on_hold(attempt: Attempt) -> Obstacle | None:
    return Wait() if attempt.approval.holds else None


def _is_observed(attempt: Attempt) -> Obstacle | None:
    if attempt.observation.is_kind_unknown:
        return Hold(MANUAL, "This kind of action is no longer installed.")
    return None if attempt.observation.is_complete else Retry()


def _is_still_valid(attempt: Attempt) -> Obstacle | None:
    reason = why_not_executable(attempt.context)
    return Hold(MANUAL, reason) if reason else None


def _is_matched_by_intact_rules(attempt: Attempt) -> Obstacle | None:
    """A person looks at a request whose workflow was changed outside the application since it was matched."""
    problem = tampered_workflow(attempt.approval, attempt.context.seals)
    return Hold(MANUAL, f"Rules were changed outside the application: {problem}.") if problem else None


def _is_what_was_observed(attempt: Attempt) -> Obstacle | None:
    """What was observed before the lock is what is executed: a row can be another one for a while."""
    return None if attempt.observation.is_of(attempt.approval) else Retry()


def _has_not_drifted(attempt: Attempt) -> Obstacle | None:
    changes = changes_since_request(attempt.approval, attempt.observation)
    return Drift(changes) if changes else None


_CHECKS: Final[tuple[Callable[[Attempt], Obstacle | None], ...]] = (
    _is_in_time,
    _is_not_too_early,
    _is_not_stopped,
    _is_not_on_hold,
    _is_observed,
    _is_still_valid,
    _is_matched_by_intact_rules,
    _is_what_was_observed,
    _has_not_drifted,
)


def changes_since_request(approval: Approval, observation: LatestObservation) -> list[str]:
    """Return what changed since the request: the kind itself, or facts beyond its tolerance."""
    kind = observation.kind
    if kind is None:
        return []
    if not kind.accepts(approval.kind_version):
        return ["The kind of action itself has changed since the request."]
    return list(kind.drift(approval.facts, observation.facts))


def why_not_executable(context: DecisionContext) -> str:
    """Return why the approval is not valid at this moment. Returns "" if it is."""
    approval, members = context.approval, context.members
    if digest_of(approval) != approval.digest:
        return "The stored request is not the one that was approved."
    if context.has_forged_vote:
        return "A vote was added or changed outside the application."
    if approval.requester_id is not None and approval.requester_id not in members.holding(PROPOSE):
        return "The requester is no longer allowed to request this."
    if _is_decided_by_rule(approval):
        return ""
    if approval.decided_as == "overridden":
        found = Decision.objects.filter(approval=approval, revision=approval.revision, digest=approval.digest)
        given = found.filter(verdict="override", person__isnull=False)
        people = {row.person_id for row in given if verify(row)}
        if not people or people - members.holding(OVERRIDE).keys() or people & set(approval.excluded):
            return "The person who overrode it is no longer allowed to do so."
        return ""
    for number in range(1, len(approval.snapshot["levels"]) + 1):
        approvers = {vote.person_id for vote in context.votes_at(number) if vote.verdict == "approve"}
        if approvers & set(approval.excluded) or approvers - members.holding(DECIDE).keys():
            return "One of its approvers is no longer allowed to approve it."
        if approvers & approvers_before(context, number):
            return "One person approved it at two steps."
        if tally_level(context, number).result is not Tally.APPROVED:
            return "The votes do not satisfy the workflow."
    return ""


def _is_decided_by_rule(approval: Approval) -> bool:
    if approval.decided_role != "rule":
        return False
    found = Decision.objects.filter(
        approval=approval, revision=approval.revision, digest=approval.digest, actor_kind="rule", verdict="approve"
    )
    return any(verify(row) for row in found)
