"""Keep why somebody did something to a request, beside the votes."""

from __future__ import annotations

from datetime import datetime

from core.actors import Actor
from core.text.clean import clean_text
from hitl.approvals.integrity.decision_mac import sign
from hitl.models import Approval, Decision

LIMIT = 4000


def add_remark(approval: Approval, actor: Actor, verdict: str, reason: str, moment: datetime) -> None:
    """Store a signed decision row that is no vote, such as a question, a hold or an override."""
    row = Decision(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        person_id=actor.user_id,
        actor_kind=actor.kind,
        actor_name="" if actor.user_id else actor.name[:80],
        role=actor.role,
        verdict=verdict[:10],
        reason=clean_text(reason, LIMIT),
        channel="console" if actor.kind == "user" else actor.kind,
        auth_strength=actor.auth_strength,
        address=actor.address[:45],
        created_at=moment,
    )
    sign(row)
    row.save(force_insert=True)
