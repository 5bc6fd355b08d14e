"""Approve-by-email links: find one, and check if it can still decide its request."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings

from accounts.services import actor_for_user
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Gone, Refused, WalkerError
from core.privacy.encryption import digest_of_secret
from core.tenancy import lookups
from hitl.approvals.decide import rights
from hitl.approvals.state import assignments
from hitl.approvals.state.conflicts import winner
from hitl.approvals.state.context import DecisionContext, substitutes_at
from hitl.decision_links.secrets import is_genuine
from hitl.domain.eligibility import with_substitutes
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import Event
from hitl.domain.strictness import required_strength
from hitl.models import Approval, Assignment, Decision, DecisionToken
from hitl.notification_channels import people_who_can_read_mail
from hitl.policy import link_policy

CHANNEL: Final = "email_link"
STRENGTH: Final = "link"
OUTSIDE: Final = (STRENGTH, "slack")
"""How people decide without a session: one who can forge such a decision could vote for two."""
EITHER: Final = "either"
CEILING: Final = 75
"""From this score (critical) no request can be decided by link, regardless of the settings."""
_LEVELS: Final = ("low", "medium", "high")
_REPLACED: Final = "This link was used or replaced, or email approvals were disabled. Use the newest one, or sign in."
_ENDS: Final[Mapping[str, str]] = {
    DecisionToken.End.USED: "This link has already decided the request. Sign in to change your decision.",
    DecisionToken.End.NEWER: "This link was replaced by a newer one. Use that one.",
    DecisionToken.End.DELEGATED: (
        "This link ended when the request was delegated to someone else. It's yours again: sign in to decide."
    ),
    DecisionToken.End.REMOVED: "This link ended when you were removed from the approvers. Sign in to decide.",
}
_EVENTS: Final = {"approve": Event.APPROVE, "reject": Event.REJECT}


@dataclass(frozen=True, slots=True)
class LinkRef:
    """The ids of a link, found before its tenant's scope is entered."""

    tenant_id: UUID
    token_id: UUID


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a link is opened from: address, program, and the user who is signed in there, if any."""

    address: str = ""
    user_agent: str = ""
    visitor: UUID | None = None


UNSEEN: Final = Visit()


@dataclass(frozen=True)
class OpenedLink:
    """A link with its request, its person with their current role, and what prevents a decision."""

    token: DecisionToken
    approval: Approval
    viewer: Actor | None
    problem: WalkerError | None

    @property
    def may_know(self) -> bool:
        """Return True if the person may see the request."""
        return self.viewer is not None and self.viewer.may("hitl.view_approval")


def find_link(secret: str) -> LinkRef | None:
    """Find a link by its secret, without a scope; None if there is none."""
    found = lookups.find("decision_link", digest_of_secret(secret))
    return LinkRef(found[0]["tenant_id"], found[0]["id"]) if found else None


def open_link(token_id: UUID, visit: Visit = UNSEEN) -> OpenedLink:
    """Read a link with its request, in the tenant's scope; changes nothing. Raises NotFound."""
    token = get_or_missing(DecisionToken.objects.select_related("person").filter(pk=token_id))
    approval: Approval = Approval.objects.get(pk=token.approval_id)
    try:
        viewer = actor_of(token, visit)
    except WalkerError as problem:
        return OpenedLink(token, approval, None, problem)
    try:
        check(token, approval, viewer, clock_now())
    except WalkerError as problem:
        return OpenedLink(token, approval, viewer, problem)
    return OpenedLink(token, approval, viewer, None)


def actor_of(token: DecisionToken, visit: Visit) -> Actor:
    """Return the person of a link as an actor with their current role.

    Raises Gone for former members, Refused when someone else is signed in: a forwarded link decides nothing.
    """
    if visit.visitor not in (None, token.person_id):
        raise Refused("This link is for someone else.", code="other_person")
    try:
        return actor_for_user(token.person, address=visit.address, user_agent=visit.user_agent, auth_strength=STRENGTH)
    except Refused:
        raise Gone("This link is no longer valid.", code="no_membership") from None


def check(token: DecisionToken, approval: Approval, actor: Actor, moment: datetime, *, verdict: str = "") -> None:
    """Raise Conflict, Gone or Refused if this link can't decide the request now."""
    if not is_genuine(token):
        raise Gone("This link is not valid. Sign in to decide.", code="not_genuine")
    wanted = verdict or (token.verdict if token.verdict in _EVENTS else "approve")
    actor.require(DECIDE)
    context = DecisionContext.load(approval, moment)
    rights.check_approver(context, actor, _EVENTS[wanted], token.revision_digest)
    if actor.user_id in context.voters():
        raise Conflict("You've already decided.", code="voted", **winner(approval, actor))
    policy = link_policy.current(context.seals)
    if policy.why_off:
        raise _sign_in(policy.why_off)
    if token.consumed_at is not None or token.policy_version != policy.version:
        raise Gone(_ENDS.get(token.ended_by, _REPLACED), code="replaced", why=token.ended_by)
    if moment >= token.expires_at:
        raise Gone("This link has expired.", code="link_expired")
    why = _why_not_by_link(approval) or why_mail_is_unsafe(approval, moment)
    if why:
        raise _sign_in(why)


def _sign_in(why: str) -> Refused:
    return Refused("Sign in to decide this request.", code="sign_in", why=why)


def can_be_decided_by_link(approval: Approval) -> bool:
    """Return True if an email link may decide this request without signing in."""
    return not why_sign_in(approval) and not why_mail_is_unsafe(approval, clock_now())


def why_sign_in(approval: Approval) -> str:
    """Return why deciding requires signing in: "off", "off_here", "risk", "strength" or "".

    An unknown risk counts as too high. One query.
    """
    return link_policy.current().why_off or _why_not_by_link(approval)


def _why_not_by_link(approval: Approval) -> str:
    if required_strength(approval.current_level) > 0:
        return "strength"
    line = min(settings.DECISION_LINKS_BELOW, CEILING)
    is_known = isinstance(approval.risk_score, int) and approval.risk_level in _LEVELS
    return "" if is_known and approval.risk_score < line else "risk"


def why_mail_is_unsafe(approval: Approval, moment: datetime) -> str:
    """Return why a mail link is unsafe, "" if it is safe: members who read outgoing mail could use another's link."""
    return why_unsafe(approval, people_who_can_read_mail(), moment)


def why_unsafe(approval: Approval, forgers: Collection[UUID], moment: datetime) -> str:
    """Return why a decision without a session is unsafe while some members could forge one, or "" if it is safe.

    "twice": such a decision was already made, so one of them could vote for two. "mail": one of them contributed
    to the request or approves it (was assigned, voted, or would be asked at a later level, also as a substitute),
    so they could decide their own request or vote for two.
    """
    if not forgers:
        return ""
    if Decision.objects.filter(approval=approval, auth_strength__in=OUTSIDE).exists():
        return "twice"
    barred = with_substitutes(forgers, substitutes_at(moment))
    assigned = Assignment.objects.filter(approval=approval).values_list("person_id", flat=True)
    votes = Decision.objects.filter(approval=approval, person__isnull=False).values_list("person_id", flat=True)
    to_come = (
        assignments.plan(level, approval.excluded, moment) for level in approval.snapshot["levels"][approval.level :]
    )
    asked_later = (holder.person_id for plan in to_come for holder in plan.holders)
    return "" if barred.isdisjoint([*approval.excluded, *assigned, *votes, *asked_later]) else "mail"
