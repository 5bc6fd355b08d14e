"""The workflow of a request on its page: which one, in which version, what it says, and where to read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from core.actors import Actor
from hitl.domain.levels import parts_of
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy.definitions import with_levels
from hitl.policy.describe import sentence, signers
from hitl.policy.labels import labels
from hitl.policy.selectors import VIEW_WORKFLOW
from hitl.policy.workflows import conditions_of, levels_of


@dataclass(frozen=True, slots=True)
class Rule:
    """Why these people are asked."""

    name: str
    version: int
    says: str
    note: str = ""
    url: str = ""


def rule_of(approval: Approval, viewer: Actor) -> Rule:
    """Return the workflow that a request fell under, as it was then. At most four queries."""
    snapshot = approval.snapshot
    if approval.workflow_id is None:
        return Rule("No workflow covers it", 0, "It is held, and nobody is asked: set up a workflow.")
    now = ApprovalWorkflow.objects.filter(pk=approval.workflow_id).prefetch_related(with_levels()).first()
    url = reverse("admin:hitl_approvalworkflow_change", args=[approval.workflow_id])
    may_read = now is not None and viewer.may(VIEW_WORKFLOW)
    is_current = now is not None and now.version == approval.workflow_version
    says = sentence(conditions_of(now), levels_of(now), labels()) if now and is_current else as_kept(snapshot)
    note = "" if is_current else "It has been changed since; this request keeps what held when it was asked."
    return Rule(snapshot.get("name") or "Workflow", approval.workflow_version, says, note, url if may_read else "")


def as_kept(snapshot: Mapping[str, Any]) -> str:
    """Say who signs by the copy that a request keeps."""
    text = signers(snapshot, _levels(snapshot["levels"]), labels())
    return f"{text[:1].upper()}{text[1:]}"


def _levels(stages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return stages as the levels they were made of."""
    parts = [(place, part) for stage in stages for place, part in enumerate(parts_of(stage))]
    return [{**part, "parallel": place > 0} for place, part in parts]
