"""Decision links: whose one is, what it shows now, and why it decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings

from accounts.services import actor_for_user
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Gone, NotFound, Refused, WalkerError
from core.privacy.encryption import digest_of_secret
from core.tenancy import lookups
from hitl.approvals import assignments, checks
from hitl.approvals.conflicts import winner
from hitl.approvals.context import DecisionContext, substitutes_at
from hitl.domain.eligibility import with_substitutes
from hitl.domain.state_machine import Event
from hitl.domain.strictness import required_strength
from hitl.models import Approval, Decision, DecisionToken, Seat
from hitl.notification_channels import notifiers
from hitl.policy import link_policy

CHANNEL: Final = "email_link"
STRENGTH: Final = "link"
EITHER: Final = "either"
CEILING: Final = 75
"""From this score on (critical) a link decides nothing, whatever the installation has set."""
_LEVELS: Final = ("low", "medium", "high")
_EVENTS: Final = {"approve": Event.APPROVE, "reject": Event.REJECT}


@dataclass(frozen=True, slots=True)
class Found:
    """A link by ids only, as known before its tenant's scope is entered."""

    tenant_id: UUID
    token_id: UUID


@dataclass(frozen=True)
class Opened:
    """A link, what it is about, the person as he is now, and what stands in the way of deciding."""

    token: DecisionToken
    approval: Approval
    viewer: Actor | None
    problem: WalkerError | None

    @property
    def may_know(self) -> bool:
        """Tell whether the person may be told about the request."""
        return self.viewer is not None and self.viewer.may("hitl.view_approval")


def find_link(secret: str) -> Found | None:
    """Return whose link this is, without a scope; None for anything that is none."""
    found = lookups.find("decision_link", digest_of_secret(secret))
    return Found(found[0]["tenant_id"], found[0]["id"]) if found else None


def open_link(
    token_id: UUID, *, address: str = "", user_agent: str = "", visitor: UUID | None = None, now: datetime | None = None
) -> Opened:
    """Return what a link shows at this moment, in its tenant's scope; changes nothing. Raises `NotFound`.

    `visitor` is who is signed in where the link was opened, if anybody is.
    """
    token = DecisionToken.objects.select_related("person").filter(pk=token_id).first()
    if token is None:
        raise NotFound
    approval: Approval = Approval.objects.get(pk=token.approval_id)
    try:
        viewer = actor_of(token, address=address, user_agent=user_agent, visitor=visitor)
    except WalkerError as problem:
        return Opened(token, approval, None, problem)
    try:
        check(token, approval, viewer, now or clock_now())
    except WalkerError as problem:
        return Opened(token, approval, viewer, problem)
    return Opened(token, approval, viewer, None)


def actor_of(token: DecisionToken, *, address: str, user_agent: str, visitor: UUID | None = None) -> Actor:
    """Return the link's person with the role of this moment; raises `Gone` without an active seat.

    Raises `Refused` when somebody else is signed in there: a link that was passed on decides nothing.
    """
    if visitor is not None and visitor != token.person_id:
        raise Refused("This link is for somebody else.", code="other_person")
    try:
        return actor_for_user(token.person, address=address, user_agent=user_agent, auth_strength=STRENGTH)
    except Refused:
        raise Gone("This link no longer counts.", code="no_membership") from None


def check(token: DecisionToken, approval: Approval, actor: Actor, moment: datetime, *, verdict: str = "") -> None:
    """Raise what stands in the way of deciding by this link now: Conflict, Gone or Refused."""
    wanted = verdict or (token.verdict if token.verdict in _EVENTS else "approve")
    actor.require("hitl.decide_approval")
    context = DecisionContext.load(approval, moment)
    checks.check_approver(context, actor, _EVENTS[wanted], token.revision_digest)
    if actor.user_id not in {holder.person_id for holder in context.level_seats(approval.level).entitled}:
        raise Refused("You are not asked to decide this any more.", code="no_seat")
    if actor.user_id in context.voters():
        raise Conflict("You have decided already.", code="voted", **winner(approval, actor))
    policy = link_policy.current()
    if policy.why_off:
        raise _sign_in(policy.why_off)
    if token.consumed_at is not None or token.policy_version != policy.version:
        raise Gone("A newer link took the place of this one.", code="replaced")
    if moment >= token.expires_at:
        raise Gone("This link has expired.", code="link_expired")
    why = _why_not_by_link(approval) or why_read(approval, moment)
    if why:
        raise _sign_in(why)


def _sign_in(why: str) -> Refused:
    return Refused("This is decided after signing in.", code="sign_in", why=why)


def can_be_decided_by_link(approval: Approval) -> bool:
    """Return True if an email link may decide this request without signing in."""
    return not why_sign_in(approval) and not why_read(approval, clock_now())


def why_sign_in(approval: Approval) -> str:
    """Return why a request cannot be decided by link: "off", "off_here", "risk" or "strength"; empty when it can.

    What cannot be told counts as too risky. One query.
    """
    return link_policy.current().why_off or _why_not_by_link(approval)


def _why_not_by_link(approval: Approval) -> str:
    if required_strength(approval.current_level) > 0:
        return "strength"
    line = min(settings.DECISION_LINKS_BELOW, CEILING)
    is_known = isinstance(approval.risk_score, int) and approval.risk_level in _LEVELS
    return "" if is_known and approval.risk_score < line else "risk"


def why_read(approval: Approval, moment: datetime) -> str:
    """Return what a member who may read mails as they leave could do with a link to a request; empty if nobody can.

    "twice": a link was used for it already, and with two he votes for two. "mail": he had a hand in it or
    signs it, and with a co-signer's link he decides his own, or votes for two. Who signs: whoever had a
    seat or a vote, and whom the levels to come would ask now; who sits in for a reader counts as one.
    """
    readers = keepers()
    if not readers:
        return ""
    if Decision.objects.filter(approval=approval, auth_strength=STRENGTH).exists():
        return "twice"
    barred = with_substitutes(readers, substitutes_at(moment))
    return "" if barred.isdisjoint([*approval.excluded, *_signers(approval, moment)]) else "mail"


def keepers() -> set[UUID]:
    """Return who may read mails as they leave: he could use a link that was sent to somebody else."""
    return {person for _, notifier in notifiers.items() for person in notifier().keepers()}


def bar_keepers(approval: Approval) -> list[UUID]:
    """Have those who could have used a link of a locked request sign nothing of it from now on; returns them.

    Whoever is given a seat only afterwards would otherwise be able to vote a second time.
    """
    added = sorted(keepers() - set(approval.excluded))
    if added:
        approval.excluded = sorted({*approval.excluded, *added})
        Approval.objects.filter(pk=approval.pk).update(excluded=approval.excluded)
    return added


def _signers(approval: Approval, moment: datetime) -> set[UUID]:
    seats = Seat.objects.filter(approval=approval).values_list("person_id", flat=True)
    votes = Decision.objects.filter(approval=approval, person__isnull=False).values_list("person_id", flat=True)
    to_come = (
        assignments.plan(level, approval.excluded, moment) for level in approval.snapshot["levels"][approval.level :]
    )
    return {*seats, *votes, *(holder.person_id for plan in to_come for holder in plan.holders)}
