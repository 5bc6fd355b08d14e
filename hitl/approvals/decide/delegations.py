"""Out of office: a person's assignments, present and new, go to a substitute for a time."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.last_change import last_change
from accounts.selectors import roster
from accounts.versioning import conflict_with
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Conflict, Invalid
from core.tenancy.scope import platform_scope
from core.text.clean import clean_text
from hitl.approvals.decide.reassign import hand_over
from hitl.approvals.state import transitions
from hitl.approvals.state.context import DecisionContext
from hitl.approvals.state.revisions import void_tokens
from hitl.approvals.state.votes import approvers_before
from hitl.domain.eligibility import LONGEST_CHAIN, substitute_for, trusted
from hitl.domain.permissions import DECIDE, REASSIGN
from hitl.domain.state_machine import WAITING, Event, State, may
from hitl.models import Assignment, DecisionToken, Delegation
from hitl.notifications import create

SUBSTITUTES: Final[Actor] = system("stand-ins")
LONGEST: Final = timedelta(days=366)
_WAITING: Final = [state.value for state in WAITING]


def open_delegation(
    *,
    actor: Actor,
    to_person: UUID,
    until: datetime,
    starts_at: datetime | None = None,
    from_person: UUID | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> Delegation:
    """Name a substitute for a person, by default oneself, until a moment.

    Who may: for oneself holders of `hitl.decide_approval`, for others of `hitl.reassign_approval`.
    Open assignments without a vote move at once, or when it starts, and come back at the end. Chains
    have five links at most and no circles. A delegation opened for somebody else moves no assignment
    of requests that the person who opened it contributed to. Raises Refused, Invalid, Conflict. Announces nothing.
    """
    moment = now or clock_now()
    actor.require(DECIDE if from_person in (None, actor.user_id) else REASSIGN)
    giver = from_person or actor.require_person("Only a person can be out of office.")
    start = starts_at or moment
    _check(actor, giver, to_person, start, until, moment)
    with transaction.atomic():
        row: Delegation = Delegation.objects.create(
            from_person_id=giver,
            to_person_id=to_person,
            opened_by_id=actor.user_id,
            starts_at=start,
            until=until,
            reason=clean_text(reason, 200),
        )
        _audit(actor, "DELEGATION_OPENED", row)
    if start <= moment:
        align_delegation(delegation_id=row.pk, now=moment)
    return row


def _check(actor: Actor, giver: UUID, to: UUID, start: datetime, until: datetime, moment: datetime) -> None:
    problems: dict[str, list[str]] = {}
    if until <= max(start, moment) or until - start > LONGEST:
        problems["until"] = ["Choose a later day, within a year."]
    deciders = roster().holding(DECIDE)
    if to == giver or to not in deciders:
        problems["to_person"] = ["Choose a colleague who can approve."]
    if giver not in deciders:
        problems["from_person"] = ["This person can't approve requests."]
    if problems:
        raise Invalid("The delegation can't be saved. Check the fields below.", fields=problems)
    others = list(Delegation.objects.filter(starts_at__lt=until, until__gt=start, ended_at=None))
    same = next((row for row in others if row.from_person_id == giver), None)
    if same is not None:
        say = "There is already a delegation for that time. End it first."
        raise conflict_with(say, code="already_away", actor=actor, object_type="hitl.delegation", row=same)
    links = [(row.from_person_id, row.to_person_id) for row in others]
    ahead = _reach(to, links)
    behind = _reach(giver, [(b, a) for a, b in links])
    if giver in ahead:
        raise Invalid(
            "That would make a circle.", fields={"to_person": ["It would lead back to the person who is away."]}
        )
    if max(ahead.values()) + max(behind.values()) + 1 > LONGEST_CHAIN:
        raise Invalid(
            "Too many people would substitute for one another.",
            fields={"to_person": ["Choose a person who is not away."]},
        )


def _reach(start: UUID, links: list[tuple[UUID, UUID]]) -> dict[UUID, int]:
    """Return everybody reachable from a person, with the longest distance in links, bounded."""
    found, edge = {start: 0}, {start}
    for step in range(1, LONGEST_CHAIN + 2):
        edge = {b for a, b in links if a in edge}
        found.update(dict.fromkeys(edge, step))
    return found


def end_delegation(*, actor: Actor, delegation_id: UUID, now: datetime | None = None) -> Delegation:
    """End a delegation now; assignments without a vote go back.

    Who may: the person who is away, or holders of `hitl.reassign_approval`. Raises Refused, NotFound, Conflict.
    """
    moment = now or clock_now()
    with transaction.atomic():
        row = locked(Delegation, delegation_id, "This delegation doesn't exist.")
        if actor.user_id != row.from_person_id:
            actor.require(REASSIGN)
        if row.ended_at is not None:
            who = last_change(actor, "hitl.delegation", row.pk)
            raise Conflict("This delegation has already ended.", ended_at=row.ended_at.isoformat(), **who)
        row.ended_at = moment
        row.save(update_fields=["ended_at"])
        _audit(actor, "DELEGATION_ENDED", row)
    _move_assignments(row, moment)
    return row


def list_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, delegation) of all tenants that begin or end now."""
    moment = now or clock_now()
    due = Q(applied_at=None, starts_at__lte=moment) | Q(until__lte=moment)
    with platform_scope():
        rows = Delegation.objects.filter(due, ended_at=None).order_by("until")
        return list(rows.values_list("tenant_id", "id")[:200])


def align_delegation(*, delegation_id: UUID, now: datetime | None = None) -> int:
    """Move the assignments of a delegation that began or ended.

    Returns how many requests were changed. For the system only; safe to repeat. Announces nothing.
    """
    moment = now or clock_now()
    row = Delegation.objects.filter(pk=delegation_id, ended_at=None).first()
    if row is None or row.starts_at > moment:
        return 0
    moved = _move_assignments(row, moment)
    with transaction.atomic():
        mine = Delegation.objects.filter(pk=row.pk, ended_at=None)
        if row.until > moment:
            mine.update(applied_at=moment)
        elif mine.update(ended_at=row.until):
            _audit(SUBSTITUTES, "DELEGATION_ENDED", row)
    return moved


def _move_assignments(row: Delegation, moment: datetime) -> int:
    whose = Q(person_id=row.from_person_id) | Q(rightful_id=row.from_person_id) | Q(via_id=row.pk)
    assignments = Assignment.objects.filter(whose, closed_at=None, approval__state__in=_WAITING)
    ids = sorted(set(assignments.values_list("approval_id", flat=True)))
    return sum(align_substitutes(approval_id, moment) for approval_id in ids)


def align_substitutes(approval_id: UUID, moment: datetime) -> bool:
    """Assign the substitute of this moment for each holder of a request who has not voted.

    Returns True if that changed anything. For the system only.
    """
    with transitions.work_on(approval_id, moment) as (work, approval):
        if approval.broken_seal or not may(Event.DELEGATE, State(approval.state)):
            return False
        planned = _plan(DecisionContext.load(approval, moment))
        if not planned:
            return False
        work.apply(approval, Event.DELEGATE, actor=SUBSTITUTES, facts={"moved": len(planned)})
        for assignment, person, via in planned:
            owner = assignment.rightful_id or assignment.person_id
            kept = {"for_person_id": assignment.for_person_id, "source": assignment.source}
            hand_over(assignment, person, moment, rightful_id=None if via is None else owner, via_id=via, **kept)
            void_tokens(approval, moment, DecisionToken.End.DELEGATED, person_id=assignment.person_id)
        create.notify(approval, {person for _, person, _ in planned}, "approval_delegated", moment)
    return True


def _plan(context: DecisionContext) -> list[tuple[Assignment, UUID, UUID | None]]:
    """Return the assignments that move, each with its new person and the delegation of a substitute."""
    approval = context.approval
    barred = context.excluded_people() | approvers_before(context)
    substitutes = trusted(context.directory.substitutes, approval.excluded)
    here = context.assignments_at(approval.level)
    assignments = [assignment for assignment in here if assignment.closed_at is None and assignment.moved_at is None]
    taken = {assignment.person_id for assignment in assignments}
    found: list[tuple[Assignment, UUID, UUID | None]] = []
    for assignment in assignments:
        owner = assignment.rightful_id or assignment.person_id
        person, via = substitute_for(owner, substitutes)
        if person in barred or person in taken - {assignment.person_id} or not context.is_entitled(person):
            person, via = owner, None
        if assignment.person_id in context.voters() or person == assignment.person_id or person in taken:
            continue
        taken.add(person)
        found.append((assignment, person, via))
    return found


def _audit(actor: Actor, action: str, row: Delegation) -> None:
    facts = {"from": str(row.from_person_id), "to": str(row.to_person_id), "until": row.until.isoformat()}
    chain.note(actor, action, row, new_state="ended" if action.endswith("ENDED") else "open", **facts)
