"""Decide by a button in another program, such as Slack, as a person who proved that its user is theirs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.services import actor_for_user
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Refused
from hitl.approvals.decide import rights
from hitl.approvals.decide.decide import EVENTS, Verdict, decide
from hitl.approvals.decide.rights import require_text
from hitl.approvals.state.conflicts import winner
from hitl.approvals.state.context import DecisionContext
from hitl.decision_links.rules import why_sign_in, why_unsafe
from hitl.domain.permissions import DECIDE
from hitl.models import Approval
from hitl.policy import link_policy

PRESSED: Final = "slack"
"""How strongly somebody has signed in who pressed a button: not at all, but the press is theirs."""


def decide_by_press(
    *,
    person: User,
    approval_id: UUID,
    verdict: Verdict,
    digest: str,
    channel: str,
    reason: str = "",
    forgers: Collection[UUID] = (),
    now: datetime | None = None,
) -> Approval:
    """Decide as the person who pressed a button, with their current role.

    Who may: a member who is assigned and has not voted, where a link could decide. For channels that have checked
    the press and know its person. `digest` is that of the message; a rejection needs a reason. `forgers` are people
    who could send presses in anyone's name: they must not be part of the request, and can't approve it afterwards.
    Runs in the tenant's scope. Raises what `decide` raises, Conflict (`voted`), and Refused (`sign_in`,
    `no_membership`). Announces what `decide` announces.
    """
    moment = now or clock_now()
    actor = actor_of_press(person)
    with transaction.atomic():
        # Shared lock: once decisions outside the console are disabled, none that began before can commit.
        link_policy.hold(shared=True)
        approval = locked(Approval, approval_id)
        _check(approval, actor, verdict, digest, forgers, moment)
        if verdict == "reject":
            require_text("reason", reason, "Give a reason for rejecting this request.")
        barred = sorted(set(forgers) - set(approval.excluded))
        decided = decide(
            actor=actor,
            approval_id=approval.pk,
            verdict=verdict,
            digest=digest,
            reason=reason,
            channel=channel,
            also_excluded=barred,
            now=moment,
        )
        facts = {"channel": channel, "revision": approval.revision, "barred": [str(one) for one in barred]}
        chain.record(
            actor=actor, action="DECIDED_BY_PRESS", object_type="hitl.approval", object_id=approval.pk, facts=facts
        )
    return decided


def check_press(
    *,
    person: User,
    approval_id: UUID,
    verdict: Verdict,
    digest: str,
    forgers: Collection[UUID] = (),
    now: datetime | None = None,
) -> Approval:
    """Return the request if a press could decide it now.

    Asked before its person writes a reason. Raises what `decide_by_press` raises. Changes nothing.
    """
    actor = actor_of_press(person)
    with transaction.atomic():
        approval = locked(Approval, approval_id)
        _check(approval, actor, verdict, digest, forgers, now or clock_now())
    return approval


def actor_of_press(person: User) -> Actor:
    """Return the person as an actor who only pressed a button. Raises Refused."""
    return actor_for_user(person, auth_strength=PRESSED)


def _check(
    approval: Approval, actor: Actor, verdict: str, digest: str, forgers: Collection[UUID], moment: datetime
) -> None:
    actor.require(DECIDE)
    context = DecisionContext.load(approval, moment)
    rights.check_approver(context, actor, EVENTS[verdict], digest)
    if actor.user_id in context.voters():
        raise Conflict("You've already decided.", code="voted", **winner(approval, actor))
    why = why_not_press(approval=approval, forgers=forgers, moment=moment)
    if why:
        raise Refused("Sign in to decide this request.", code="sign_in", why=why)


def why_not_press(*, approval: Approval, forgers: Collection[UUID], moment: datetime) -> str:
    """Return why a button may not decide a request, or "" if it may.

    "off", "off_here", "risk", "strength": as for decision links. "twice", "mail": somebody could forge a press.
    """
    return why_sign_in(approval) or why_unsafe(approval, forgers, moment)
