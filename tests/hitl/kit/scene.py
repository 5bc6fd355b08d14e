"""Shortcuts that tests of the approval engine share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.actors import Actor
from core.models import AuditEntry
from hitl import services
from hitl.actions.base import Origin, Outcome
from hitl.execution import execute
from hitl.execution.claim import Claim
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy.workflows.workflows import revise_workflow
from tests.hitl.kit.effects import Effects
from tests.world import World

PRESS = {"button": "red", "amount": "5.00"}
BLUE = {**PRESS, "button": "blue"}


@dataclass
class Scene:
    """The people of the world around one button."""

    world: World
    effects: Effects

    def actor(self, role: str) -> Actor:
        """Return the tenant's person of the role."""
        return self.world.actor(role)

    def user_id(self, role: str) -> UUID:
        """Return the id of the tenant's person of the role."""
        return self.world.people[role].pk

    def propose(self, kind: str = "test_press_keyed", **options: Any) -> Approval:
        """Ask for a press, as the person of support unless told otherwise."""
        actor = options.pop("actor", None) or self.actor("support")
        options.setdefault("params", PRESS)
        options.setdefault("origin", Origin(requester_user_id=actor.user_id))
        return services.propose(actor=actor, kind=kind, **options)

    def decide(self, approval: Approval, verdict: Any = "approve", **options: Any) -> Approval:
        """Vote, as the approver with what is stored unless told otherwise."""
        actor = options.pop("actor", None) or self.actor("approver")
        options.setdefault("digest", approval.digest)
        return services.decide(actor=actor, approval_id=approval.pk, verdict=verdict, **options)

    def approved(self, kind: str = "test_press_keyed", **options: Any) -> Approval:
        """Return an approved press."""
        return self.decide(self.propose(kind, **options))

    def define(self, *levels: dict[str, Any], **conditions: Any) -> None:
        """Give the workflow other levels (approvers and admins sign unless told otherwise) or conditions."""
        asked = [{"approvers": roles("approver", "admin"), **level} for level in levels] or None
        workflow = ApprovalWorkflow.objects.get()
        revise_workflow(actor=self.actor("owner"), workflow_id=workflow.pk, levels=asked, **conditions)

    def done(self, approval: Approval, now: datetime | None = None) -> Approval:
        """Execute and return the approval as stored."""
        return services.execute(approval.pk, now=now)


def performed(claim: Claim) -> Outcome:
    """Make the call of a claim, to be reported later or never."""
    return execute.call(claim)


def roles(*names: str) -> list[dict[str, str]]:
    """Return the rows of a level that ask people of these roles."""
    return [{"type": "role", "value": name} for name in names]


def people(*ids: UUID) -> list[dict[str, str]]:
    """Return the rows of a level that ask these people."""
    return [{"type": "user", "value": str(each)} for each in ids]


def stored(approval: Approval) -> Approval:
    """Return the row as it is now."""
    found: Approval = Approval.objects.get(pk=approval.pk)
    return found


def states_told(approval: Approval) -> list[tuple[str, str, int]]:
    """Return (old, new, version) of every audit entry of the approval, in order."""
    rows = AuditEntry.objects.filter(object_type="hitl.approval", object_id=approval.pk)
    return [(e.old_state, e.new_state, e.facts["version"]) for e in rows.order_by("seq")]
