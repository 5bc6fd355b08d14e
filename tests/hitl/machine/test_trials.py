"""Two at once, in threads and in processes, again and again: one winner, the loser is told, one effect at most."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest

from core.audit import chain
from core.errors import Conflict, WalkerError
from hitl import services
from hitl.approvals.change import edit as edits
from hitl.approvals.change.close import revoke, undo
from hitl.approvals.change.escalate import escalate_now
from hitl.approvals.decide.decide import CONSOLE
from hitl.batches.batches import open_batch
from hitl.batches.preview import Chosen
from hitl.batches.work import work_batch
from hitl.domain.replay import ReplayedState, replay
from hitl.execution.reconcile import probe_now
from hitl.models import Approval, ApproverGroup, Assignment, Decision, Execution
from hitl.policy.workflows.groups import revise_group
from tests.hitl.kit.processes import in_processes
from tests.hitl.kit.scene import Scene, roles, stored
from tests.hitl.machine.test_races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@dataclass
class Trial:
    """One scene with what all trials of a kind share."""

    scene: Scene
    number: int = 0
    effects: int = 0
    group: ApproverGroup | None = None
    at_once: Callable[[Sequence[Callable[[], object]]], list[object]] = at_once

    def asked(self, kind: str = "test_press_keyed") -> Approval:
        """Return one more request, for a button of its own."""
        self.number += 1
        self.effects = len(self.scene.effects.pressed)
        return self.scene.propose(kind, params={"button": f"b{self.number}", "amount": "5.00"})

    def lost(self, *, had_effect: bool) -> Approval:
        """Return an approved request whose outcome nobody knows."""
        approval = self.asked("test_press_probed")
        self.vote(approval, "approver")()
        outside = self.scene.effects
        outside.stall = "before"
        outside.release.set()
        assert services.execute(approval.pk).state == "unknown"
        outside.pressed += [Execution.objects.get(approval=approval).idempotency_key] * had_effect
        return approval

    def vote(self, approval: Approval, role: str, verdict: str = "approve") -> Callable[[], object]:
        """Return a vote to be given later."""
        actor = self.scene.actor(role)
        return lambda: self.scene.decide(approval, verdict, actor=actor)

    def race(self, first: Callable[[], object], second: Callable[[], object]) -> tuple[object, object]:
        """Start both at once; anything but a refusal in words is a failure of the trial."""
        one, two = self.at_once([first, second])
        return one, two

    def pressed(self) -> int:
        """Return how many effects this trial had."""
        return len(self.scene.effects.pressed) - self.effects

    def finish(self, approval: Approval) -> Approval:
        """Execute twice at once, and check that row, audit and effect agree."""
        self.at_once([lambda: services.execute(approval.pk)] * 2)
        row = stored(approval)
        folded = replay(chain.chain_of("hitl.approval", approval.pk))
        assert folded == ReplayedState(row.state, row.version, row.revision)
        assert self.pressed() == (row.state == "executed")
        return row


def _told(loser: object, states: set[str]) -> Conflict:
    """The loser hears who was faster, when, and what that did."""
    assert isinstance(loser, Conflict), loser
    assert loser.facts["state"] in states
    assert loser.facts["decided_by"]
    assert loser.facts["decided_at"]
    return loser


def _approve_with_approve(trial: Trial) -> None:
    approval = trial.asked()
    results = trial.race(trial.vote(approval, "approver"), trial.vote(approval, "admin"))
    (loser,) = [result for result in results if isinstance(result, WalkerError)]
    _told(loser, {"approved"})
    assert Decision.objects.filter(approval=approval).count() == 1
    assert trial.finish(approval).state == "executed"


def _approve_with_reject(trial: Trial) -> None:
    approval = trial.asked()
    results = trial.race(trial.vote(approval, "approver"), trial.vote(approval, "admin", "reject"))
    (loser,) = [result for result in results if isinstance(result, WalkerError)]
    state = stored(approval).state
    expected = {"approved": "Approver Acme", "rejected": "Admin Acme"}[state]
    assert _told(loser, {state}).facts["decided_by"] == expected
    assert trial.finish(approval).state == {"approved": "executed", "rejected": "rejected"}[state]


def _last_two_of_a_quorum(trial: Trial) -> None:
    if trial.number == 0:
        asked = {"approvers": roles("approver", "admin", "owner"), "mode": "quorum", "quorum": 3}
        trial.scene.define(asked)
    approval = trial.asked()
    trial.vote(approval, "owner")()
    results = trial.race(trial.vote(approval, "approver"), trial.vote(approval, "admin"))
    assert not [result for result in results if isinstance(result, WalkerError)]
    row = stored(approval)
    assert (row.state, row.version, row.votes_received) == ("approved", 4, 3)
    assert trial.finish(approval).state == "executed"


def _last_place_of_a_quorum(trial: Trial) -> None:
    if trial.number == 0:
        asked = {"approvers": roles("approver", "admin", "owner"), "mode": "quorum", "quorum": 2}
        trial.scene.define(asked)
    approval = trial.asked()
    trial.vote(approval, "owner")()
    results = trial.race(trial.vote(approval, "approver"), trial.vote(approval, "admin"))
    (loser,) = [result for result in results if isinstance(result, WalkerError)]
    _told(loser, {"approved"})
    assert trial.finish(approval).state == "executed"


def _vote_with_removal(trial: Trial) -> None:
    person, owner = trial.scene.user_id("approver"), trial.scene.actor("owner")
    if trial.group is None:
        trial.group = services.create_group(actor=owner, name="Desk", people=[person])
        trial.scene.define({"approvers": [{"type": "group", "value": str(trial.group.pk)}]})
    group_id = trial.group.pk
    approval = trial.asked()

    def remove() -> object:
        return revise_group(actor=owner, group_id=group_id, name="Desk", people=[trial.scene.user_id("admin")])

    vote, removal = trial.race(trial.vote(approval, "approver"), remove)
    assert isinstance(removal, ApproverGroup)
    assert isinstance(vote, Approval | WalkerError)
    row = trial.finish(approval)
    assert row.state in ("pending", "approved"), "done on the vote of one who had left"
    revise_group(actor=owner, group_id=group_id, name="Desk", people=[person])


def _approve_with_expiry(trial: Trial) -> None:
    approval = trial.asked()
    vote, expired = trial.race(
        trial.vote(approval, "approver"),
        lambda: services.expire(approval_id=approval.pk, now=approval.expires_at),
    )
    assert isinstance(vote, Conflict) is expired
    if expired:
        assert _told(vote, {"expired"}).facts["decided_as"] == "expired"
    assert trial.finish(approval).state == ("expired" if expired else "executed")


def _approve_with_edit(trial: Trial) -> None:
    if trial.number == 0:
        trial.scene.define({"editable_fields": ["amount"]})
    approval, editor = trial.asked(), trial.scene.actor("admin")

    def edit() -> object:
        changes = {"amount": "7.00"}
        return edits.edit(actor=editor, approval_id=approval.pk, changes=changes, digest=approval.digest)

    results = trial.race(trial.vote(approval, "approver"), edit)
    (loser,) = [result for result in results if isinstance(result, WalkerError)]
    row = stored(approval)
    _told(loser, {row.state})
    if row.state == "approved":
        assert row.payload["amount"] == "5.00"
        assert trial.finish(approval).state == "executed"
    else:
        assert (row.state, row.revision, row.votes_received) == ("pending", 2, 0)
        assert trial.finish(approval).state == "pending"


def _revoke_with_claim(trial: Trial) -> None:
    approval, approver = trial.asked(), trial.scene.actor("approver")
    trial.vote(approval, "approver")()
    revoked, _ = trial.race(
        lambda: revoke(actor=approver, approval_id=approval.pk),
        lambda: services.execute(approval.pk),
    )
    lost = isinstance(revoked, WalkerError)
    if lost:
        _told(revoked, {"executing", "executed"})
    assert trial.finish(approval).state == ("executed" if lost else "cancelled")


def _undo_with_claim(trial: Trial) -> None:
    approval, approver = trial.asked(), trial.scene.actor("approver")
    told = {"actor": approver, "approval_id": approval.pk, "digest": approval.digest}
    after = services.decide(**told, verdict="approve", channel=CONSOLE).execute_after
    assert after is not None
    assert services.execute(approval.pk, now=after - timedelta(milliseconds=1)).state == "approved"
    undone, _ = trial.race(
        lambda: undo(actor=approver, approval_id=approval.pk),
        lambda: services.execute(approval.pk, now=after),
    )
    lost = isinstance(undone, WalkerError)
    if lost:
        assert "claimed_at" in _told(undone, {"executing", "executed"}).facts
    assert trial.finish(approval).state == ("executed" if lost else "cancelled")


def _batch_with_decision(trial: Trial) -> None:
    approval = trial.asked()
    batch = open_batch(
        actor=trial.scene.actor("approver"), verdict="approve", chosen=[Chosen(approval.pk, approval.digest)]
    )
    worked, vote = trial.race(lambda: work_batch(batch_id=batch.pk), trial.vote(approval, "admin", "reject"))
    assert worked is True
    item = batch.items.get()
    if isinstance(vote, WalkerError):
        _told(vote, {"approved"})
    assert (item.outcome, item.code) == (("decided", "") if isinstance(vote, WalkerError) else ("refused", "conflict"))
    assert Decision.objects.filter(approval=approval).count() == 1
    assert trial.finish(approval).state == ("executed" if item.outcome == "decided" else "rejected")


def _escalate_with_escalate(trial: Trial) -> None:
    if trial.number == 0:
        step = {"after_hours": 2, "add": roles("owner")}
        trial.scene.define({"approvers": roles("approver")}, escalation=[step])
    approval = trial.asked()

    def hurry(role: str) -> Callable[[], object]:
        said = {"approval_id": approval.pk, "digest": approval.digest, "reason": "It is urgent"}
        return lambda: escalate_now(actor=trial.scene.actor(role), **said)

    results = trial.race(hurry("admin"), hurry("owner"))
    (loser,) = [result for result in results if isinstance(result, WalkerError)]
    assert _told(loser, {"pending"}).code == "no_step"
    assert (stored(approval).escalation_step, Assignment.objects.filter(approval=approval, closed_at=None).count()) == (
        1,
        2,
    )
    assert trial.finish(approval).state == "pending"


def _probe_with_probe(trial: Trial) -> None:
    had_effect = trial.number % 2 == 1
    approval = trial.lost(had_effect=had_effect)

    def look(role: str) -> Callable[[], object]:
        return lambda: probe_now(actor=trial.scene.actor(role), approval_id=approval.pk)

    results = trial.race(look("admin"), look("owner"))
    told = {"executed"} if had_effect else {"approved"}
    for loser in results:
        assert isinstance(loser, Approval) or _told(loser, told)
    assert {stored(approval).state} == told
    assert Decision.objects.filter(approval=approval, verdict="probe").count() == 1
    assert trial.finish(approval).state == "executed"


TRIALS = [
    _approve_with_approve,
    _approve_with_reject,
    _last_two_of_a_quorum,
    _last_place_of_a_quorum,
    _vote_with_removal,
    _approve_with_expiry,
    _approve_with_edit,
    _revoke_with_claim,
    _undo_with_claim,
    _batch_with_decision,
    _escalate_with_escalate,
    _probe_with_probe,
]
NAMES = [trial.__name__.strip("_") for trial in TRIALS]


@pytest.fixture
def trial(live_scene: Scene) -> Iterator[Trial]:
    """A scene for many trials of one kind; at the end its audit holds."""
    yield Trial(live_scene)
    assert chain.verify().ok


LONG: Final = 100
"""How often each trial is run in the long profile, in threads and once more in processes: two hundred times in all."""


@pytest.mark.parametrize("times", [1, pytest.param(LONG, marks=pytest.mark.long)])
@pytest.mark.parametrize("run", TRIALS, ids=NAMES)
def test_two_at_once_have_one_winner(trial: Trial, run: Callable[[Trial], None], times: int) -> None:
    for _ in range(times):
        run(trial)


@pytest.mark.parametrize("run", TRIALS, ids=NAMES)
@pytest.mark.long
def test_two_processes_at_once_have_one_winner(trial: Trial, run: Callable[[Trial], None]) -> None:
    trial.at_once = in_processes
    for _ in range(LONG):
        run(trial)
