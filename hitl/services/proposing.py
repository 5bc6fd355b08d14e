"""Asking for a risky action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection
from pydantic import BaseModel, ValidationError

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, Refused, TooMany, Unavailable, WalkerError
from core.ids import uuid7
from core.log import get_logger
from core.scope import current_tenant_id
from hitl import assessing, machine, registry, seating, sla, switches
from hitl.digest import Unrepresentable, plain
from hitl.drafting import digest_of, one_text, risk_columns, signed_columns
from hitl.models import Approval, Decision
from hitl.registry import AnyKind
from hitl.transitions import OPEN
from hitl.types import Facts, Origin
from hitl.verdicts import approve_now, ask, held, reject_now

log = get_logger(__name__)
OPEN_PER_AGENT: Final = 50
FIRST_REFERENCE: Final = 1001
_OPEN: Final = [state.value for state in OPEN]


@dataclass(frozen=True)
class _Request:
    """A request whose outside facts are known, before anything is written."""

    actor: Actor
    kind: AnyKind
    params: BaseModel
    payload: dict[str, Any]
    facts: Facts
    origin: Origin
    dedupe_key: str
    moment: datetime

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

    Who may: holders of `hitl.propose_approval` (agents through their actor). The same dedupe key
    while one is open, or the same tool call ever, returns the approval there is. Raises Invalid,
    NotFound (kind), Refused (`paused` under a kill switch), TooMany, Unavailable when the outside
    could not be looked at. Speaks to the outside before the transaction. Announces approval_opened.
    """
    actor.require("hitl.propose_approval")
    found = registry.get(kind)
    known = _known(dedupe_key, origin)
    if known is not None:
        return known
    _refuse_if_paused(kind, origin.agent_id)
    request = _observe(actor, found, params, origin, one_text(dedupe_key, 200), now or clock_now())
    try:
        return _open(request)
    except IntegrityError:
        # Somebody asked for the same at the same moment: theirs is the one.
        known = _known(dedupe_key, origin)
        if known is None:
            raise
        return known


def _known(dedupe_key: str, origin: Origin) -> Approval | None:
    if origin.tool_call_id is not None:
        by_call: Approval | None = Approval.objects.filter(tool_call_id=origin.tool_call_id).first()
        if by_call is not None:
            return by_call
    if not dedupe_key:
        return None
    rows = Approval.objects.filter(dedupe_key=one_text(dedupe_key, 200), state__in=_OPEN)
    found: Approval | None = rows.first()
    return found


def _refuse_if_paused(kind: str, agent_id: UUID | None) -> None:
    if switches.covering(kind=kind, agent_id=agent_id):
        raise Refused("This kind of action is paused by a kill switch.", code="paused")


def _observe(
    actor: Actor,
    kind: AnyKind,
    params: Mapping[str, Any],
    origin: Origin,
    dedupe_key: str,
    moment: datetime,
) -> _Request:
    try:
        checked = kind.params_model.model_validate(dict(params))
    except ValidationError as error:
        raise Invalid("Some of the values are not valid.", fields=_fields(error)) from None
    try:
        resolved = kind.resolve(checked)
        facts = kind.observe(resolved)
    except WalkerError:
        raise
    except Exception as error:  # boundary: an adapter raises what it likes
        # Whatever an adapter raises, the asker only learns that the look-up failed.
        log.exception("facts_not_observed", kind=kind.key)
        raise Unavailable("The current state could not be looked up.", code="observe_failed") from error
    try:
        payload = plain(resolved.model_dump())
    except Unrepresentable as error:
        raise Invalid(str(error), fields={"params": [str(error)]}) from None
    return _Request(actor, kind, resolved, payload, plain(facts), origin, dedupe_key, moment)


def _fields(error: ValidationError) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in row["loc"]) or "params"
        found.setdefault(name, []).append(row["msg"])
    return found


def _open(request: _Request) -> Approval:
    with machine.work(request.moment) as work:
        switches.share()
        _refuse_if_paused(request.kind.key, request.origin.agent_id)
        _refuse_if_flooded(request.origin.agent_id)
        approval, matched, seating_plan = _draft(request)
        approval.reference = f"BR-{_next_number()}"
        timers = {machine.Kind.EXPIRE.value: approval.expires_at}
        if approval.sla_due_at is not None:
            timers[machine.Kind.SLA.value] = approval.sla_due_at
        work.open(approval, actor=request.actor, timers=timers)
        if matched.auto is not None:
            _decide_by_rule(work, approval, matched, request.moment)
        else:
            ask(work, approval, seating_plan)
    return approval


def _refuse_if_flooded(agent_id: UUID | None) -> None:
    if agent_id is None:
        return
    open_ones = Approval.objects.filter(agent_id=agent_id, state__in=_OPEN)
    if len(open_ones.values_list("pk")[:OPEN_PER_AGENT]) >= OPEN_PER_AGENT:
        raise TooMany("The agent has too many open requests.", code="open_cap", cap=OPEN_PER_AGENT)


def _draft(request: _Request) -> tuple[Approval, assessing.Matched, seating.Seating]:
    origin, moment = request.origin, request.moment
    assessed = assessing.assess(
        request.kind,
        request.params,
        request.facts,
        requester_id=request.requester_id,
        agent_id=origin.agent_id,
        moment=moment,
    )
    matched = assessing.match(
        request.kind.key,
        assessed,
        agent_id=origin.agent_id,
        channel=origin.channel,
        requester_id=request.requester_id,
        tags=origin.contact_tags,
        moment=moment,
    )
    excluded = request.excluded()
    first = matched.snapshot["levels"][0]
    places = seating.plan(first, excluded)
    approval = Approval(
        id=uuid7(),
        requester_id=request.requester_id,
        requester_kind=request.actor.kind,
        agent_id=origin.agent_id,
        conversation_id=origin.conversation_id,
        run_id=origin.run_id,
        tool_call_id=origin.tool_call_id,
        channel=origin.channel[:20],
        address=(origin.address or request.actor.address)[:45],
        user_agent=one_text(origin.user_agent or request.actor.user_agent, 200),
        notes=one_text(origin.notes, 2000),
        excluded=excluded,
        dedupe_key=request.dedupe_key,
        subject_key=request.kind.subject_key(request.params)[:200],
        workflow_id=matched.workflow_id,
        workflow_version=matched.version,
        snapshot=matched.snapshot,
        votes_required=places.required,
        expires_at=moment + timedelta(hours=matched.snapshot["expire_hours"]),
        sla_due_at=sla.level_due(moment, first),
        contact_tags=[tag[:60] for tag in origin.contact_tags],
        custom={},
        **signed_columns(request.kind, request.params, request.payload, request.facts),
        **risk_columns(assessed),
    )
    approval.digest = digest_of(approval)
    if matched.auto is None and not places.satisfiable:
        for name, value in held(approval).items():
            setattr(approval, name, value)
    return approval, matched, places


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into hitl_counter (id, tenant_id, name, value) values (%s, %s, 'reference', %s) "
            "on conflict (tenant_id, name) do update set value = hitl_counter.value + 1 "
            "returning value",
            [uuid7(), current_tenant_id(), FIRST_REFERENCE],
        )
        row = cursor.fetchone()
    return int(row[0])


def _decide_by_rule(work: machine.Work, approval: Approval, matched: assessing.Matched, moment: datetime) -> None:
    if matched.auto is None:
        return
    name = f"rule:{matched.auto.id}@{matched.version}"[:80]
    rule = Actor(kind="rule", name=name, role="rule")
    Decision.objects.create(
        approval=approval,
        revision=approval.revision,
        level=approval.level,
        digest=approval.digest,
        actor_kind="rule",
        actor_name=name,
        role="rule",
        verdict=matched.auto.verdict,
        channel="rule",
        created_at=moment,
    )
    if matched.auto.verdict == "approve":
        approve_now(work, approval, rule)
    else:
        reject_now(work, approval, rule)
