"""The organisation's settings for deciding in the console."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from accounts.versioning import check_version
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.errors import Invalid
from core.text.clean import clean_text
from hitl.models import DecisionPolicy
from hitl.policy.models.policies import BATCH_RISKS

MANAGE: Final = "hitl.manage_workflow"
UNDO_SECONDS_MAX: Final = 60


def current() -> DecisionPolicy:
    """Return the settings in use, the defaults (version 0) if they were never changed. One query."""
    last: DecisionPolicy | None = DecisionPolicy.objects.order_by("-version").first()
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
    _check_seconds(undo_seconds)
    if batch_risk not in dict(BATCH_RISKS):
        say = "Choose none, low, medium or high."
        raise Invalid(say, fields={"batch_risk": [say]})
    with transaction.atomic():
        advisory_lock("decision policy")
        last = current()
        if last.version:
            check_version(actor, "hitl.decisionpolicy", last, seen_version)
        policy: DecisionPolicy = DecisionPolicy.objects.create(
            version=last.version + 1,
            undo_seconds=undo_seconds,
            batch_risk=batch_risk,
            reason=clean_text(reason, 300),
            made_by_id=actor.user_id,
        )
        chain.record(
            actor=actor,
            action="DECISION_POLICY_SET",
            object_type="hitl.decisionpolicy",
            object_id=policy.pk,
            facts={"version": policy.version, "undo_seconds": undo_seconds, "batch_risk": batch_risk},
        )
    return policy


def _check_seconds(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= UNDO_SECONDS_MAX:
        say = f"Enter a whole number of seconds from 0 to {UNDO_SECONDS_MAX}."
        raise Invalid(say, fields={"undo_seconds": [say]})
