"""Holding a request back and letting it go again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.last_change import last_change
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid
from hitl.approvals import transitions
from hitl.approvals.checks import check_digest, refuse_if_excluded
from hitl.approvals.conflicts import holder, too_late, winner
from hitl.approvals.hold_reasons import add_hold, can_be_signed, drop_hold
from hitl.approvals.outcomes import note, plan_here
from hitl.domain.state_machine import State
from hitl.killswitch import describe, state
from hitl.models import Approval
from hitl.policy import caps


def hold(*, actor: Actor, approval_id: UUID, reason: str, digest: str = "", now: datetime | None = None) -> Approval:
    """Keep an open request from being executed until it is released; its expiry still runs.

    Who may: holders of `hitl.hold_approval`. Raises Refused, NotFound, Invalid, Conflict.
    """
    actor.require("hitl.hold_approval")
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["A hold needs a reason."]})
    with transitions.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if not approval.is_open:
            raise too_late(approval, actor)
        if digest:
            check_digest(approval, actor, digest)
        if "manual" in approval.holds:
            facts = {**winner(approval, actor), **holder(approval, actor, "manual")}
            raise Conflict(f"{approval.reference} is held already.", code="held", **facts)
        note(approval, actor, "hold", reason, work.moment)
        add_hold(work, approval, actor, "manual", reason)
    return approval


def release(
    *,
    actor: Actor,
    approval_id: UUID,
    name: str = "manual",
    reason: str = "",
    digest: str = "",
    now: datetime | None = None,
) -> Approval:
    """Remove one hold (`manual`, `unsatisfiable`, `kill_switch`, `caps`) and check again.

    Who may: holders of `hitl.hold_approval`; what a person holds is let go by none who had a hand in
    the request (`four_eyes`). A hold whose cause persists stays: Conflict. Raises Refused, NotFound, Conflict.
    """
    actor.require("hitl.hold_approval")
    with transitions.work(now or clock_now()) as work:
        approval = work.lock(approval_id)
        if not approval.is_open:
            raise too_late(approval, actor)
        if name not in approval.holds:
            raise Conflict("There is no such hold.", code="not_held", holds=approval.holds, **winner(approval, actor))
        if name == "manual":
            refuse_if_excluded(approval, actor, work.moment)
        if digest:
            check_digest(approval, actor, digest)
        _check_cause(approval, actor, name, work.moment)
        note(approval, actor, "release", reason, work.moment)
        drop_hold(work, approval, actor, name)
    return approval


def _check_cause(approval: Approval, actor: Actor, name: str, moment: datetime) -> None:
    shortfall = caps.shortfall(approval, moment) if name == caps.HOLD else ""
    if shortfall:
        raise _still_held(approval, actor, name, shortfall)
    if name == "kill_switch" and state.covers(approval):
        say = "It is still stopped with a stop switch. Let that go on first."
        raise _still_held(approval, actor, name, say, **_switch(approval, actor))
    if name != "unsatisfiable" or not approval.is_undecided:
        return
    if approval.state == State.RETURNED or can_be_signed(approval):
        return
    if not plan_here(approval, moment).satisfiable:
        raise _still_held(approval, actor, name, "There is still nobody to sign it.")


def _still_held(approval: Approval, actor: Actor, name: str, say: str, **facts: Any) -> Conflict:
    about = {**winner(approval, actor), **holder(approval, actor, name)}
    return Conflict(say, code="still_held", hold=name, **about, **facts)


def _switch(approval: Approval, actor: Actor) -> dict[str, Any]:
    """Return which switch it is, who threw it, and when."""
    rows = state.thrown_over(kind=approval.kind, agent_id=approval.agent_id)
    if not rows:
        return {}
    switch, told = rows[0], describe.told_of(rows, actor)
    facts = {"switch": str(switch.pk), **last_change(actor, f"hitl.{switch._meta.model_name}", switch.pk)}
    return {**facts, "stopped": told} if told else facts
