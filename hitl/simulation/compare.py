"""Compare what two sets of rules ask of the same request (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hitl.domain import matching
from hitl.domain.auto_rules import AutoRule
from hitl.domain.risk import RiskAssessment
from hitl.domain.strictness import is_no_weaker

CATEGORIES: Final = (
    "same", "stricter", "weaker", "other_workflow", "other_approvers", "automatic", "people", "rejected", "held",
)  # fmt: skip
MORE: Final = frozenset({"stricter", "people", "rejected", "held"})
LESS: Final = frozenset({"weaker", "automatic"})


@dataclass(slots=True)
class Evaluated:
    """What one set of rules asks of a request."""

    subject: matching.Subject
    risk: RiskAssessment
    snapshot: Mapping[str, Any]
    auto: AutoRule | None
    held: str = ""
    """Why a spending limit would hold it after the approval, or ""."""

    @property
    def verdict(self) -> str:
        """Return what a rule decides, or "" if people do."""
        return "" if self.auto is None else self.auto.verdict


def categorise(before: Evaluated, after: Evaluated) -> str:
    """Return the one category in which a request would differ, or `same`."""
    if after.held and not before.held:
        return "held"
    if after.verdict != before.verdict:
        return {"reject": "rejected", "approve": "automatic", "": "people"}[after.verdict]
    if before.held and not after.held:
        return "weaker"
    if after.verdict:
        return "same"  # the same rule or another one: nobody is asked either way
    is_stricter = asks_no_less(before.snapshot, after.snapshot)
    if is_stricter is not asks_no_less(after.snapshot, before.snapshot):
        return "stricter" if is_stricter else "weaker"
    if before.snapshot["workflow"] != after.snapshot["workflow"]:
        return "other_workflow"
    return "same" if is_stricter else "other_approvers"


def asks_no_less(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return True if the new snapshot asks for all that the old one asks for.

    Deadlines, reminders and escalation are not compared.
    """
    if old.get("distinct_approvers") and not new.get("distinct_approvers"):
        return False
    if new.get("allow_override") and not old.get("allow_override"):
        return False
    return is_no_weaker(old, new)
