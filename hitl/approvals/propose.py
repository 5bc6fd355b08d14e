"""Ask for a risky action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError

from core.actors import Actor, system
from core.clock import now as clock_now
from core.errors import TooMany
from core.text.clean import clean_text
from hitl.actions import registry
from hitl.actions.base import PRIORITY_MAX, Origin
from hitl.actions.observe import Observed, observe
from hitl.approvals import assignments, outcomes, transitions
from hitl.approvals import timers as clocks
from hitl.approvals.columns import decision_columns, digest_of, risk_columns, signed_columns
from hitl.approvals.decision_mac import sign
from hitl.approvals.transitions import UnitOfWork
from hitl.domain.auto_rules import AutoRule
from hitl.domain.digest import sha256_of
from hitl.domain.eligibility import AssignmentPlan
from hitl.domain.state_machine import OPEN, UNDECIDED, Event, State
from hitl.killswitch import describe
from hitl.killswitch import state as switches
from hitl.models import Approval, Decision
from hitl.policy import definitions, select
from hitl.policy.authorship import have_shaped_rules

REPLACER: Final = system("replacer")
_OPEN: Final = [state.value for state in OPEN]


@dataclass(frozen=True)
class _Request:
    """A request whose outside facts are known, before anything is written."""

    actor: Actor
    seen: Observed
    origin: Origin
    dedupe_key: str
    moment: datetime

    @property
    def subject_key(self) -> str:
        return self.seen.kind.subject_key(self.seen.params)[:200]

    @property
    def requester_id(self) -> UUID | None:
        return self.origin.requester_user_id or self.actor.user_id

    def excluded(self) -> list[UUID]:
        origin = self.origin
        people = {self.requester_id, self.actor.user_id, origin.agent_owner_id, *origin.also_excluded}
        return sorted(person for person in people if person is not None)


def propose(
    *,
    actor: Actor,
    kind: str,
    params: Mapping[str, Any],
    origin: Origin,
    dedupe_key: str = "",
    now: datetime | None = None,
) -> Approval:
    """Ask for a risky action and return the approval that people will decide.

    Who may: holders of `hitl.propose_approval` (agents through their actor). The same dedupe key of
    the same asker for the same kind while one is open, or the same tool call ever, returns the
    approval there is. Raises Invalid, NotFound (kind), Refused (`paused` under a kill switch), TooMany,
    Unavailable when the outside could not be looked at. Speaks to the outside before the transaction.
    Announces approval_opened.
    """
    actor.require("hitl.propose_approval")
    found = registry.get(kind)
    own = _own_key(dedupe_key, kind, origin.requester_user_id or actor.user_id, origin.agent_id)
    known = _known(own, origin)
    if known is not None:
        return known
    refuse_if_paused(actor, kind, origin.agent_id)
    observed = observe(found, params)
    request = _Request(actor, observed, origin, own, now or clock_now())
    try:
        return _open(request)
    except IntegrityError:
        # Somebody asked for the same at the same moment: theirs is the one.
        known = _known(own, origin)
        if known is None:
            raise
        return known


def find_repeat(*, actor: Actor, kind: str, dedupe_key: str, since: datetime) -> Approval | None:
    """Return what a person asked for under a dedupe key since a moment, whatever became of it.

    For those who repeat a request whose answer they never got.
    """
    own = _own_key(dedupe_key, kind, actor.user_id, None)
    rows = Approval.objects.filter(requester_id=actor.user_id, created_at__gt=since, dedupe_key=own)
    found: Approval | None = rows.order_by("-id").first()
    return found


def _own_key(dedupe_key: str, kind: str, requester_id: UUID | None, agent_id: UUID | None) -> str:
    """Return what is kept of a dedupe key: nobody meets another's, by chance or by guessing it."""
    return dedupe_key and sha256_of([requester_id, agent_id, kind, clean_text(dedupe_key, 200)])


def _known(own_key: str, origin: Origin) -> Approval | None:
    if origin.tool_call_id is not None:
        by_call: Approval | None = Approval.objects.filter(tool_call_id=origin.tool_call_id).first()
        if by_call is not None:
            return by_call
    if not own_key:
        return None
    rows = Approval.objects.filter(dedupe_key=own_key, state__in=_OPEN)
    found: Approval | None = rows.first()
    return found


def refuse_if_paused(actor: Actor, kind: str, agent_id: UUID | None) -> None:
    """Raise Refused while a kill switch covers such a request."""
    if switches.covering(kind=kind, agent_id=agent_id):
        raise describe.paused(actor, kind=kind, agent_id=agent_id)


def share_unless_paused(actor: Actor, kind: str, agent_id: UUID | None) -> None:
    """Keep switches from being thrown until this transaction ends. Raises Refused when one covers it."""
    if switches.share_and_look(kind=kind, agent_id=agent_id):
        raise describe.paused(actor, kind=kind, agent_id=agent_id)


def _open(request: _Request) -> Approval:
    kind, origin = request.seen.kind, request.origin
    with transitions.unit_of_work(request.moment) as work:
        # Locks in this order: switches, the requests it replaces, the counter of references.
        share_unless_paused(request.actor, kind.key, origin.agent_id)
        approval = _draft(request)
        replaced = _lock_replaced(approval)
        matched, seating_plan = _judge(approval, request)
        # Under the counter's lock, so that requests at the same moment count one another.
        approval.reference = transitions.next_reference()
        _refuse_if_flooded(origin.agent_id, approval.snapshot["open_per_agent"])
        clock = clocks.start(approval.snapshot, 1, request.moment)
        approval.sla_due_at = clock.due
        timers = {clocks.Kind.EXPIRE.value: approval.expires_at, **clock.timers}
        facts = {"supersedes": [each.reference for each in replaced]} if replaced else {}
        work.open(approval, actor=request.actor, timers=timers, facts=facts)
        _supersede(work, replaced, by=approval)
        if matched.auto is not None:
            _decide_by_rule(work, approval, matched.auto, matched.version)
        else:
            outcomes.open_level(work, approval, seating_plan)
    return approval


def _lock_replaced(approval: Approval) -> list[Approval]:
    """Lock the undecided requests of the same kind, for the same subject, by the same requester."""
    if not approval.subject_key or (approval.requester_id is None and approval.agent_id is None):
        return []
    older = Approval.objects.select_for_update().filter(
        subject_key=approval.subject_key,
        kind=approval.kind,
        requester_id=approval.requester_id,
        agent_id=approval.agent_id,
        state__in=UNDECIDED,
    )
    return list(older.order_by("pk"))


def _supersede(work: UnitOfWork, replaced: Sequence[Approval], *, by: Approval) -> None:
    """Close locked requests in favour of a newer one."""
    for old in replaced:
        changes = {**decision_columns(REPLACER, "superseded", work.moment), "superseded_by_id": by.pk}
        facts = {"superseded_by": by.reference}
        work.apply(old, Event.SUPERSEDE, actor=REPLACER, to=State.SUPERSEDED, changes=changes, facts=facts)


def _refuse_if_flooded(agent_id: UUID | None, cap: int) -> None:
    if agent_id is None:
        return
    open_ones = Approval.objects.filter(agent_id=agent_id, state__in=_OPEN)
    if len(open_ones.values_list("pk")[:cap]) >= cap:
        raise TooMany("The agent has too many open requests.", code="open_cap", cap=cap)


def _draft(request: _Request) -> Approval:
    """Return the approval as far as it follows from the request alone."""
    origin, seen = request.origin, request.seen
    approval = Approval(
        requester_id=request.requester_id,
        requester_kind=request.actor.kind,
        agent_id=origin.agent_id,
        conversation_id=origin.conversation_id,
        run_id=origin.run_id,
        tool_call_id=origin.tool_call_id,
        channel=origin.channel[:20],
        address=(origin.address or request.actor.address)[:45],
        user_agent=clean_text(origin.user_agent or request.actor.user_agent, 200),
        notes=clean_text(origin.notes, 2000),
        excluded=request.excluded(),
        dedupe_key=request.dedupe_key,
        subject_key=request.subject_key,
        contact_tags=[tag[:60] for tag in origin.contact_tags],
        priority=max(0, min(origin.priority, PRIORITY_MAX)),
        tags=[clean_text(tag, 40) for tag in origin.tags],
        custom=dict(origin.custom),
        **signed_columns(seen.kind, seen.params, seen.payload, seen.facts),
    )
    approval.digest = digest_of(approval)
    return approval


def _judge(approval: Approval, request: _Request) -> tuple[select.Matched, AssignmentPlan]:
    """Give the approval its risk and its workflow; return who is asked then."""
    origin, moment, seen, current = request.origin, request.moment, request.seen, definitions.load()
    assessed = select.assess(
        current,
        seen.kind,
        seen.params,
        seen.facts,
        requester_id=request.requester_id,
        agent_id=origin.agent_id,
        moment=moment,
    )
    matched = select.match(
        current,
        seen.kind.key,
        assessed,
        agent_id=origin.agent_id,
        channel=origin.channel,
        requester_id=request.requester_id,
        tags=origin.contact_tags,
        moment=moment,
    )
    matched = _without_own_rule(matched, approval.excluded)
    level = matched.snapshot["levels"][0]
    places = assignments.plan(level, approval.excluded, moment)
    approval.workflow_id, approval.workflow_version = matched.workflow_id, matched.version
    approval.snapshot, approval.votes_required = matched.snapshot, places.required
    approval.expires_at = moment + timedelta(hours=matched.snapshot["expire_hours"])
    stuck = matched.auto is None and not places.satisfiable
    for name, value in {
        **risk_columns(assessed),
        **(outcomes.hold_as_unsatisfiable(approval) if stuck else {}),
    }.items():
        setattr(approval, name, value)
    return matched, places


def _without_own_rule(matched: select.Matched, hands: list[UUID]) -> select.Matched:
    """Ask people where somebody would get by their own rule what they may not approve themselves."""
    approves = matched.auto is not None and matched.auto.verdict == "approve"
    return replace(matched, auto=None) if approves and have_shaped_rules(hands) else matched


def _decide_by_rule(work: UnitOfWork, approval: Approval, auto: AutoRule, version: int) -> None:
    name = f"rule:{auto.id}@{version}"[:80]
    rule = Actor(kind="rule", name=name, role="rule")
    decision = Decision(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        actor_kind="rule",
        actor_name=name,
        role="rule",
        verdict=auto.verdict,
        channel="rule",
        created_at=work.moment,
    )
    sign(decision)
    decision.save(force_insert=True)
    if auto.verdict == "approve":
        outcomes.approve(work, approval, rule)
    else:
        outcomes.reject(work, approval, rule)
