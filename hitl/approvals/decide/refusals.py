"""Refusals in plain words: why somebody may not act, since when, and who may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.selectors import Roster, names_of, tenant_zone
from core.actors import Actor
from core.audit import chain
from core.audit.refusals import Watched, note_refusal
from core.clock import now as clock_now
from core.errors import Conflict, Refused, WalkerError
from hitl.approvals.decide import rights
from hitl.approvals.decide.rights import BY_APPROVERS, Reason
from hitl.approvals.state.conflicts import in_words
from hitl.approvals.state.context import DecisionContext
from hitl.domain.eligibility import with_substitutes
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import WAITING, Event, State
from hitl.models import Approval, Revision
from hitl.notification_channels import people_who_can_read_mail

NameReader = Callable[[Iterable[UUID | None]], Mapping[UUID, str]]
WATCHED: Final = Watched(
    "hitl.approval",
    frozenset(
        {
            *("four_eyes", "not_an_approver", "approved_earlier_step", "not_yours", "not_a_person", "not_allowed"),
            *("weak_sign_in", "no_break_glass", "no_edit_right", "not_found"),
            *("stale_digest", "tampered", "not_genuine", "no_membership", "other_person", "other_verdict"),
        }
    ),
)
"""The refusals that are noted in the audit log: more than a mistake or the loss of a race."""
NAMED: Final = 3
"""How many of the people who can decide are named."""
COLLEAGUE: Final = "a colleague"
PARTS: Final = {
    "requester": "You requested this",
    "acted_for": "An agent requested this for you",
    "editor": "You edited this request",
    "resubmitter": "You resubmitted this request",
    "agent_owner": "You own the agent that requested this",
    "mail_reader": "You can read the mails with links to approve this request",
    "substitute": "You substitute for {name}, who contributed to this request",
    "contributor": "You contributed to this request",
}
_MOVES: Final = {
    Event.ESCALATE: "escalate it",
    Event.REASSIGN: "change its approvers",
    Event.OVERRIDE: "approve it in an emergency",
    Event.RELEASE: "release it",
    Event.RESOLVE: "record its outcome",
}
_ASSIGNMENT: Final = {
    "role": "Your role can no longer approve requests.",
    "membership": "You're no longer an active member of this organisation.",
    "away": "You're out of office, so {name} decides for you. End your absence to decide it yourself.",
    "substitution_over": "You no longer substitute for {name}, who decides this again.",
    "delegated": "You delegated this request to {name}{on}.",
    "removed": "You were removed from the approvers of this step{on}.",
    "replaced": "Others were asked to decide this instead of you{on}.",
    "not_asked": "You're not an approver of this step.",
}
_FOR_OTHERS: Final = "You decide this for {name}, who was removed from the approvers of this step{on}."
_OTHERS: Final = {
    "not_yours": "Only the requester can do this.",
    "not_a_person": "Only a person can decide.",
    "not_allowed": "Your role can no longer do this.",
    "no_break_glass": "The workflow of this request doesn't allow overriding.",
    "approved_earlier_step": ("You approved an earlier step, and this request needs different people at each step."),
    "weak_sign_in": "Sign in with a second factor to decide this.",
}


def why_not_decide(*, viewer: Actor, approval: Approval, now: datetime | None = None) -> WalkerError | None:
    """Return why the viewer can't decide an approval now, None if they can; for pages and the API.

    No query for people who may never decide and for requests that don't wait.
    """
    moment = now or clock_now()
    if not viewer.may(DECIDE):
        return Refused("Your role doesn't allow this.", code="not_allowed")
    if approval.state != State.PENDING or moment >= approval.expires_at:
        return Conflict("This request isn't waiting for a decision.")
    context = DecisionContext.load(approval, moment)
    reason = rights.why_not(context, viewer, Event.APPROVE)
    return None if reason is None else refusal(context, viewer, Event.APPROVE, reason)


def note_refused_move(problem: WalkerError, *, actor: Actor, approval_id: UUID | None, move: str, channel: str) -> None:
    """Note a refused move in the audit log.

    For callers besides the API and the console, which note refusals by themselves. Call it after the refused
    transaction was rolled back. The log keeps a limited number of entries per actor.
    """
    note_refusal(WATCHED, problem, actor=actor, object_id=approval_id, move=move, channel=channel)


def refuse_without_right(context: DecisionContext, actor: Actor, event: Event) -> None:
    """Raise Refused unless the actor has the right to a move now, apart from how strongly they signed in."""
    reason = rights.why_no_right(context, actor, event)
    if reason is not None:
        raise refusal(context, actor, event, reason)


def refuse_lost_role(members: Roster, actor: Actor, permission: str) -> None:
    """Raise Refused when a person's membership or role no longer gives them a permission."""
    reason = rights.why_not_entitled(members, actor, permission)
    if reason is not None:
        raise Refused(_OTHERS[reason.code], code=reason.code)


def refuse_weak_sign_in(context: DecisionContext, actor: Actor, event: Event) -> None:
    """Raise Refused when a move requires a stronger sign-in."""
    reason = rights.why_weak_sign_in(context.approval, actor, event)
    if reason is not None:
        raise refusal(context, actor, event, reason)


def refusal(
    context: DecisionContext, actor: Actor, event: Event, reason: Reason, *, read_names: NameReader = names_of
) -> Refused:
    """Return the error for a reason, in words for this actor.

    Five queries at most; `read_names` saves a page that has read the members already one or two.
    """
    # Names are for people who may view approvals.
    names = read_names if actor.may("hitl.view_approval") else _nobody
    if reason.code == "four_eyes":
        return _four_eyes(context, actor, event, names)
    if reason.code == "not_an_approver":
        return _not_an_approver(context, reason, names)
    return Refused(_OTHERS[reason.code], code=reason.code)


def _not_an_approver(context: DecisionContext, reason: Reason, names: NameReader) -> Refused:
    name = names([reason.person_id]).get(reason.person_id, COLLEAGUE) if reason.person_id else ""
    words = _FOR_OTHERS if reason.why == "removed" and name else _ASSIGNMENT[reason.why]
    say = words.format(name=name, on=f" on {in_words(reason.at, tenant_zone())}" if reason.at else "")
    facts: dict[str, Any] = {"why": reason.why}
    if reason.at is not None:
        facts["since"] = reason.at.isoformat()
    if reason.why != "not_asked":
        return Refused(f"{say[:1].upper()}{say[1:]}", code=reason.code, **facts)
    others, about = _who_can_decide(context, names)
    return Refused(f"{say} {others}", code=reason.code, **facts, **about)


def _four_eyes(context: DecisionContext, actor: Actor, event: Event, names: NameReader) -> Refused:
    part, whose = _part_of(context, actor.user_id)
    name = names([whose]).get(whose, COLLEAGUE) if whose else ""
    say = f"{PARTS[part].format(name=name)}, so you can't {_MOVES.get(event, 'decide it')}."
    if event not in BY_APPROVERS or context.approval.state not in WAITING:
        return Refused(f"{say} Someone else must do this.", code="four_eyes", part=part)
    others, about = _who_can_decide(context, names)
    return Refused(f"{say} {others}", code="four_eyes", part=part, **about)


def _part_of(context: DecisionContext, person_id: UUID | None) -> tuple[str, UUID | None]:
    """Return which part a person had in a request, and the person they substitute for, if any."""
    approval = context.approval
    if person_id not in approval.excluded:
        substitutes = context.directory.substitutes
        whose = next((each for each in approval.excluded if person_id in with_substitutes([each], substitutes)), None)
        return "substitute", whose
    if person_id == approval.requester_id:
        return "acted_for" if approval.requester_kind == "agent" else "requester", None
    changed = Revision.objects.filter(approval=approval, person_id=person_id).order_by("-revision").first()
    if changed is not None:
        return "editor" if changed.event == Event.EDIT else "resubmitter", None
    return _part_at_the_request(approval, person_id), None


def _part_at_the_request(approval: Approval, person_id: UUID | None) -> str:
    """Return the part that the audit log has kept since the request was made."""
    asked = chain.last_of("hitl.approval", approval.pk, lambda entry: entry.action == "APPROVAL_PROPOSE")
    if asked is not None and asked.facts.get("agent_owner") == str(person_id):
        return "agent_owner"
    if asked is not None and str(person_id) in asked.facts.get("contributors", ()):
        return "contributor"
    return "mail_reader" if person_id in people_who_can_read_mail() else "contributor"


def _who_can_decide(context: DecisionContext, read_names: NameReader) -> tuple[str, dict[str, Any]]:
    """Return in words and as facts who can decide at the current level."""
    here = context.assignments_at(context.approval.level)
    people = sorted({row.person_id for row in here if rights.valid_assignments(context, row.person_id)})
    if not people:
        return "Nobody can decide it at the moment; administrators were notified.", {"deciders": 0}
    known = read_names(people)
    names = sorted(known[person] for person in people if person in known)
    count = len(people)
    if not names:
        return f"{count} {'person' if count == 1 else 'people'} can decide it.", {"deciders": count}
    listed = names[:NAMED] + ([f"{count - NAMED} more"] if count > NAMED else [])
    words = listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
    return f"{words} can decide it.", {"deciders": count, "decider_names": names}


def _nobody(people: Iterable[UUID | None]) -> dict[UUID, str]:
    return {}
