"""Write the state of an approval; nothing else does. Each transition is checked, counted, published, audited."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.selectors import hold_membership
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.db.rows import get_row
from core.errors import Conflict
from core.events.outbox import Announcement
from core.events.publish import publish
from core.events.streams import COUNTED, NewEvent
from core.ids import uuid7
from core.observability.logging import get_logger
from core.tenancy.scope import current_tenant_id
from hitl.approvals.integrity import seals
from hitl.approvals.models.fields import machine_writes
from hitl.approvals.models.search import ApprovalText, text_of
from hitl.approvals.state.conflicts import tampered
from hitl.approvals.state.timers import end_stale, minutes_over, set_timers
from hitl.domain.state_machine import ASKS_BACK, FINAL, UNDECIDED, WAITING, Event, State, check
from hitl.models import Approval, Assignment, CapReservation

log = get_logger(__name__)
SEALER: Final[Actor] = system("sealer")
FIRST_REFERENCE: Final = 1001
_DECIDES: Final = (Event.APPROVE, Event.REJECT, Event.SEND_BACK, Event.OVERRIDE, Event.EXPIRE)
_IN_EXECUTION: Final = (State.EXECUTING, State.UNKNOWN)
_EVEN_IF_TAMPERED: Final = frozenset(
    {
        *(Event.HOLD, Event.CANCEL, Event.REVOKE, Event.EXPIRE, Event.LAPSE, Event.SUPERSEDE),
        *(Event.SUCCEED, Event.FAIL_CLEAN, Event.LOSE, Event.PROBE),
    }
)
"""What ends or stops a request, or records what an effect did; every other event needs an intact seal."""
# The ORM has no upsert that returns the value it wrote.
_NEXT_NUMBER: Final = """
insert into hitl_counter (id, tenant_id, name, value) values (%s, %s, 'reference', %s)
on conflict (tenant_id, name) do update set value = hitl_counter.value + 1 returning value
"""


@dataclass
class UnitOfWork:
    """The transitions of one transaction; events and audit entries are written when it ends."""

    moment: datetime
    locked: dict[UUID, Approval] = field(default_factory=dict)
    touched: dict[UUID, Approval] = field(default_factory=dict)
    opened: set[UUID] = field(default_factory=set)
    entries: list[chain.Fact] = field(default_factory=list)
    announced: list[tuple[str, Approval, dict[str, str]]] = field(default_factory=list)
    alerts: list[tuple[Approval, str]] = field(default_factory=list)
    moves: dict[UUID, list[dict[str, Any]]] = field(default_factory=dict)
    """What figures are counted from, by approval."""

    def lock(self, approval_id: UUID) -> Approval:
        """Return the approval, locked until the commit, with what is wrong with its seal. Raises NotFound."""
        return self._verified([locked(Approval, approval_id)])[0]

    def lock_all(self, approvals: QuerySet[Approval]) -> list[Approval]:
        """Return the approvals of a query, locked in the order of their keys and verified."""
        return self._verified(list(approvals.select_for_update().order_by("pk")))

    def _verified(self, approvals: list[Approval]) -> list[Approval]:
        """Remember what is locked: only what is intact now is sealed again at the end."""
        broken = seals.find_broken(approvals) if approvals else {}
        for approval in approvals:
            approval.broken_seal = broken.get(approval.pk, "")
            if approval.broken_seal:
                log.error("approval_tampered", approval=str(approval.pk), what=approval.broken_seal)
        self.locked |= {approval.pk: approval for approval in approvals}
        return approvals

    def open(
        self,
        approval: Approval,
        *,
        actor: Actor,
        timers: Mapping[str, datetime],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Insert a proposed approval, which has its reference (row 1 of the table)."""
        approval.state, approval.version = State.PENDING.value, 1
        approval.created_at = approval.moved_at = self.moment
        with machine_writes():
            approval.save(force_insert=True)
        _store_text(approval)
        set_timers(approval, timers)
        self.locked[approval.pk] = approval
        self.opened.add(approval.pk)
        self._note_move(approval, Event.PROPOSE, actor)
        self._audit(approval, Event.PROPOSE, "", actor, {"kind": approval.kind, **(facts or {})})
        self.announced.append(("approval_opened", approval, {}))

    def apply(
        self,
        approval: Approval,
        event: Event,
        *,
        actor: Actor,
        to: State | None = None,
        changes: Mapping[str, Any] | None = None,
        timers: Mapping[str, datetime] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Make one legal transition of a locked approval, with the columns it changes and its timers.

        Timers and assignments that mean nothing in the new state are closed. An effect spends what was
        reserved for it under the limits; an end without one gives it back. Raises Conflict when the row
        is not the one that was locked, or was changed outside the application and would come nearer
        to an effect.
        """
        if self.locked[approval.pk].broken_seal and event not in _EVEN_IF_TAMPERED:
            raise tampered(approval)
        old = State(approval.state)
        new = to or old
        check(event, old, new)
        level, due = approval.level, approval.sla_due_at
        self._write(approval, new, changes or {})
        ends_level = event in _DECIDES and old == State.PENDING and (new != old or approval.level != level)
        late = due is not None and self.moment > due if ends_level else None
        self._note_move(approval, event, actor, level=level if ends_level else None, late=late)
        if changes and "summary" in changes:
            _store_text(approval)
        end_stale(approval, self.moment)
        set_timers(approval, timers or {})
        if old in UNDECIDED and new not in UNDECIDED:
            Assignment.objects.filter(approval=approval, closed_at=None).update(closed_at=self.moment)
        if old in _IN_EXECUTION and new not in _IN_EXECUTION:
            _settle_reservations(approval)
        self._audit(approval, event, old.value, actor, facts)
        if new in FINAL:
            self.announced.append(("approval_closed", approval, {"state": new.value}))
        elif new in ASKS_BACK and new != old:
            self.announced.append(("approval_asks", approval, {"state": new.value}))

    def _note_move(self, approval: Approval, event: Event, actor: Actor, **facts: Any) -> None:
        said = {"person": str(actor.user_id) if actor.kind == "user" and actor.user_id else None, **facts}
        known = {name: value for name, value in said.items() if value is not None}
        move = {"event": event.value, "state": approval.state, "by": actor.kind, **known}
        self.moves.setdefault(approval.pk, []).append(move)

    def amend(
        self, approval: Approval, action: str, *, actor: Actor, changes: Mapping[str, Any], facts: Mapping[str, Any]
    ) -> None:
        """Change columns of a locked approval that belong to no transition, such as its flags, with an audit entry."""
        Approval.objects.filter(pk=approval.pk).update(**changes)
        for name, value in changes.items():
            setattr(approval, name, value)
        said: dict[str, Any] = {"version": approval.version, **facts}
        if approval.broken_seal:
            said[seals.TAMPERED] = approval.broken_seal
        self.touched[approval.pk] = approval
        self.entries.append(
            chain.Fact(actor, action, seals.RESEALED, approval.pk, approval.state, approval.state, said)
        )

    def announce_outcome(self, approval: Approval, outcome: str) -> None:
        """Announce the outcome of the effect."""
        self.announced.append(("action_finished", approval, {"outcome": outcome}))

    def alert(self, approval: Approval, problem: str) -> None:
        """Tell the queue that an approval needs an administrator."""
        self.alerts.append((approval, problem))

    def _write(self, approval: Approval, new: State, changes: Mapping[str, Any]) -> None:
        values = {**changes, "state": new.value, "version": approval.version + 1, "moved_at": self.moment}
        if new in FINAL:
            values["resolved_at"] = self.moment
        answer_ends = new not in WAITING or "sla_due_at" in changes
        is_counted = approval.sla_due_at is not None and not approval.broken_seal
        if is_counted and answer_ends and approval.state == State.PENDING:
            values["sla_minutes_over"] = max(approval.sla_minutes_over, minutes_over(approval, self.moment))
        rows = Approval.objects.filter(pk=approval.pk, state=approval.state, version=approval.version)
        if new == State.EXECUTING:
            # Nothing is executed while its approver can undo the approval.
            rows = rows.exclude(execute_after__gt=self.moment)
        with machine_writes():
            updated = rows.update(**values)
        if updated != 1:
            raise Conflict("The request has changed in the meantime.", reference=approval.reference)
        for name, value in values.items():
            setattr(approval, name, value)

    def _audit(
        self, approval: Approval, event: Event, old: str, actor: Actor, facts: Mapping[str, Any] | None = None
    ) -> None:
        common: dict[str, Any] = {
            "version": approval.version,
            "revision": approval.revision,
            "level": approval.level,
            "digest": approval.digest,
        }
        if approval.broken_seal:
            common[seals.TAMPERED] = approval.broken_seal
        self.touched[approval.pk] = approval
        self.entries.append(
            chain.Fact(
                actor=actor,
                action=f"APPROVAL_{event.upper()}",
                object_type="hitl.approval",
                object_id=approval.pk,
                old_state=old,
                new_state=approval.state,
                facts={**common, **(facts or {})},
            )
        )

    def publish(self) -> None:
        """Seal, then write the outbox, the stream events, and the audit log: the hottest lock last."""
        intact = [key for key, approval in self.locked.items() if not approval.broken_seal]
        last = {entry.object_id: entry for entry in self.entries}
        for stored in seals.seal_stored(intact) if intact else ():
            self.locked[stored.pk].seal = stored.seal
            if stored.pk not in last:
                self.entries.append(seals.entry_of(stored, SEALER))
        for key, entry in last.items():
            if entry.facts is not None and not self.locked[key].broken_seal:
                entry.facts[seals.FACT] = seals.mac_of(self.locked[key])
        publish(
            announcements=[
                Announcement(name, approval.pk, {**_ids(approval), **ids}) for name, approval, ids in self.announced
            ],
            events=list(self._stream_events()),
            audit=self.entries,
        )

    def _stream_events(self) -> Iterator[NewEvent]:
        for approval in self.touched.values():
            is_new = approval.pk in self.opened
            kind = "approval.opened" if is_new else "approval.updated"
            decided = approval.decided_at
            found: dict[str, Any] = {
                "kind": approval.kind,
                "agent": str(approval.agent_id) if approval.agent_id else None,
                "channel": approval.channel or None,
                "cost": str(approval.cost) if approval.cost is not None else None,
                "currency": approval.currency or None,
                "age": (self.moment - approval.created_at).total_seconds(),
                "since_decision": (self.moment - decided).total_seconds() if decided else None,
                "in_conversation": approval.conversation_id is not None,
                "edited": approval.revision > 1,
                "moves": self.moves.get(approval.pk, []),
            }
            payload = {
                **_for_staff(approval),
                COUNTED: {name: value for name, value in found.items() if value is not None},
            }
            yield NewEvent("queue", kind, payload, approval.pk)
            yield from _for_chat(approval, is_new=is_new)
        for approval, problem in self.alerts:
            yield NewEvent("queue", "approval.alert", {**_for_staff(approval), "problem": problem}, approval.pk)


@contextmanager
def unit_of_work(moment: datetime) -> Iterator[UnitOfWork]:
    """Run transitions in one transaction, which is rolled back if the block raises."""
    with transaction.atomic():
        work = UnitOfWork(moment)
        yield work
        work.publish()


@contextmanager
def work_on(
    approval_id: UUID, now: datetime | None, *, member: UUID | None = None
) -> Iterator[tuple[UnitOfWork, Approval]]:
    """Run transitions of one approval, locked first, at a moment or now. Raises NotFound.

    `member` is a person whose membership must not end meanwhile.
    """
    with unit_of_work(now or clock_now()) as work:
        hold_membership(member)
        yield work, work.lock(approval_id)


def read(approval_id: UUID) -> Approval:
    """Return the approval as it is now, without a lock. Raises NotFound."""
    return get_row(Approval, approval_id)


def next_reference() -> str:
    """Return the reference of a new request; the counter stays locked until the commit."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_NUMBER, [uuid7(), current_tenant_id(), FIRST_REFERENCE])
        return f"BR-{cursor.fetchone()[0]}"


def _settle_reservations(approval: Approval) -> None:
    states = CapReservation.State
    state = states.COMMITTED if approval.state == State.EXECUTED else states.RELEASED
    CapReservation.objects.filter(approval=approval, state=states.RESERVED).update(state=state)


def _ids(approval: Approval) -> dict[str, str]:
    names = ("conversation_id", "agent_id", "run_id", "tool_call_id")
    found = {name: str(getattr(approval, name)) for name in names if getattr(approval, name)}
    return {"reference": approval.reference, **found}


def _for_staff(approval: Approval) -> dict[str, Any]:
    return {
        "approval_id": str(approval.pk),
        "reference": approval.reference,
        "state": approval.state,
        "version": approval.version,
        "risk_level": approval.risk_level,
        "holds": list(approval.holds),
    }


def _for_chat(approval: Approval, *, is_new: bool) -> Iterator[NewEvent]:
    if approval.conversation_id is None:
        return
    stream = f"conversation:{approval.conversation_id}"
    common = {"approval_id": str(approval.pk), "reference": approval.reference, "state": approval.state}
    if is_new:
        yield NewEvent(stream, "approval_pending", {**common, "summary": approval.masked(approval.summary)})
    if approval.state in FINAL:
        outcome = approval.state if approval.state in ("executed", "failed") else "not_done"
        yield NewEvent(stream, "approval_closed", {**common, "outcome": outcome})


def _store_text(approval: Approval) -> None:
    """Store the searchable text of a request, or replace that of its last revision."""
    text = text_of(approval)
    is_new = approval.revision == 1 and approval.version == 1
    if is_new or not ApprovalText.objects.filter(approval=approval).update(masked_text=text):
        ApprovalText(approval=approval, masked_text=text).save(force_insert=True)
