"""What every rule of the stateful test stands on: the example's transaction, the model beside the rows, the checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from core.errors import Conflict, WalkerError
from core.tenancy.scope import tenant_scope
from hitl.models import Approval, Cap
from tests.hitl.kit import invariants
from tests.hitl.kit.desk import FRIDAY, NAMES, Desk
from tests.hitl.kit.invariants import View
from tests.hitl.kit.looking import NOTHING, look
from tests.hitl.kit.model import FINAL, Assignment, Batch, Case, keeps_right
from tests.hitl.kit.outside import OUTSIDE

CASES = st.integers(0, 5)
PEOPLE = st.sampled_from(NAMES)
OFTEN = st.sampled_from([True, True, True, False])


class Ground(RuleBasedStateMachine):
    """One example: a transaction that is taken back, a handful of approvals, and what the model knows of them."""

    desk: ClassVar[Desk]
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block._from_testcase = True  # type: ignore[attr-defined]  # switches want a transaction of their own
        self.block.__enter__()
        OUTSIDE.forget()
        OUTSIDE.watcher = self.on_effect
        self.moment = FRIDAY
        self.view = View(self.desk.town(), OUTSIDE, FRIDAY)
        self.cases: list[Case] = []
        self.away: dict[UUID, tuple[UUID, Any]] = {}
        self.cap: Cap | None = None
        self.steps = 0
        self.mailed: list[tuple[Case, str, UUID]] = []
        self.batches: list[Batch] = []

    def teardown(self) -> None:
        """Check what is checked at the end, and take it all back."""
        try:
            self.check_at_the_end()
            self.count()
        finally:
            self.take_back()

    def check_at_the_end(self) -> None:
        """Run the checks that look at whole histories."""
        with self.desk.inside(self.moment):
            for check in invariants.AT_THE_END:
                check(self.view)
            with connection.cursor() as cursor:
                cursor.execute("set constraints all immediate")
        with tenant_scope(self.desk.world.globex.pk):
            invariants.invariant_18_tenant(look(NOTHING))

    def take_back(self) -> None:
        """Leave nothing of the example behind."""
        OUTSIDE.forget()
        connection.set_rollback(True)
        self.block.__exit__(None, None, None)

    def count(self) -> None:
        """Remember what came about, so that a run that tried nothing is seen."""
        self.seen.update(entry.action.removeprefix("APPROVAL_") for entry in self.view.now.entries)
        moves = ((invariants.event_of(entry), entry.old_state, entry.new_state) for entry in self.view.now.entries)
        self.seen.update(" ".join(move) for move in moves)
        self.seen["examples"] += 1
        self.seen["steps"] += self.steps
        votes = [vote for found in self.view.now.votes.values() for vote in found]
        self.seen["link"] += len([vote for vote in votes if vote["channel"] == "email_link"])
        self.seen["effect"] += len([call for call in OUTSIDE.calls if call.happened])

    @invariant()
    def everything_holds(self) -> None:
        """Look at the rows after each step and run every check."""
        self.look_again()
        self.steps += 1

    # -- what the rules share --

    def on_effect(self, key: str) -> None:
        """Note an effect that starts under a switch."""
        case = next(case for case in self.cases if str(case.id) in key)
        if self.view.town.is_stopped(case.kind, case.agent):
            self.view.pressed_while_stopped.append(key)

    def case(self, number: int) -> Case:
        """Return one of the cases there are."""
        return self.cases[number % len(self.cases)]

    def those(self, *states: str) -> list[Case]:
        """Return the cases in one of these states."""
        return [case for case in self.cases if self.row(case)["state"] in states]

    def row(self, case: Case) -> dict[str, Any]:
        """Return its row as it was when last looked at."""
        if case.id not in self.view.now.approvals:
            self.look_again()
        return self.view.now.approvals[case.id]

    def call(self, verb: Callable[..., Any], **options: Any) -> Any:
        """Call a service; what it refuses is a result, and anything else it raises is a failure."""
        with self.desk.inside(self.moment):
            try:
                return verb(**options)
            except WalkerError as error:
                return error

    def expect(self, result: Any, ok: bool, case: Case, state: str = "") -> bool:
        """Compare what a call did with what the model allows; tells whether it was allowed."""
        name = type(result).__name__
        assert isinstance(result, WalkerError) is not ok, f"{name} for {self.row(case)['state']}: {result}"
        if ok and state:
            assert result.state == state, f"{result.state}, the model says {state}"
        if isinstance(result, Conflict) and self.row(case)["state"] in FINAL:
            assert result.facts["state"] == self.row(case)["state"]
            assert result.facts["decided_at"], "the loser is not told who was faster"
        return ok

    def after(self, case: Case) -> Approval:
        """Return the row as it is in the middle of a step, and have the model follow it."""
        with self.desk.inside(self.moment):
            found: Approval = Approval.objects.get(pk=case.id)
        case.state, case.revision = found.state, found.revision
        case.digests[found.revision] = found.digest
        return found

    def barred(self, case: Case) -> set[UUID]:
        """Return those with a hand in it, and who sits in for them now."""
        found, left = set(), set(self.row(case)["excluded"]) | case.excluded
        while left:
            person = left.pop()
            found.add(person)
            to, until = self.away.get(person, (person, self.moment))
            if until > self.moment and to not in found:
                left.add(to)
        return found

    def still_may(self, name: str, permission: str) -> bool:
        """Tell whether somebody has a permission at this moment: those who left have none, however they came in."""
        return self.desk.actors[name].may(permission) and self.view.town.people[self.desk.person(name)].is_active

    def signer(self, case: Case, person: UUID) -> bool:
        """Tell whether a person could do a signer's move now."""
        row = self.row(case)
        here = [
            assignment for assignment in self.view.now.assignments.get(case.id, ()) if assignment["closed_at"] is None
        ]
        mine = [
            s for s in here
            if (s["revision"], s["level"], s["person_id"]) == (row["revision"], row["level"], person)
            and self.still_counts(row, s)
        ]  # fmt: skip
        earlier = {
            vote.person
            for level in range(1, row["level"])
            for vote in invariants.votes_at(self.view, row, level)
            if vote.verdict == "approve" and vote.digest == row["digest"]
        }
        in_time = row["state"] == "pending" and self.moment < row["expires_at"]
        found = self.view.town.people.get(person)
        return (
            in_time
            and not case.is_tampered
            and bool(mine)
            and not (row["snapshot"].get("distinct_approvers") and person in earlier)
            and person not in self.barred(case)
            and found is not None
            and found.may_sign()
        )

    def still_counts(self, row: dict[str, Any], assignment: dict[str, Any]) -> bool:
        """Tell whether an assignment still rests on a right, and a substitute on an absence."""
        level = row["snapshot"]["levels"][row["level"] - 1]
        first = assignment["for_person_id"] or assignment["rightful_id"] or assignment["person_id"]
        asked = Assignment(assignment["person_id"], first, assignment["group"], assignment["source"])
        at = assignment["rightful_id"] or assignment["person_id"]
        if assignment["rightful_id"] is not None:
            while at in self.away and self.away[at][1] > self.moment:
                at = self.away[at][0]
        return at == assignment["person_id"] and keeps_right(
            level, invariants.escalation_of(row), asked, self.view.town
        )

    def able(self, case: Case, name: str) -> str:
        """Return the name of somebody who may sign, or this one when nobody may."""
        found = [each for each in NAMES if self.signer(case, self.desk.person(each))]
        return found[NAMES.index(name) % len(found)] if found else name

    def look_again(self) -> None:
        """Look at the rows within a step, with every check."""
        with self.desk.inside(self.moment):
            self.view.step(self.moment)
            for check in invariants.EACH_STEP:
                check(self.view)
