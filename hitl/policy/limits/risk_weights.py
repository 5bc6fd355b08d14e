"""Set how much each risk factor and kind of action counts."""

from collections.abc import Mapping
from typing import Any, Final

from core.actors import Actor
from core.errors import Invalid
from hitl.actions import registry
from hitl.domain import risk
from hitl.models import RiskPolicy
from hitl.policy.versions import save_version

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
    factors, points = checked(weights, kind_points)
    values = {"weights": factors, "kind_points": points}
    return save_version(actor, RiskPolicy, "RISK_POLICY_SET", reason=reason, seen=seen_version, told=values, **values)


def checked(weights: Mapping[str, Any], kind_points: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """Return weights and points, checked. Raises Invalid."""
    if wrong := sorted(set(weights) - set(risk.FACTORS)):
        raise Invalid("Unknown risk factor.", fields={"weights": [f"Unknown: {', '.join(wrong)}."]})
    factors = {name: _whole(weights.get(name, 1), risk.WEIGHT_MAX, f"weight_{name}") for name in risk.FACTORS}
    if wrong := sorted(kind for kind in kind_points if not registry.is_known(kind)):
        raise Invalid("Unknown action.", fields={"kind_points": [f"Unknown: {', '.join(wrong)}."]})
    points = {kind: _whole(value or 0, risk.KIND_POINTS_MAX, f"points_{kind}") for kind, value in kind_points.items()}
    return factors, {kind: value for kind, value in points.items() if value}


def _whole(value: Any, most: int, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Invalid("A number is out of range.", fields={field: [f"Enter a whole number from 0 to {most}."]})
    return value
