"""The columns of an approval that follow from its payload, facts and risk, or from its decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from core.actors import Actor
from core.privacy.visible_text import visible_document
from core.tenancy.scope import current_tenant_id
from core.text.clean import clean_text
from hitl.actions.base import Facts
from hitl.actions.registry import AnyKind
from hitl.domain import risk
from hitl.domain.digest import approval_digest, plain, sha256_of
from hitl.models import Approval
from hitl.policy.workflows.select import Assessed


def request_columns(kind: AnyKind, params: BaseModel, payload: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """Return the columns that follow from the payload and the facts."""
    preview = kind.preview(params, facts)
    # The texts come from outside: approvers must see every character of them.
    shown = visible_document(plain(preview.as_dict()))
    # Only a web address that an approver can follow.
    return {
        "kind": kind.key,
        "kind_version": kind.version,
        "payload": payload,
        "summary": clean_text(shown["headline"], 300),
        "preview": shown,
        "preview_url": (
            preview.link if len(preview.link) <= 500 and preview.link.startswith(("https://", "http://")) else ""
        ),
        "facts": facts,
        "facts_digest": sha256_of(facts),
    }


def risk_columns(assessed: Assessed) -> dict[str, Any]:
    """Return the columns that follow from the assessment."""
    return {
        "risk_score": assessed.risk.score,
        "risk_level": assessed.risk.level,
        "risk_factors": assessed.risk.factor_rows(),
        "risk_version": risk.VERSION,
        "risk_policy": assessed.risk.policy,
        "cost": assessed.estimate.cost,
        "currency": assessed.estimate.currency[:3],
        "reach": assessed.estimate.reach,
    }


def decision_columns(actor: Actor, word: str, moment: datetime) -> dict[str, Any]:
    """Return the columns that name who decided, how and when."""
    return {
        "decided_at": moment,
        "decided_by_id": actor.user_id,
        "decided_name": actor.name if actor.user_id is None else "",
        "decided_role": actor.role,
        "decided_as": word,
    }


def digest_of(approval: Approval, *, revision: int | None = None) -> str:
    """Return the digest of the stored request."""
    return approval_digest(
        tenant_id=current_tenant_id(),
        approval_id=approval.pk,
        revision=revision or approval.revision,
        kind=approval.kind,
        kind_version=approval.kind_version,
        payload=approval.payload,
    )
