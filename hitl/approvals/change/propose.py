"""Propose a risky action."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError

from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Conflict, TooMany
from core.ids import uuid7
from core.text.clean import clean_text
from hitl.actions import own_fields, registry
from hitl.actions.base import PRIORITY_MAX, Facts, Origin
from hitl.actions.observe import Observation, observe, read_arguments
from hitl.approvals.state import assignments, outcomes, timers, transitions
from hitl.approvals.state.outcomes import decision_columns, digest_of, request_columns, risk_columns
from hitl.approvals.state.transitions import UnitOfWork
from hitl.approvals.state.votes import keep_decision
from hitl.domain.auto_rules import AutoRule
from hitl.domain.digest import sha256_of
from hitl.domain.eligibility import AssignmentPlan
from hitl.domain.state_machine import OPEN, UNDECIDED, Event, State
from hitl.killswitch import describe
from hitl.killswitch import state as killswitch
from hitl.models import Approval
from hitl.policy.limits.rolling_totals import Asked
from hitl.policy.workflows import definitions, select
from hitl.seals.rules import RuleSeals

REPLACER: Final = system("replacer")
_OPEN: Final = [state.value for state in OPEN]


@dataclass(frozen=True)
class _Request:
    """A request whose target was observed, before anything is written."""

    actor: Actor
    observed: Observation
    origin: Origin
    dedupe_key: str
    arguments: list[Any]
    moment: datetime

    @property
    def subject_key(self) -> str:
        return self.observed.kind.subject_key(self.observed.params)[:200]

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
    check: Callable[[Facts], None] | None = None,
    now: datetime | None = None,
) -> Approval:
    """Propose a risky action and return the approval that people will decide.

    Who may: holders of `hitl.propose_approval` (agents through their actor). Returns the existing approval
    for the same dedupe key, requester and kind while it is open, and always for the same tool call; with other
    arguments it raises Conflict (`different_arguments`, names the request). Makes an outside call before the
    transaction; `check` may refuse the facts that it observed. Raises Invalid, NotFound (kind), Refused (`paused`
    under a kill switch), TooMany, Unavailable if the target can't be observed. Announces approval_opened.
    """
    actor.require("hitl.propose_approval")
    action_kind = registry.get(kind)
    requester_id = origin.requester_user_id or actor.user_id
    own_key = _own_key(dedupe_key, kind, requester_id, origin.agent_id)
    if origin.compensates is not None:
        own_key = key_of_compensation(origin.compensates)
    arguments = [requester_id, origin.agent_id, kind, read_arguments(action_kind, params)]
    existing = _find_existing(own_key, origin)
    if existing is not None:
        return _check_same(existing, arguments)
    refuse_if_paused(actor, kind, origin.agent_id)
    observed = observe(action_kind, params)
    if check is not None:
        check(observed.facts)
    request = _Request(actor, observed, origin, own_key, arguments, now or clock_now())
    try:
        return _open(request)
    except (IntegrityError, TooMany):
        # The same request may have been made at the same moment: return that one.
        existing = _find_existing(own_key, origin)
        if existing is None:
            raise
        return _check_same(existing, arguments)


def find_repeat(
    *, actor: Actor, kind: str, params: Mapping[str, Any], dedupe_key: str, since: datetime
) -> Approval | None:
    """Find a person's request under a dedupe key since a moment, in any state.

    For callers that repeat a request whose response they never got. Raises NotFound (kind), Invalid and, if it
    was made with other arguments, Conflict (`different_arguments`).
    """
    own_key = _own_key(dedupe_key, kind, actor.user_id, None)
    rows = Approval.objects.filter(requester_id=actor.user_id, created_at__gt=since, dedupe_key=own_key)
    approval: Approval | None = rows.order_by("-id").first()
    if approval is None:
        return None
    return _check_same(approval, [actor.user_id, None, kind, read_arguments(registry.get(kind), params)])


def _check_same(existing: Approval, arguments: list[Any]) -> Approval:
    """Return the existing request. Raises Conflict if it was made by someone else, or with other arguments.

    Its payload would not tell: names are resolved in it, and people edit it.
    """
    entry = chain.first_of("hitl.approval", existing.pk, "APPROVAL_PROPOSE")
    noted = entry.facts.get("arguments") if entry else None  # older requests have none
    if noted in (None, _digest_of_arguments(existing.pk, arguments)):
        return existing
    raise Conflict(
        f"{existing.reference} was requested under the same key with other values. Use a new key for a new request.",
        code="different_arguments",
        reference=existing.reference,
        approval=str(existing.pk),
    )


def _digest_of_arguments(approval_id: UUID, arguments: list[Any]) -> str:
    # With the id, so that the same values can't be recognised from one request to the next.
    return sha256_of([approval_id, *arguments])


def _own_key(dedupe_key: str, kind: str, requester_id: UUID | None, agent_id: UUID | None) -> str:
    """Return the stored form of a dedupe key, which no other requester can match."""
    return dedupe_key and sha256_of([requester_id, agent_id, kind, clean_text(dedupe_key, 200)])


def key_of_compensation(approval_id: UUID) -> str:
    """Return the stored dedupe key of the request that puts a change back: the same for every requester."""
    return sha256_of(["compensates", approval_id])


def _find_existing(own_key: str, origin: Origin) -> Approval | None:
    if origin.tool_call_id is not None:
        by_call: Approval | None = Approval.objects.filter(tool_call_id=origin.tool_call_id).first()
        if by_call is not None:
            return by_call
    if not own_key:
        return None
    return Approval.objects.filter(dedupe_key=own_key, state__in=_OPEN).first()


def refuse_if_paused(actor: Actor, kind: str, agent_id: UUID | None) -> None:
    """Raise Refused while a kill switch covers such a request."""
    if killswitch.find_stop_reason(kind=kind, agent_id=agent_id):
        raise describe.paused(actor, kind=kind, agent_id=agent_id)


def shared_lock_unless_paused(actor: Actor, kind: str, agent_id: UUID | None, seals: RuleSeals | None = None) -> None:
    """Take the shared switch lock until the commit. Raises Refused when a switch covers the request."""
    if killswitch.shared_lock_and_check(kind=kind, agent_id=agent_id, seals=seals):
        raise describe.paused(actor, kind=kind, agent_id=agent_id)


def _open(request: _Request) -> Approval:
    kind, origin, seals = request.observed.kind, request.origin, RuleSeals()
    with transitions.unit_of_work(request.moment) as work:
        # Locks in this order: switches, the requests it replaces, the counter of references.
        shared_lock_unless_paused(request.actor, kind.key, origin.agent_id, seals)
        approval = _draft(request)
        replaced = _lock_replaced(work, approval)
        matched, planned = _apply_policy(approval, request, seals)
        # Under the counter's lock, so that requests at the same moment count one another.
        approval.reference = transitions.next_reference()
        _refuse_if_flooded(origin, approval.snapshot["open_per_agent"])
        clocks = timers.start(approval.snapshot, 1, request.moment)
        approval.sla_due_at = clocks.due
        due = {timers.Kind.EXPIRE.value: approval.expires_at, **clocks.timers}
        facts = {"arguments": _digest_of_arguments(approval.pk, request.arguments), **_parts(origin)}
        if approval.compliance_flags:
            facts["flags"] = approval.compliance_flags
        if replaced:
            facts["supersedes"] = [each.reference for each in replaced]
        work.open(approval, actor=request.actor, timers=due, facts=facts)
        for old in replaced:
            changes = {**decision_columns(REPLACER, "superseded", work.moment), "superseded_by_id": approval.pk}
            said = {"superseded_by": approval.reference}
            work.apply(old, Event.SUPERSEDE, actor=REPLACER, to=State.SUPERSEDED, changes=changes, facts=said)
        if matched.auto is not None:
            _decide_by_rule(work, approval, matched.auto, matched.version)
        else:
            outcomes.open_level(work, approval, planned)
    return approval


def _parts(origin: Origin) -> dict[str, Any]:
    """Return for the audit log which part the excluded people had, besides the requester."""
    facts: dict[str, Any] = {}
    if origin.agent_owner_id is not None:
        facts["agent_owner"] = str(origin.agent_owner_id)
    if origin.compensates is not None:
        facts["compensates"] = str(origin.compensates)
    if origin.also_excluded:
        facts["contributors"] = sorted(str(person) for person in origin.also_excluded)
    return facts


def _lock_replaced(work: UnitOfWork, approval: Approval) -> list[Approval]:
    """Lock the undecided requests of the same kind, for the same subject, by the same requester."""
    if not approval.subject_key or (approval.requester_id is None and approval.agent_id is None):
        return []
    older = Approval.objects.filter(
        subject_key=approval.subject_key,
        kind=approval.kind,
        requester_id=approval.requester_id,
        agent_id=approval.agent_id,
        state__in=UNDECIDED,
    )
    return work.lock_all(older)


def _refuse_if_flooded(origin: Origin, workflow_cap: int) -> None:
    if origin.agent_id is None:
        return
    own_cap = origin.max_open_approvals
    cap = workflow_cap if own_cap is None else min(workflow_cap, own_cap)
    open_ones = Approval.objects.filter(agent_id=origin.agent_id, state__in=_OPEN)
    if len(open_ones.values_list("pk")[:cap]) >= cap:
        raise TooMany("The agent has too many open requests.", code="open_cap", cap=cap)


def _draft(request: _Request) -> Approval:
    """Return the approval as far as it follows from the request alone."""
    origin, observed = request.origin, request.observed
    approval = Approval(
        pk=uuid7(request.moment),  # lists find it by the day in its key
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
        field_facts=own_fields.facts_to_store(origin.conversation_id),
        priority=max(0, min(origin.priority, PRIORITY_MAX)),
        tags=[clean_text(tag, 40) for tag in origin.tags],
        custom=dict(origin.custom),
        people=list(origin.people) or None,
        **request_columns(observed.kind, observed.params, observed.payload, observed.facts),
    )
    approval.digest = digest_of(approval)
    return approval


def _apply_policy(approval: Approval, request: _Request, seals: RuleSeals) -> tuple[select.Matched, AssignmentPlan]:
    """Set the risk and the workflow of an approval; return the match and the plan of its first level."""
    origin, moment, observed, current = request.origin, request.moment, request.observed, definitions.load(seals)
    assessed = select.assess(
        current,
        observed.kind,
        observed.params,
        observed.facts,
        requester_id=request.requester_id,
        agent_id=origin.agent_id,
        moment=moment,
    )
    who = origin.agent_id, request.requester_id
    fields = own_fields.facts_from(approval.field_facts)
    asked = Asked(*who, moment, origin.channel, origin.contact_tags, approval.excluded, fields=fields)
    matched = select.match(current, observed.kind.key, assessed, asked)
    level = matched.snapshot["levels"][0]
    planned = assignments.plan(level, approval.excluded, moment, seals)
    approval.workflow_id, approval.workflow_version = matched.workflow_id, matched.version
    approval.snapshot, approval.votes_required = matched.snapshot, planned.required
    approval.expires_at = moment + timedelta(hours=matched.snapshot["expire_hours"])
    columns = {**risk_columns(assessed), "compliance_flags": list(matched.flags)}
    if matched.auto is None and not planned.satisfiable:
        columns |= outcomes.hold_as_unsatisfiable(approval, matched.problem)
    for name, value in columns.items():
        setattr(approval, name, value)
    return matched, planned


def _decide_by_rule(work: UnitOfWork, approval: Approval, auto: AutoRule, version: int) -> None:
    name = f"rule:{auto.id}@{version}"[:80]
    rule = Actor(kind="rule", name=name, role="rule")
    keep_decision(approval, rule, auto.verdict, work.moment, channel="rule", auth_strength="")
    if auto.verdict == "approve":
        outcomes.approve(work, approval, rule)
    else:
        outcomes.reject(work, approval, rule)
