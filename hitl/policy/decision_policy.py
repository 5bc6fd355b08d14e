"""The organisation's settings for deciding in the console."""

from typing import Final

from core.actors import Actor
from core.errors import Invalid
from hitl.models import DecisionPolicy
from hitl.policy.models.policies import BATCH_RISKS
from hitl.policy.versions import save_version
from hitl.seals.rules import RuleSeals, read_checked
from hitl.seals.tables import DECISIONS

MANAGE: Final = "hitl.manage_workflow"
UNDO_SECONDS_MAX: Final = 60


def current(seals: RuleSeals | None = None) -> DecisionPolicy:
    """Return the settings in use, the defaults (version 0) if they were never changed. Two queries.

    The strictest ones if the row was changed outside the application.
    """
    known = seals or RuleSeals()

    def read() -> tuple[DecisionPolicy | None, str]:
        last = DecisionPolicy.objects.order_by("-version").first()
        return last, known.problem(DECISIONS, [] if last is None else [last])

    last, problem = read_checked(known, read)
    if problem:
        version = 0 if last is None else last.version
        return DecisionPolicy(version=version, undo_seconds=UNDO_SECONDS_MAX, batch_risk="none")
    return DecisionPolicy(version=0) if last is None else last


def set_decision_policy(
    *, actor: Actor, undo_seconds: int, batch_risk: str, reason: str = "", seen_version: int | None = None
) -> DecisionPolicy:
    """Save a new version of the settings; earlier approvals keep their time.

    `undo_seconds`: 0 to 60; `batch_risk`: the highest risk that is approved in batches, "none" to "high". Who
    may: holders of `hitl.manage_workflow`. `seen_version` is the version the change is based on, 0 for none.
    Raises Refused, Invalid, Conflict (`stale_version`).
    """
    actor.require(MANAGE)
    if isinstance(undo_seconds, bool) or not isinstance(undo_seconds, int) or not 0 <= undo_seconds <= UNDO_SECONDS_MAX:
        say = f"Enter a whole number of seconds from 0 to {UNDO_SECONDS_MAX}."
        raise Invalid(say, fields={"undo_seconds": [say]})
    if batch_risk not in dict(BATCH_RISKS):
        say = "Choose none, low, medium or high."
        raise Invalid(say, fields={"batch_risk": [say]})
    values = {"undo_seconds": undo_seconds, "batch_risk": batch_risk}
    return save_version(
        actor, DecisionPolicy, "DECISION_POLICY_SET", reason=reason, seen=seen_version, told=values, **values
    )
