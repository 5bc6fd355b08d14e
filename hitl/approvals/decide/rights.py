"""Who may act on a request: the one rule that every move, page and endpoint asks, and refusals in plain words."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from accounts.selectors import Roster, names_of, tenant_zone
from core.actors import Actor
from core.audit import chain
from core.audit.refusals import Watched, note_refusal
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused, WalkerError
from hitl.approvals.state.conflicts import expired, in_words, stale_digest, tampered, too_late, winner
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.outcomes import digest_of
from hitl.approvals.state.votes import approvers_before
from hitl.domain.eligibility import original_person, substitute_for, with_substitutes
from hitl.domain.permissions import DECIDE, HOLD, OVERRIDE, PROPOSE, REASSIGN, RESOLVE
from hitl.domain.state_machine import WAITING, Event, State, may
from hitl.domain.strictness import AUTH_STRENGTH, required_strength
from hitl.models import Approval, Assignment, Revision
from hitl.notification_channels import people_who_can_read_mail

BY_APPROVERS: Final = frozenset({Event.APPROVE, Event.REJECT, Event.EDIT, Event.ASK, Event.SEND_BACK, Event.DELEGATE})
BY_REQUESTER: Final = frozenset({Event.ANSWER, Event.RESUBMIT})
ADMINS: Final = frozenset({"owner", "admin", "system"})
_NEEDS: Final[Mapping[Event, str]] = {
    **dict.fromkeys(BY_APPROVERS, DECIDE),
    **dict.fromkeys(BY_REQUESTER, PROPOSE),
    Event.REASSIGN: REASSIGN,
    Event.ESCALATE: REASSIGN,
    Event.OVERRIDE: OVERRIDE,
    Event.RELEASE: HOLD,
    Event.RESOLVE: RESOLVE,
}
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
KEY: Final = "key"
_NEEDS_KEY: Final = "Only someone who confirmed with a security key or passkey can decide this, in the console."


class Reason(NamedTuple):
    """Why a person may not act: the code of the refusal, and what happened in one word.

    `person_id` is the other person in the sentence, such as the one who decides instead; `at` is when it happened.
    """

    code: str
    why: str = ""
    person_id: UUID | None = None
    at: datetime | None = None


def why_not(context: DecisionContext, actor: Actor, event: Event) -> Reason | None:
    """Return why an actor may not make a move at this moment, or None if they may.

    Active member, role, four eyes, and for approvers a valid assignment and different people at each step;
    the strength of the sign-in comes last.
    """
    return why_no_right(context, actor, event) or why_weak_sign_in(context.approval, actor, event)


def why_no_right(context: DecisionContext, actor: Actor, event: Event) -> Reason | None:
    """Return why an actor has no right to a move, however strongly they signed in; None if they have it."""
    approval, person_id = context.approval, actor.user_id
    if event in BY_REQUESTER:
        if not is_own(approval, actor):
            return Reason("not_yours")
        return None if person_id is None else _why_role_is_lost(context, person_id, event)
    if person_id is None or (event is Event.OVERRIDE and actor.kind != "user"):
        return Reason("not_a_person")
    if event in BY_APPROVERS:
        lost = why_not_eligible(context, person_id)
        return lost or (None if valid_assignments(context, person_id) else _what_happened(context, person_id))
    if person_id in context.excluded_people():
        return Reason("four_eyes")
    if event is Event.OVERRIDE and approval.snapshot.get("allow_override") is not True:
        return Reason("no_break_glass")
    return _why_role_is_lost(context, person_id, event)


def why_not_eligible(context: DecisionContext, person_id: UUID) -> Reason | None:
    """Return why nobody may assign the current level to a person, or None if they could be asked."""
    if person_id in context.excluded_people():
        return Reason("four_eyes")
    if person_id in approvers_before(context):
        return Reason("approved_earlier_step")
    return _why_role_is_lost(context, person_id, Event.APPROVE)


def _why_role_is_lost(context: DecisionContext, person_id: UUID, event: Event) -> Reason | None:
    lost = _why_lost(context.members, person_id, _NEEDS[event])
    return lost._replace(code="not_an_approver") if lost and event in BY_APPROVERS else lost


def why_not_entitled(members: Roster, actor: Actor, permission: str) -> Reason | None:
    """Return why a person's membership or role no longer gives them a permission, for any request.

    The system and agents without a person behind them have no membership to lose.
    """
    return None if actor.user_id is None else _why_lost(members, actor.user_id, permission)


def is_admin(members: Roster, actor: Actor) -> bool:
    """Return True for the system and for people who are administrators now."""
    return actor.role in ADMINS and (actor.user_id is None or members.roles.get(actor.user_id) in ADMINS)


def _why_lost(members: Roster, person_id: UUID, permission: str) -> Reason | None:
    if person_id in members.holding(permission):
        return None
    return Reason("not_allowed", "role" if person_id in members.roles else "membership")


def valid_assignments(context: DecisionContext, person_id: UUID | None) -> list[Assignment]:
    """Return the open assignments of a person at the current level by which they may decide now."""
    level, entitled = context.approval.level, set(context.level_assignments(context.approval.level).entitled)
    return [
        row
        for row in context.assignments_at(level)
        if row.person_id == person_id
        and row.closed_at is None
        and (row.person_id, row.group) in entitled
        and _still_substitutes(context, row)
    ]


def is_own(approval: Approval, actor: Actor) -> bool:
    """Return True if the actor submitted the request, or is the agent that did."""
    if actor.user_id is not None and actor.user_id == approval.requester_id:
        return True
    return actor.kind == "agent" and actor.id is not None and actor.id == approval.agent_id


def _still_substitutes(context: DecisionContext, row: Assignment) -> bool:
    """A substitute decides only while the person who is away is away."""
    if row.rightful_id is None:
        return True
    return substitute_for(row.rightful_id, context.directory.substitutes)[0] == row.person_id


def _what_happened(context: DecisionContext, person_id: UUID) -> Reason:
    """Return what became of a person's assignment to the current level."""
    code, here = "not_an_approver", context.assignments_at(context.approval.level)
    mine = [row for row in here if row.person_id == person_id]
    kept = [row for row in mine if row.moved_at is None]
    for row in kept:
        if row.closed_at is None and not _still_substitutes(context, row):
            return Reason(code, "substitution_over", row.rightful_id)
        first = original_person(row)
        return Reason(code, "removed", None if first == person_id else first, row.closed_at)
    substitutes = [row for row in here if row.rightful_id == person_id and row.moved_at is None]
    if substitutes:
        return Reason(code, "away", substitutes[0].person_id)
    for row in mine:
        if row.rightful_id is not None:
            return Reason(code, "substitution_over", row.rightful_id, row.moved_at)
        later = [
            each
            for each in here
            if each.moved_at is None and each.group == row.group and each.for_person_id == original_person(row)
        ]
        if later:
            return Reason(code, "delegated", later[0].person_id, row.moved_at)
    return Reason(code, "replaced", None, mine[0].moved_at) if mine else Reason(code, "not_asked")


def why_weak_sign_in(approval: Approval, actor: Actor, event: Event) -> Reason | None:
    """Return a reason when a move requires a stronger sign-in, which the level or the move decides."""
    if event is Event.OVERRIDE:
        return None if actor.has_second_factor else Reason("weak_sign_in")
    if event not in BY_APPROVERS or event is Event.DELEGATE:
        return None
    needed = required_strength(approval.current_level)
    if AUTH_STRENGTH.get(actor.auth_strength, 0) >= needed:
        return None
    return Reason("weak_sign_in", KEY if needed >= AUTH_STRENGTH[KEY] else "")


def check_state(approval: Approval, actor: Actor, event: Event, moment: datetime) -> None:
    """Raise Conflict that names who was faster when the event cannot happen any more, or `tampered`."""
    if not may(event, State(approval.state)):
        raise too_late(approval, actor)
    if approval.is_undecided and moment >= approval.expires_at:
        raise expired(approval, actor)
    check_not_modified(approval, actor)


def check_digest(approval: Approval, actor: Actor, digest: str) -> None:
    """Raise Conflict unless the actor was shown the approval as it is now."""
    if digest != approval.digest:
        raise stale_digest(approval, actor, digest)


def check_not_modified(approval: Approval, actor: Actor) -> None:
    """Raise Conflict when a request was changed outside the application: nothing new is built on it."""
    if approval.broken_seal or digest_of(approval) != approval.digest:
        raise tampered(approval, **winner(approval, actor))


def check_approver(context: DecisionContext, actor: Actor, event: Event, digest: str) -> list[Assignment]:
    """Check everything an approver needs for an action and return their assignments.

    Raises Conflict (too late, expired, stale digest) and Refused (four eyes, not assigned, weak sign-in).
    """
    approval = context.approval
    check_state(approval, actor, event, context.moment)
    refuse_without_right(context, actor, event)
    check_digest(approval, actor, digest)
    refuse_weak_sign_in(context, actor, event)
    return valid_assignments(context, actor.user_id)


def require_text(name: str, text: str, say: str) -> None:
    """Raise Invalid for an empty text that is required."""
    if not text.strip():
        raise Invalid(say, fields={name: [say]})


def why_not_decide(*, viewer: Actor, approval: Approval, now: datetime | None = None) -> WalkerError | None:
    """Return why the viewer can't decide an approval now, or None if they can.

    No query for people who may never decide and for requests that don't wait.
    """
    moment = now or clock_now()
    if not viewer.may(DECIDE):
        return Refused("Your role doesn't allow this.", code="not_allowed")
    if approval.state != State.PENDING or moment >= approval.expires_at:
        return Conflict("This request isn't waiting for a decision.")
    context = DecisionContext.load(approval, moment)
    reason = why_not(context, viewer, Event.APPROVE)
    return None if reason is None else refusal(context, viewer, Event.APPROVE, reason)


def note_refused_move(problem: WalkerError, *, actor: Actor, approval_id: UUID | None, move: str, channel: str) -> None:
    """Note a refused move in the audit log.

    For callers besides the API and the console, which note refusals by themselves. Call it after the refused
    transaction was rolled back. The log keeps a limited number of entries per actor.
    """
    note_refusal(WATCHED, problem, actor=actor, object_id=approval_id, move=move, channel=channel)


def refuse_without_right(context: DecisionContext, actor: Actor, event: Event) -> None:
    """Raise Refused unless the actor has the right to a move now, apart from how strongly they signed in."""
    reason = why_no_right(context, actor, event)
    if reason is not None:
        raise refusal(context, actor, event, reason)


def refuse_lost_role(members: Roster, actor: Actor, permission: str) -> None:
    """Raise Refused when a person's membership or role no longer gives them a permission."""
    reason = why_not_entitled(members, actor, permission)
    if reason is not None:
        raise Refused(_OTHERS[reason.code], code=reason.code)


def refuse_weak_sign_in(context: DecisionContext, actor: Actor, event: Event) -> None:
    """Raise Refused when a move requires a stronger sign-in."""
    reason = why_weak_sign_in(context.approval, actor, event)
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
    if (reason.code, reason.why) == ("weak_sign_in", KEY):
        return Refused(_NEEDS_KEY, code=reason.code, needs=KEY)
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
    asked = chain.last_of("hitl.approval", approval.pk, lambda entry: entry.action == "APPROVAL_PROPOSE")
    if asked is not None and asked.facts.get("agent_owner") == str(person_id):
        return "agent_owner", None
    took_part = asked is not None and str(person_id) in asked.facts.get("contributors", ())
    return "mail_reader" if not took_part and person_id in people_who_can_read_mail() else "contributor", None


def _who_can_decide(context: DecisionContext, read_names: NameReader) -> tuple[str, dict[str, Any]]:
    """Return in words and as facts who can decide at the current level."""
    here = context.assignments_at(context.approval.level)
    people = sorted({row.person_id for row in here if valid_assignments(context, row.person_id)})
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
