"""Everything that may happen to approvals, in any order, with crashes, as a machine of rules.

Hypothesis plays people, agents, clocks, administrators and failing machines against the real services
on PostgreSQL. A model in plain Python says what each call may do; after every step the invariants are
checked. Each example runs in the test's transaction and is taken back at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from hitl import services
from hitl.actions.base import Outcome
from hitl.approvals.change import due
from hitl.approvals.change.watch_assignments import watch_assignments
from hitl.execution import claim, execute
from hitl.execution.claim import Claim
from hitl.execution.kill_switch_activation import hold_covered
from hitl.execution.observation import observe_again
from hitl.execution.reconcile import probe, resolve
from hitl.models import Approval, Execution
from hitl.policy.limits import cap_reservations
from tests.hitl.kit import invariants
from tests.hitl.kit.chapters import CHAPTERS, FREE
from tests.hitl.kit.desk import SHAPES
from tests.hitl.kit.looking import look
from tests.hitl.kit.model import Case
from tests.hitl.kit.outside import KINDS, OUTSIDE
from tests.hitl.kit.scene import performed
from tests.hitl.machine.proof_ground import CASES
from tests.hitl.machine.proof_world import WorldMoves

PLACES = ("nowhere", "before claim commit", "after claim", "after effect", "before outcome commit")
ANSWERS = ("done", "busy", "refused", "lost on the way", "lost on the way back")


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Lost:
    """A worker that was given up, and may wake up."""

    claim: Claim
    has_called: bool
    outcome: Outcome | None


class ApprovalMachine(WorldMoves):
    """Everything that may happen to a handful of approvals."""

    chapters: ClassVar[tuple[str, ...]] = (FREE, *CHAPTERS)

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[Lost] = []

    @initialize(
        chapter=st.runner().flatmap(lambda self: st.sampled_from(self.chapters)),
        shape=st.sampled_from(SHAPES),
        kinds=st.lists(st.sampled_from([kind.key for kind in KINDS[:3]]), min_size=2, max_size=2),
        who=st.sampled_from(["support", "support", "agent", "first"]),
        signed=st.integers(0, 3),
    )
    def begin(self, chapter: str, shape: str, kinds: list[str], who: str, signed: int) -> None:
        """Begin with two requests, and where a chapter is told, with all that happens in it."""
        told = CHAPTERS.get(chapter)
        if told:
            shape, kinds, who, signed = told.shape, [told.kind, told.kind], told.who, 0
        self.change_workflow(shape)
        for button, kind in zip(("red", "blue"), kinds, strict=True):
            self.ask_for(who, kind, button, "5.00", "")
        if signed:
            self.sign_all(self.cases[0])
        for step, options in told.steps if told else ():
            getattr(self, step)(**options)
            self.everything_holds()

    # -- doing --

    @rule(number=CASES, place=st.sampled_from(PLACES), answer=st.sampled_from(["done", *ANSWERS]))
    @precondition(lambda self: any(self.row(case)["state"] in ("approved", "executing") for case in self.cases))
    def execute(self, number: int, place: str, answer: str) -> None:
        """A worker carries it out, or dies on the way."""
        ready = [case for case in self.cases if self.row(case)["state"] in ("approved", "executing")]
        self.work(ready[number % len(ready)], place, answer)

    def work(self, case: Case, place: str = "nowhere", answer: str = "done") -> None:
        """Be a worker for one approval, and compare with what the model allows."""
        self.look_again()
        row = self.row(case)
        may = self.may_claim(case, row)
        OUTSIDE.answer = answer
        with self.desk.inside(self.moment):
            self.carry_out(case, place)
        OUTSIDE.answer, OUTSIDE.is_away = "done", False
        found = self.after(case)
        if found.revision > row["revision"]:
            case.price = OUTSIDE.price
        if row["state"] != "approved":
            return
        with self.desk.inside(self.moment):
            actions = {entry.action for entry in look(self.view.now).entries[len(self.view.now.entries) :]}
        claimed = "APPROVAL_CLAIM" in actions
        says = f"{'claimed' if claimed else 'not claimed'}, the model says otherwise; holds: {found.holds}"
        assert claimed is (may and place != "before claim commit"), says

    def may_claim(self, case: Case, row: dict[str, Any]) -> bool:
        """Tell whether an approved request may be carried out now."""
        with self.desk.inside(self.moment):
            fits = (
                self.cap is None or cap_reservations.used(self.cap, self.moment) + (row["cost"] or 0) <= self.cap.amount
            )
            unknown = self.cap is not None and row["cost"] is None
        return (
            row["state"] == "approved"
            and self.moment < row["execute_by"]
            and (row["execute_after"] is None or self.moment >= row["execute_after"])
            and not row["holds"]
            and not self.view.town.is_stopped(case.kind, case.agent)
            and not OUTSIDE.is_away
            and not case.is_tampered
            and self.view.town.people[case.requester].may_ask()
            and invariants.is_earned(self.view, row)
            and case.price == OUTSIDE.price
            and fits
            and not unknown
        )

    def carry_out(self, case: Case, place: str) -> None:
        """Look, claim, call and report; the worker may be gone at four points."""
        if place == "nowhere":
            services.execute(case.id)
            return
        seen = observe_again(Approval.objects.get(pk=case.id))
        with dying(place == "before claim commit"):
            taken = claim.claim(case.id, seen, self.moment)
        if place == "before claim commit" or taken is None:
            self.seen[place] += taken is not None
            return
        self.seen[place] += 1
        if place == "after claim":
            self.lost.append(Lost(taken, False, None))
            return
        outcome = performed(taken)
        self.lost.append(Lost(taken, True, outcome))
        if place == "before outcome commit":
            with dying(True):
                execute.settle(claim=taken, outcome=outcome)

    @rule(number=CASES, place=st.sampled_from(PLACES), answer=st.sampled_from(["done", *ANSWERS]))
    @precondition(lambda self: any(self.row(case)["state"] == "pending" for case in self.cases))
    def sign_and_execute(self, number: int, place: str, answer: str) -> None:
        """Everybody signs, and a worker is there at once."""
        pending = [case for case in self.cases if self.row(case)["state"] == "pending"]
        case = pending[number % len(pending)]
        self.sign_all(case)
        if self.row(case)["state"] == "approved":
            self.work(case, place, answer)

    @rule(number=CASES)
    @precondition(lambda self: self.lost)
    def lost_worker_wakes_up(self, number: int) -> None:
        """A worker that was given up goes on where it was."""
        lost = self.lost.pop(number % len(self.lost))
        with self.desk.inside(self.moment):
            execution = Execution.objects.get(pk=lost.claim.execution_id)
            before = Approval.objects.filter(pk=lost.claim.approval_id).values().get()
            current = before["state"] == "executing" and execution.fence == lost.claim.fence
            if not lost.has_called and (current or lost.claim.kind.key != "proof_probed"):
                lost.outcome = performed(lost.claim)
            accepted = execute.settle(claim=lost.claim, outcome=lost.outcome or Outcome("unknown"))
            after = Approval.objects.filter(pk=lost.claim.approval_id).values().get()
        if not current:
            invariants.invariant_22_fence(before, after, accepted)
        assert accepted is current

    @rule(kinds=st.sampled_from(["all", "all", "people", "machines"]))
    def sweep(self, kinds: str) -> None:
        """The sweeps run, as after a restart."""
        self.align_absences()
        with self.desk.inside(self.moment):
            # The order in which rows come back is PostgreSQL's own; an example has to be the same each time.
            for timer in sorted(due.claim_due(), key=lambda row: (row.kind, row.approval_id)):
                case = self.view.cases[timer.approval_id]
                if timer.kind in ("execute", "lease"):
                    if kinds != "people":
                        self.work(case)
                elif timer.kind == "unknown":
                    if kinds != "people":
                        probe(timer.approval_id)
                elif kinds != "machines":
                    due.fire(timer)
                    due.fire(timer)
            watch_assignments()
            hold_covered()
        for case in self.cases:
            self.after(case)

    @rule(number=CASES, lucky=st.booleans())
    @precondition(lambda self: any(self.row(case)["state"] == "unknown" for case in self.cases))
    def settle(self, number: int, lucky: bool) -> None:
        """What is unknown is asked for, or settled by a person with evidence."""
        unknown = self.those("unknown")
        case = unknown[number % len(unknown)]
        if lucky:
            self.call(probe, approval_id=case.id)
            self.after(case)
            return
        outcome = "executed" if self.view.effects(case.id) else "failed"
        options = {"outcome": outcome, "reason": "Looked", "evidence": "Their list"}
        result = self.call(resolve, actor=self.desk.actors["admin"], approval_id=case.id, **options)
        ok = self.still_may("admin", "hitl.resolve_approval") and self.desk.person("admin") not in self.barred(case)
        case.is_settled_by_hand |= self.expect(result, ok, case, outcome)
        self.after(case)


@contextmanager
def dying(dies: bool) -> Iterator[None]:
    """Take back what a process did whose transaction was still open when it died."""
    with suppress(Crash), transaction.atomic():
        yield
        if dies:
            raise Crash
