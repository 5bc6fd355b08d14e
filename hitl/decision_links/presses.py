"""Decide by a button in another program, such as Slack, as a person who proved that its user is theirs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.selectors import hold_membership
from accounts.services import actor_for_user
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Refused
from hitl.approvals.decide import rights
from hitl.approvals.decide.decide import EVENTS, Verdict, bar, vote
from hitl.approvals.decide.rights import require_text
from hitl.approvals.state import transitions
from hitl.approvals.state.conflicts import winner
from hitl.approvals.state.context import DecisionContext
from hitl.decision_links.rules import why_sign_in, why_unsafe
from hitl.domain.permissions import DECIDE
from hitl.models import Approval
from hitl.policy import link_policy

PRESSED: Final = "slack"
"""How strongly somebody has signed in who pressed a button: not at all, but the press is theirs."""


@dataclass(frozen=True)
class PressedVote:
    """A button that a person pressed about what a message showed (`digest`).

    `forgers` are people who could send presses in anyone's name.
    """

    person: User
    approval_id: UUID
    verdict: Verdict
    digest: str
    forgers: Collection[UUID] = ()


def decide_by_press(press: PressedVote, *, channel: str, reason: str = "", now: datetime | None = None) -> Approval:
    """Decide as the person who pressed a button, with their current role.

    Who may: a member who is assigned and has not voted, where a link could decide. For channels that have checked
    the press and know its person. A rejection needs a reason. Forgers must not be part of the request, and can't
    approve it afterwards. Runs in the tenant's scope. Raises what `decide` raises, Conflict (`voted`), and Refused
    (`sign_in`, `no_membership`). Announces what `decide` announces.
    """
    moment = now or clock_now()
    actor = actor_of_press(press.person)
    with transaction.atomic():
        hold_membership(press.person.pk)
        # Shared lock: once decisions outside the console are disabled, none that began before can commit.
        link_policy.hold(shared=True)
        approval = locked(Approval, press.approval_id)
        _check(approval, actor, press, moment)
        if press.verdict == "reject":
            require_text("reason", reason, "Give a reason for rejecting this request.")
        with transitions.work_on(approval.pk, moment) as (work, decided):
            barred = bar(decided, press.forgers)
            vote(work, decided, actor, press.verdict, press.digest, reason, channel)
        facts: dict[str, Any] = {"revision": approval.revision, "barred": [str(one) for one in barred]}
        chain.note(actor, "DECIDED_BY_PRESS", approval, channel=channel, **facts)
    return decided


def check_press(press: PressedVote) -> Approval:
    """Return the request if a press could decide it now.

    Asked before its person writes a reason. Raises what `decide_by_press` raises. Changes nothing.
    """
    actor = actor_of_press(press.person)
    with transaction.atomic():
        approval = locked(Approval, press.approval_id)
        _check(approval, actor, press, clock_now())
    return approval


def actor_of_press(person: User) -> Actor:
    """Return the person as an actor who only pressed a button. Raises Refused."""
    return actor_for_user(person, auth_strength=PRESSED)


def _check(approval: Approval, actor: Actor, press: PressedVote, moment: datetime) -> None:
    actor.require(DECIDE)
    context = DecisionContext.load(approval, moment)
    rights.check_approver(context, actor, EVENTS[press.verdict], press.digest)
    if actor.user_id in context.voters():
        raise Conflict("You've already decided.", code="voted", **winner(approval, actor))
    why = why_not_press(approval=approval, forgers=press.forgers, moment=moment)
    if why:
        raise Refused("Sign in to decide this request.", code="sign_in", why=why)


def why_not_press(*, approval: Approval, forgers: Collection[UUID], moment: datetime) -> str:
    """Return why a button may not decide a request, or "" if it may.

    "off", "off_here", "risk", "strength": as for decision links. "twice", "mail": somebody could forge a press.
    """
    return why_sign_in(approval) or why_unsafe(approval, forgers, moment)
