"""Set how much each risk factor and kind of action counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from accounts.versioning import check_version
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.errors import Invalid
from core.text.clean import clean_text
from hitl.actions import registry
from hitl.domain import risk
from hitl.models import RiskPolicy

MANAGE: Final = "hitl.manage_workflow"


def set_risk_policy(
    *,
    actor: Actor,
    weights: Mapping[str, Any],
    kind_points: Mapping[str, Any],
    reason: str = "",
    seen_version: int | None = None,
) -> RiskPolicy:
    """Save a new version of risk scoring; open requests keep their score.

    `weights`: 0 to 3 for each factor; `kind_points`: points added for a kind, 0 to 60. Who may:
    holders of `hitl.manage_workflow`. `seen_version` is the version the change is based on, 0 for none. Raises
    Refused, Invalid, Conflict (`stale_version`).
    """
    actor.require(MANAGE)
    found = checked(weights, kind_points)
    with transaction.atomic():
        advisory_lock("risk policy")
        last = RiskPolicy.objects.order_by("-version").first()
        if last is not None:
            check_version(actor, "hitl.riskpolicy", last, seen_version)
        policy: RiskPolicy = RiskPolicy.objects.create(
            version=1 if last is None else last.version + 1,
            weights=found[0],
            kind_points=found[1],
            reason=clean_text(reason, 300),
            made_by_id=actor.user_id,
        )
        chain.record(
            actor=actor,
            action="RISK_POLICY_SET",
            object_type="hitl.riskpolicy",
            object_id=policy.pk,
            facts={"version": policy.version, "weights": policy.weights, "kind_points": policy.kind_points},
        )
    return policy


def checked(weights: Mapping[str, Any], kind_points: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Return weights and points, checked. Raises Invalid."""
    return _checked_weights(weights), _checked_points(kind_points)


def _checked_weights(weights: Mapping[str, Any]) -> dict[str, int]:
    wrong = sorted(set(weights) - set(risk.FACTORS))
    if wrong:
        raise Invalid("Unknown risk factor.", fields={"weights": [f"Unknown: {', '.join(wrong)}."]})
    return {name: _whole(weights.get(name, 1), risk.WEIGHT_MAX, f"weight_{name}") for name in risk.FACTORS}


def _checked_points(points: Mapping[str, Any]) -> dict[str, int]:
    wrong = sorted(kind for kind in points if not registry.is_known(kind))
    if wrong:
        raise Invalid("Unknown action.", fields={"kind_points": [f"Unknown: {', '.join(wrong)}."]})
    found = {kind: _whole(value or 0, risk.KIND_POINTS_MAX, f"points_{kind}") for kind, value in points.items()}
    return {kind: value for kind, value in found.items() if value}


def _whole(value: Any, most: int, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Invalid("A number is out of range.", fields={field: [f"Enter a whole number from 0 to {most}."]})
    return value
