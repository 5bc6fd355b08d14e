"""The moves of the console: undo, editing and approving in one step, and batches of decisions."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core.errors import WalkerError
from core.models import AuditEntry
from hitl.approvals.change import close, edit
from hitl.batches import batches, work
from hitl.batches.preview import WORDS, Chosen
from hitl.batches.work import LEASE
from hitl.models import BatchDecision, BatchItem, Decision
from tests.hitl.kit import invariants
from tests.hitl.kit.desk import NAMES
from tests.hitl.kit.model import TOGETHER, UNDO, Batch, Case, Vote
from tests.hitl.kit.outside import OUTSIDE
from tests.hitl.machine.proof_ground import CASES, OFTEN, PEOPLE
from tests.hitl.machine.proof_people import AMOUNTS, CHANNELS, PeopleMoves

CHUNK: Final = 2
"""How many of a batch are decided before something else may happen."""
SELDOM = st.sampled_from([False, False, False, True])


class ConsoleMoves(PeopleMoves):
    """What people do in few steps; each is compared with the single steps that it stands for."""

    # -- undo --

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.cases)
    def undo(self, number: int, name: str, able: bool) -> None:
        """Somebody takes back what was approved in the console, most often one who approved it, and in time."""
        among = (self.those("approved") if able else []) or self.cases
        case = among[number % len(among)]
        row = self.row(case)
        if able:
            name = next((each for each in NAMES if self.desk.person(each) in self.approvers(row)), name)
        ok = self.may_undo(case, row, name)
        result = self.call(close.undo, actor=self.desk.actors[name], approval_id=case.id, digest=row["digest"])
        self.seen["undo"] += self.expect(result, ok, case, "cancelled")
        self.after(case)

    def may_undo(self, case: Case, row: dict[str, Any], name: str) -> bool:
        """Tell whether a person may undo the approval of a request now."""
        actor, person = self.desk.actors[name], self.desk.person(name)
        is_admin = actor.role in ("owner", "admin")
        return (
            row["state"] == "approved"
            and row["execute_after"] is not None
            and self.still_may(name, "hitl.revoke_approval")
            and person in self.approvers(row)
            and (is_admin or not case.is_tampered)
        )

    # -- editing and approving in one step --

    @rule(number=CASES, name=PEOPLE, amount=AMOUNTS, stale=SELDOM, able=OFTEN, channel=CHANNELS)
    @precondition(lambda self: self.those("pending"))
    def edit_and_approve(self, number: int, name: str, amount: str, stale: bool, able: bool, channel: str) -> None:
        """A signer changes the amount and approves the result; it stays an edit if they may not approve it."""
        pending = self.those("pending")
        case = pending[number % len(pending)]
        name = self.able(case, name) if able else name
        row, person = self.row(case), self.desk.person(name)
        digest = case.digests[1] if stale else row["digest"]
        may_vote = (row["snapshot"].get("edit_policy") or {}).get("editor_may_vote") is True
        ok = may_vote and self.may_edit(case, row, person, digest, amount)
        options = {"changes": {"amount": amount}, "digest": digest, "channel": channel}
        result = self.call(edit.edit_and_approve, actor=self.desk.actors[name], approval_id=case.id, **options)
        if self.expect(result, ok, case):
            case.price = OUTSIDE.price
            self.follow_edit_and_approval(case, row, person, channel, is_both=result.problem is None)
        self.after(case)

    def follow_edit_and_approval(
        self, case: Case, old: dict[str, Any], person: UUID, channel: str, *, is_both: bool
    ) -> None:
        """Say where an edit has to lead whose editor approved the result, or could not."""
        found = self.after(case)
        self.look_again()
        row = self.row(case)
        votes = invariants.votes_at(self.view, row, 1)
        assert found.revision == old["revision"] + 1
        rose = found.risk_score > old["risk_score"] or found.cost is None or found.cost > old["cost"]
        assert not (rose and is_both), "the editor approved what they raised"
        if not is_both:
            assert (found.state, found.level, votes) == ("pending", 1, [])
            assert not self.signer(case, person), "the editor could have approved it"
            self.seen["edited alone"] += 1
            return
        assert votes == [Vote(person, "approve", found.digest)]
        levels, expected = len(row["snapshot"]["levels"]), ("pending", 1)
        if invariants.standing(self.view, row, 1) == "approved":
            expected = ("approved", 1) if levels == 1 else ("pending", 2)
        assert (found.state, found.level) == expected
        waits = found.state == "approved" and channel == "console"
        assert found.execute_after == (self.moment + UNDO if waits else None)
        self.seen["edited and approved"] += 1

    # -- batches --

    @rule(
        name=PEOPLE,
        able=OFTEN,
        verdict=st.sampled_from(["approve", "approve", "reject"]),
        picks=st.lists(CASES, min_size=1, max_size=4),
        stale=SELDOM,
        is_mixed=OFTEN,
        channel=CHANNELS,
    )
    @precondition(lambda self: self.cases and len(self.batches) < 4)
    def open_batch(
        self, name: str, able: bool, verdict: str, picks: list[int], stale: bool, is_mixed: bool, channel: str
    ) -> None:
        """Somebody decides several requests together; sent twice it is the same batch."""
        cases = list({case.id: case for case in map(self.case, picks)}.values())
        name = self.able(cases[0], name) if able else name
        actor = self.desk.actors[name]
        digests = [case.digests[1] if stale else self.row(case)["digest"] for case in cases]
        chosen = [Chosen(case.id, digest) for case, digest in zip(cases, digests, strict=True)]
        key = f"{len(self.batches)}"
        sent = {"verdict": verdict, "chosen": chosen, "reason": "Because", "sent": batches.Sent(channel, key)}
        result = self.call(batches.open_batch, actor=actor, is_mixed=is_mixed, **sent)
        ok = actor.may("hitl.decide_approval") and (is_mixed or len({case.kind for case in cases}) == 1)
        assert isinstance(result, WalkerError) is not ok, result
        if ok:
            waiting = list(zip(cases, digests, strict=True))
            self.batches.append(Batch(result.pk, name, sent, self.moment, waiting))
            self.send_again(self.batches[-1])

    def send_again(self, batch: Batch) -> None:
        """Send a batch again, and another one under its key."""
        actor = self.desk.actors[batch.name]
        assert self.call(batches.open_batch, actor=actor, **batch.sent).pk == batch.id
        other = {"approve": "reject", "reject": "approve"}[batch.sent["verdict"]]
        result = self.call(batches.open_batch, actor=actor, **{**batch.sent, "verdict": other})
        assert getattr(result, "code", "") == "different_arguments", result

    @rule(which=st.integers(0, 9), dies=SELDOM)
    @precondition(lambda self: any(batch.waiting for batch in self.batches))
    def work_batch(self, which: int, dies: bool) -> None:
        """A worker decides the next requests of a batch, or dies when it has begun."""
        unfinished = [batch for batch in self.batches if batch.waiting]
        batch = unfinished[which % len(unfinished)]
        self.look_again()
        if batch.lease_until is not None and self.moment < batch.lease_until:
            assert self.call(work.work_batch, batch_id=batch.id) is False, "two work on the same batch"
            return
        if dies:
            batch.lease_until = self.moment + LEASE
            with self.desk.inside(self.moment):
                BatchDecision.objects.filter(pk=batch.id).update(lease_until=batch.lease_until)
            return
        turn = batch.waiting if batch.is_late(self.moment) else batch.waiting[:CHUNK]
        finished = self.call(work.work_batch, batch_id=batch.id)
        assert finished is (len(turn) == len(batch.waiting)), finished
        for case, digest in turn:
            self.follow_item(batch, case, digest)
        batch.waiting, batch.lease_until = batch.waiting[len(turn) :], None
        if finished:
            self.send_again(batch)

    def follow_item(self, batch: Batch, case: Case, digest: str) -> None:
        """Compare what a batch did with one request with the person's own single decision."""
        row, maker, verdict = self.row(case), self.desk.person(batch.name), batch.sent["verdict"]
        mine = [vote for vote in self.view.now.votes.get(case.id, ()) if vote["person_id"] == maker]
        ok = (
            not batch.is_late(self.moment)
            and digest == row["digest"]
            and self.signer(case, maker)
            and (verdict == "reject" or row["risk_level"] in TOGETHER)
            and not any(vote["created_at"] > batch.opened for vote in mine if vote["verdict"] in ("approve", "reject"))
        )
        with self.desk.inside(self.moment):
            item = BatchItem.objects.get(batch_id=batch.id, approval_id=case.id)
            given = Decision.objects.filter(approval_id=case.id, person_id=maker).count() - len(mine)
        assert (item.outcome == "decided", given) == (ok, int(ok)), f"{item.outcome} {item.code}, {given} decisions"
        found = self.after(case)
        if ok:
            assert (item.code, item.state) == ("", found.state)
            self.follow_vote(case, maker, verdict, row, batch.sent["sent"].channel)
            batch.decided.append((case, digest, found.state))
        else:
            assert item.code in WORDS, f"nothing says what {item.code!r} means"
            assert found.version == row["version"], "a refused request has moved"
            batch.refused += 1
        self.seen[f"batch {item.outcome}"] += 1

    @rule(which=st.integers(0, 9), name=PEOPLE, own=OFTEN)
    @precondition(lambda self: self.batches)
    def undo_batch(self, which: int, name: str, own: bool) -> None:
        """Somebody undoes what a batch approved, and nothing else."""
        batch = self.batches[which % len(self.batches)]
        name = batch.name if own else name
        self.look_again()
        undoable = [
            case
            for case, digest, state in batch.decided
            if (state, digest) == ("approved", self.row(case)["digest"])
            and self.may_undo(case, self.row(case), name)
            and self.moment < self.row(case)["execute_after"]
        ]
        result = self.call(batches.undo_batch, actor=self.desk.actors[name], batch_id=batch.id)
        states = [self.after(case).state for case in self.cases]
        expected = [
            "cancelled" if name == batch.name and case in undoable else self.row(case)["state"] for case in self.cases
        ]
        assert states == expected
        if name != batch.name or not undoable:
            assert isinstance(result, WalkerError), result
            return
        assert result == len(undoable)
        self.seen["batch undone"] += 1

    def check_at_the_end(self) -> None:
        """Compare what the audit says of each batch with what became of its requests."""
        super().check_at_the_end()
        with self.desk.inside(self.moment):
            for batch in self.batches:
                entries = AuditEntry.objects.filter(object_type="hitl.batchdecision", object_id=batch.id)
                actions = Counter(entries.values_list("action", flat=True))
                finished = not batch.waiting
                assert actions == Counter({"BATCH_OPENED": 1, **({"BATCH_FINISHED": 1} if finished else {})})
                if finished:
                    facts = entries.get(action="BATCH_FINISHED").facts
                    assert (facts["decided"], facts["refused"]) == (len(batch.decided), batch.refused)
