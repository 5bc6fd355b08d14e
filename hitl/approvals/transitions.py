"""The only writer of an approval's state: every move is checked, counted, told and audited here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction

from core import prepared, rows, writes
from core.actors import Actor
from core.audit import chain
from core.errors import Conflict, NotFound
from core.events import publish
from core.events.publish import Announcement, Told
from core.ids import text_of, uuid7
from core.prepared import Asked, Call, Prepared, Result
from core.rows import Statement
from core.tenancy.scope import current_tenant_id
from hitl.approvals import settling
from hitl.approvals import timers as clocks
from hitl.domain.state_machine import ASKS_BACK, FINAL, WAITING, Event, State, check
from hitl.models import Approval, Timer
from hitl.models.fields import machine_writes

Kind = Timer.Kind
FIRST_REFERENCE: Final = 1001
_IDS: Final = {"tenant": "uuid", "id": "uuid"}
_WHICH: Final = "where tenant_id = $1 and id = $2"
# Every UPDATE makes another version of a row, with its transaction's number, at a place of its own. A lock makes none.
_PLACE: Final = ("xmin", "ctid")
_LOOK: Final = "select xmin, ctid from hitl_approval where tenant_id = $1 and id = $2 for update"
_NUMBER: Final = (
    "insert into hitl_counter (id, tenant_id, name, value) values ($1, $2, 'reference', {first}) "
    "on conflict (tenant_id, name) do update set value = hitl_counter.value + 1 returning value"
)

# What comes later in the life of a request, and what few askers say.
_RARE_AT_FIRST: Final = tuple(
    "version holds hold_reason revision preview_url drift dedupe_key risk_policy reach notes contact_tags tags "
    "compliance_flags custom level votes_received assigned_to_id priority rounds ladder_step paused_clocks "
    "superseded_by_id execute_by sla_breached_at sla_minutes_over escalated_at escalated_to escalation_reason "
    "reminder_count last_reminder_at decided_at decided_by_id decided_name decided_role decided_as "
    "resolved_at".split()
)
# What nearly every vote, claim and report asks of an approval. The rest is read where somebody asks for it.
LEAN: Final = frozenset(
    "id tenant_id reference state version holds kind kind_version revision payload digest facts risk_level cost "
    "currency requester_id agent_id conversation_id run_id tool_call_id excluded snapshot level votes_received "
    "expires_at execute_by sla_due_at sla_minutes_over decided_role decided_as".split()
)


class Read(NamedTuple):
    """An approval as it was read without a lock, and where and by whom its row was written."""

    approval: Approval
    place: tuple[Any, ...]


def read(approval_id: UUID) -> Read:
    """Return the approval as it is now, `LEAN`, for `lock_and_read`. Raises NotFound. One query."""
    found = prepared.fetch(_read_statement(), {"tenant": current_tenant_id(), "id": approval_id})
    if found is None:
        raise NotFound
    return Read(rows.loaded(Approval, found[: -len(_PLACE)], LEAN), found[-len(_PLACE) :])


@dataclass(frozen=True)
class Locking:
    """The lock of an approval and what is asked with it, under way."""

    asked: Asked
    lock: Call
    place: int
    seen: Read | None

    def answer(self) -> tuple[Approval, list[Result]]:
        """Return the locked approval and what else was found. Raises NotFound."""
        found, seen = self.asked.answer(), self.seen
        locked = found.pop(self.place).first
        if seen is not None and locked == seen.place:
            return seen.approval, found
        if seen is not None and locked is not None:
            locked = prepared.exchange([self.lock])[0].first
        if locked is None:
            raise NotFound
        return rows.loaded(Approval, locked, LEAN), found


@dataclass
class Work:
    """The moves of one transaction; events are told and audit is written when it ends."""

    moment: datetime
    touched: dict[UUID, Approval] = field(default_factory=dict)
    opened: set[UUID] = field(default_factory=set)
    entries: list[chain.Fact] = field(default_factory=list)
    announced: list[tuple[str, Approval, dict[str, str]]] = field(default_factory=list)
    alerts: list[tuple[Approval, str]] = field(default_factory=list)

    def lock(self, approval_id: UUID) -> Approval:
        """Return the approval, locked until the commit. Raises NotFound."""
        found = prepared.fetch(_whole_statement(), {"tenant": current_tenant_id(), "id": approval_id})
        if found is None:
            raise NotFound
        return rows.loaded(Approval, found)

    def lock_and_read(
        self,
        approval_id: UUID,
        calls: Sequence[Call | Statement],
        *,
        before: Sequence[Call | Statement] = (),
        seen: Read | None = None,
    ) -> tuple[Approval, list[Result]]:
        """Lock as `lock` does, but `LEAN`, and return the results of `before` and `calls` too: one message for all.

        `calls` see what is there when the lock is had. What was `seen` is returned as it is, and moved
        then, if its row is still the very one; whatever has written to it meanwhile, it is read anew.
        """
        return self.ask_lock(approval_id, calls, before=before, seen=seen).answer()

    def ask_lock(
        self,
        approval_id: UUID,
        calls: Sequence[Call | Statement],
        *,
        before: Sequence[Call | Statement] = (),
        seen: Read | None = None,
    ) -> Locking:
        """Begin what `lock_and_read` does, and go on while the database locks and reads."""
        lock = Call(_lock_statement(), {"tenant": current_tenant_id(), "id": approval_id})
        first = lock if seen is None else Call(_look_statement(), lock.values)
        return Locking(prepared.ask([*before, first, *calls]), lock, len(before), seen)

    @contextmanager
    def foreseen(self) -> Iterator[Foreseen]:
        """Give work for moves that are made by `carry_out`, or never: nothing of them is written before that."""
        with prepared.aside() as written:
            yield Foreseen(Work(self.moment), written)

    def carry_out(self, foreseen: Foreseen) -> None:
        """Make the moves that were foreseen, of a locked approval that is as it was foreseen."""
        for write, check_taken in foreseen.written:
            prepared.later(write, check=check_taken)
        prepared.start()
        self.touched.update(foreseen.work.touched)
        self.opened |= foreseen.work.opened
        self.entries += foreseen.work.entries
        self.announced += foreseen.work.announced
        self.alerts += foreseen.work.alerts

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
            prepared.later(writes.inserting(approval, rare=_RARE_AT_FIRST))
        prepared.start()
        settling.arm(approval, timers, again=False)
        self.opened.add(approval.pk)
        self._note(approval, Event.PROPOSE, "", actor, {"kind": approval.kind, **(facts or {})})
        self.announced.append(("approval_opened", approval, {}))

    def move(
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
        """Make one legal move of a locked approval, together with its changes and timers."""
        old = State(approval.state)
        new = to or old
        check(event, old, new)
        self._write(approval, old, new, changes or {}, timers or {})
        self._note(approval, event, old.value, actor, facts)
        if new in FINAL:
            self.announced.append(("approval_closed", approval, {"state": new.value}))
        elif new in ASKS_BACK and new != old:
            self.announced.append(("approval_asks", approval, {"state": new.value}))

    def finished(self, approval: Approval, outcome: str) -> None:
        """Announce what became of the effect."""
        self.announced.append(("action_finished", approval, {"outcome": outcome}))

    def alert(self, approval: Approval, problem: str) -> None:
        """Tell the queue that an approval needs an administrator."""
        self.alerts.append((approval, problem))

    def _write(
        self,
        approval: Approval,
        old: State,
        new: State,
        changes: Mapping[str, Any],
        timers: Mapping[str, datetime],
    ) -> None:
        values = {
            **changes,
            "state": new.value,
            "version": approval.version + 1,
            "moved_at": self.moment,
        }
        if new in FINAL:
            values["resolved_at"] = self.moment
        answer_ends = new not in WAITING or "sla_due_at" in changes
        if approval.sla_due_at is not None and answer_ends and approval.state == State.PENDING:
            values["sla_minutes_over"] = max(approval.sla_minutes_over, clocks.minutes_over(approval, self.moment))
        known = {
            "tenant_id": approval.tenant_id,
            "id": approval.pk,
            "state": approval.state,
            "version": approval.version,
        }
        with machine_writes():
            prepared.later(writes.changing(Approval, values, known), check=partial(_one_moved, approval.reference))
        prepared.start()
        for name, value in values.items():
            setattr(approval, name, value)
        settling.settle(approval, old, new, timers, self.moment)

    def _note(
        self, approval: Approval, event: Event, old: str, actor: Actor, facts: Mapping[str, Any] | None = None
    ) -> None:
        known = {
            "version": approval.version,
            "revision": approval.revision,
            "level": approval.level,
            "digest": approval.digest,
        }
        self.touched[approval.pk] = approval
        self.entries.append(
            chain.Fact(
                actor=actor,
                action=f"APPROVAL_{event.upper()}",
                object_type="hitl.approval",
                object_id=approval.pk,
                old_state=old,
                new_state=approval.state,
                facts={**known, **(facts or {})},
            )
        )

    def flush(self) -> None:
        """Write what others are told, then the stream events, then the audit: hottest lock last."""
        prepared.start()
        publish.tell(
            announced=[
                Announcement(name, approval.pk, {**_ids(approval), **ids}) for name, approval, ids in self.announced
            ],
            told=self._told(),
            audited=self.entries,
        )

    def _told(self) -> list[Told]:
        told = []
        for approval in self.touched.values():
            is_new = approval.pk in self.opened
            kind, seen = "approval.opened" if is_new else "approval.updated", _seen_by_staff(approval)
            told.append(Told("queue", kind, seen, approval.pk))
            told += _seen_in_chat(approval, is_new=is_new)
        for approval, problem in self.alerts:
            alert = {**_seen_by_staff(approval), "problem": problem}
            told.append(Told("queue", "approval.alert", alert, approval.pk))
        return told


class Foreseen(NamedTuple):
    """Moves that were worked out before it is sure that they will be made."""

    work: Work
    written: list[prepared.Write]


def _one_moved(reference: str, count: int) -> None:
    if count != 1:
        raise Conflict("The approval has moved on.", reference=reference)


@cache
def _read_statement() -> Prepared:
    return prepared.prepared(f"{rows.selection(Approval, *_PLACE, only=LEAN)} {_WHICH}", _IDS)


@cache
def _look_statement() -> Prepared:
    return prepared.prepared(_LOOK, _IDS)


@cache
def _lock_statement() -> Prepared:
    return prepared.prepared(f"{rows.selection(Approval, only=LEAN)} {_WHICH} for update", _IDS)


@cache
def _whole_statement() -> Prepared:
    return prepared.prepared(f"{rows.selection(Approval)} {_WHICH} for update", _IDS)


def number_call() -> Call:
    """Return the statement that gives out the next number; the counter stays locked until the commit."""
    return Call(_number_statement(), {"id": uuid7(), "tenant": current_tenant_id()})


def reference_of(found: Result) -> str:
    """Return the reference under the number that `number_call` has given out."""
    if found.first is None:
        raise RuntimeError("a request got no number")
    return f"BR-{found.first[0]}"


@cache
def _number_statement() -> Prepared:
    return prepared.prepared(_NUMBER.format(first=FIRST_REFERENCE), {"id": "uuid", "tenant": "uuid"})


def _ids(approval: Approval) -> dict[str, str]:
    names = ("conversation_id", "agent_id", "run_id", "tool_call_id")
    found = {name: str(getattr(approval, name)) for name in names if getattr(approval, name)}
    return {"reference": approval.reference, **found}


def _seen_by_staff(approval: Approval) -> dict[str, Any]:
    return {
        "approval_id": text_of(approval.pk),
        "reference": approval.reference,
        "state": approval.state,
        "version": approval.version,
        "risk_level": approval.risk_level,
        "holds": list(approval.holds),
    }


def _seen_in_chat(approval: Approval, *, is_new: bool) -> Iterator[Told]:
    if approval.conversation_id is None:
        return
    stream = f"conversation:{approval.conversation_id}"
    common = {
        "approval_id": text_of(approval.pk),
        "reference": approval.reference,
        "state": approval.state,
    }
    if is_new:
        yield Told(stream, "approval_pending", {**common, "summary": approval.summary})
    if approval.state in FINAL:
        outcome = approval.state if approval.state in ("executed", "failed") else "not_done"
        yield Told(stream, "approval_closed", {**common, "outcome": outcome})


def arm(approval: Approval, kind: str, due: datetime) -> None:
    """Set a timer of the approval's current revision, anew where it has already run."""
    settling.arm(approval, {kind: due})


@contextmanager
def work(moment: datetime) -> Iterator[Work]:
    """Open one transaction for moves; nothing of it is seen when the block raises."""
    with transaction.atomic():
        current = Work(moment)
        yield current
        current.flush()
