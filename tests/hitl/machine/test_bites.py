"""A proof that cannot fail proves nothing: rules are broken on purpose, and a named check has to notice."""

import dataclasses
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from hitl.approvals.change import edit
from hitl.approvals.decide import decide, rights
from hitl.approvals.integrity import seals
from hitl.approvals.state import assignments, context, revisions, timers, transitions, votes
from hitl.approvals.state.context import DecisionContext
from hitl.batches import work
from hitl.decision_links import links
from hitl.domain import eligibility
from hitl.domain import votes as domain_votes
from hitl.execution import claim, execute, preconditions
from hitl.killswitch import state
from tests.hitl.kit.chapters import FREE
from tests.hitl.machine.proof_machine import ApprovalMachine

Walk = Callable[[ApprovalMachine], None]
Patch = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def walker(machine_at_desk: type[ApprovalMachine]) -> Iterator[ApprovalMachine]:
    """A machine that is walked by hand; what it did is taken back."""
    walked = machine_at_desk()
    yield walked
    walked.take_back()


def _go(walked: ApprovalMachine, step: str, /, **options: Any) -> None:
    getattr(walked, step)(**options)
    walked.everything_holds()


def _begin(
    walked: ApprovalMachine, shape: str, kind: str = "proof_keyed", *, signed: int = 0, who: str = "support"
) -> None:
    _go(walked, "begin", chapter=FREE, shape=shape, kinds=[kind, kind], who=who, signed=signed)


def _vote(walked: ApprovalMachine, name: str, verdict: str = "approve", *, stale: bool = False) -> None:
    _go(walked, "vote_of_anybody", number=0, name=name, verdict=verdict, stale=stale)


def _stale_vote(walked: ApprovalMachine) -> None:
    _begin(walked, "quorum")
    _go(walked, "edit", number=0, name="first", amount="7.00", stale=False, able=False)
    _vote(walked, "second", stale=True)


def _one_after_the_other(walked: ApprovalMachine) -> None:
    _begin(walked, "once")
    _vote(walked, "first")
    _vote(walked, "second")


def _tampered(walked: ApprovalMachine) -> None:
    _begin(walked, "any", signed=1)
    walked.tamper_with_payload(0)
    _go(walked, "execute", number=0, place="nowhere", answer="done")


def _own(walked: ApprovalMachine) -> None:
    _begin(walked, "any", who="first")
    _vote(walked, "first")


def _old_report(walked: ApprovalMachine) -> None:
    _begin(walked, "any", signed=1)
    _go(walked, "execute", number=0, place="after claim", answer="done")
    _go(walked, "tick", tick=timedelta(minutes=10))
    _go(walked, "execute", number=0, place="after claim", answer="done")
    _go(walked, "lost_worker_wakes_up", number=0)


def _small_group(walked: ApprovalMachine) -> None:
    for name in ("second", "admin"):
        walked.join_or_leave(name)
    _begin(walked, "quorum")
    _vote(walked, "first")


def _votes_after_edit(walked: ApprovalMachine) -> None:
    _begin(walked, "quorum")
    _vote(walked, "second")
    _go(walked, "edit", number=0, name="first", amount="7.00", stale=False, able=False)
    _vote(walked, "admin")


def _stopped(walked: ApprovalMachine) -> None:
    _begin(walked, "any", signed=1)
    _go(walked, "switch", scope=("kind", "proof_keyed"))
    _go(walked, "execute", number=0, place="nowhere", answer="done")


def _again(walked: ApprovalMachine) -> None:
    _begin(walked, "any", "proof_plain", signed=1)
    _go(walked, "execute", number=0, place="after effect", answer="done")
    _go(walked, "tick", tick=timedelta(minutes=10))
    _go(walked, "execute", number=0, place="nowhere", answer="done")


def _too_late(walked: ApprovalMachine) -> None:
    _begin(walked, "any")
    _go(walked, "tick", tick=timedelta(hours=80))
    _vote(walked, "first")


def _moved_price(walked: ApprovalMachine) -> None:
    _begin(walked, "any", signed=1)
    walked.change_the_world("price")
    _go(walked, "execute", number=0, place="nowhere", answer="done")


def _left(walked: ApprovalMachine) -> None:
    _begin(walked, "two levels", signed=1)
    for name in ("first", "second", "admin"):
        walked.join_or_leave(name)
    _go(walked, "execute", number=0, place="nowhere", answer="done")


def _clean_after_lost(walked: ApprovalMachine) -> None:
    _begin(walked, "any", signed=1)
    _go(walked, "execute", number=0, place="after effect", answer="done")
    _go(walked, "tick", tick=timedelta(minutes=10))
    _go(walked, "execute", number=0, place="nowhere", answer="busy")


def _limited(walked: ApprovalMachine) -> None:
    walked.change_the_world("cap")
    _begin(walked, "any", signed=1)
    _go(walked, "execute", number=0, place="nowhere", answer="refused")


def _weaker(walked: ApprovalMachine) -> None:
    _begin(walked, "quorum")
    walked.change_workflow("any")
    _go(walked, "edit", number=0, name="first", amount="7.00", stale=False, able=False)


def _signed(walked: ApprovalMachine) -> None:
    _begin(walked, "any", signed=1)


def _rejected(walked: ApprovalMachine) -> None:
    _begin(walked, "any")
    _vote(walked, "first", "reject")


def _pressed_twice(walked: ApprovalMachine) -> None:
    _begin(walked, "quorum")
    _go(walked, "mail_a_link", number=0, name="first", able=False)
    for _ in range(2):
        _go(walked, "press_a_link", which=0, verdict="approve", right=True)


def _pressed_after_an_edit(walked: ApprovalMachine) -> None:
    _begin(walked, "quorum")
    _go(walked, "mail_a_link", number=0, name="second", able=False)
    _go(walked, "edit", number=0, name="first", amount="7.00", stale=False, able=False)
    _go(walked, "press_a_link", which=0, verdict="approve", right=True)


def _expired(walked: ApprovalMachine) -> None:
    _begin(walked, "any")
    _go(walked, "tick", tick=timedelta(hours=80))
    _go(walked, "sweep", kinds="all")


def _asked(walked: ApprovalMachine) -> None:
    _begin(walked, "any")
    _go(walked, "ask", number=0, name="first", able=True)


def _in_console(walked: ApprovalMachine) -> None:
    _begin(walked, "any")
    _go(walked, "vote_with_an_assignment", number=0, place=0, verdict="approve", channel="console")
    _go(walked, "execute", number=0, place="nowhere", answer="done")


def _risky_batch(walked: ApprovalMachine) -> None:
    _begin(walked, "any", "proof_unscored")
    options = {"verdict": "approve", "picks": [0, 1], "stale": False, "is_mixed": False, "channel": "console"}
    _go(walked, "open_batch", name="first", able=False, **options)
    _go(walked, "work_batch", which=0, dies=False)


def _raised_and_approved(walked: ApprovalMachine) -> None:
    _begin(walked, "trusted")
    options = {"name": "first", "amount": "7.00", "stale": False, "able": False, "channel": "console"}
    _go(walked, "edit_and_approve", number=0, **options)


def _patched(module: Any, name: str, fake: Any) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(module, name, fake)


def _all(*patches: Patch) -> Patch:
    def run(monkeypatch: pytest.MonkeyPatch) -> None:
        for patch in patches:
            patch(monkeypatch)

    return run


def _says(value: Any) -> Any:
    def fake(*args: Any, **options: Any) -> Any:
        return value

    return fake


def _newest(old: Any, new: Any) -> Any:
    return new


def _everybody(directory: Any, excluded: Any) -> Any:
    return set(directory.deciders)


def _clamped(level: Any, holders: Any) -> int:
    people = {holder.person_id for holder in holders}
    return min(_needed(level, holders), max(1, len(people)))


def _announced(work: transitions.UnitOfWork) -> None:
    work.announced = [told for told in work.announced if told[0] != "approval_closed"]
    _publish(work)


def unrecorded(work: transitions.UnitOfWork) -> None:
    """Write the work of a transaction without the entries of votes."""
    work.entries = [entry for entry in work.entries if entry.action != "APPROVAL_APPROVE"]
    _publish(work)


def _frozen_version(work: transitions.UnitOfWork, approval: Any, *rest: Any) -> None:
    version = approval.version
    _write(work, approval, *rest)
    approval.version = version


def _believed(*, claim: Any, outcome: Any, now: Any = None) -> bool:
    return _settle(claim=dataclasses.replace(claim, retaken=False), outcome=outcome, now=now)


def _without_fence(*, claim: Any, outcome: Any, now: Any = None) -> bool:
    fence = execute.Execution.objects.get(pk=claim.execution_id).fence  # type: ignore[attr-defined]
    return _settle(claim=dataclasses.replace(claim, fence=fence), outcome=outcome, now=now)


def _keyed_whatever(work: Any, approval: Any, seen: Any, **options: Any) -> Any:
    kind = type("Keyed", (type(seen.kind),), {"keyed": True, "execute": type(seen.kind).execute})()
    kind.key = seen.kind.key
    return _take_over(work, approval, dataclasses.replace(seen, kind=kind), **options)


def _any_revision(approval: Any) -> list[Any]:
    rows = context.Decision.objects.filter(approval=approval, verdict__in=("approve", "reject"))  # type: ignore[attr-defined]
    found = list(rows.order_by("id"))
    for row in found:
        row.revision, row.digest = approval.revision, approval.digest
    return found


def _as_before(approval: Any, *args: Any) -> list[Any]:
    return list(approval.excluded)


def _nobody_lost(*args: Any) -> Any:
    return _level_assignments(*args)._replace(lost=frozenset())


_needed, _publish = domain_votes.required_votes, transitions.UnitOfWork.publish
_write, _settle = transitions.UnitOfWork._write, execute.settle
_take_over, _level_assignments = claim._take_over, DecisionContext.level_assignments

BROKEN: dict[str, tuple[Patch, Walk, str]] = {
    "digest of a vote": (_patched(rights, "check_digest", _says(None)), _stale_vote, "vote"),
    "digest of a claim": (
        _all(
            _patched(seals, "find_broken", _says({})),
            _patched(preconditions, "digest_of", lambda approval: approval.digest),
            _patched(claim, "digest_of", lambda approval: approval.digest),
        ),
        _tampered,
        "work",
    ),
    "four eyes": (
        _all(
            _patched(eligibility, "_candidates", _everybody),
            _patched(DecisionContext, "excluded_people", _says(set())),
        ),
        _own,
        "vote",
    ),
    "fence": (_patched(execute, "settle", _without_fence), _old_report, "invariant_22_fence"),
    "version": (_patched(transitions.UnitOfWork, "_write", _frozen_version), _signed, "invariant_15_audit_complete"),
    "quorum": (_patched(domain_votes, "required_votes", _clamped), _small_group, "follow_vote"),
    "nobody signs twice": (
        _all(
            _patched(votes, "approvers_before", lambda *_: set()),
            _patched(assignments, "approvers_before", lambda *_: set()),
            _patched(rights, "approvers_before", lambda *_: set()),
        ), _one_after_the_other, "invariant_05_distinct_approvers",
    ),
    "votes kept over an edit": (
        _all(_patched(context, "_decisions_of", _any_revision), _patched(context, "verify", _says(True))),
        _votes_after_edit,
        "follow_vote",
    ),
    "kill switch": (
        _all(_patched(state, "covers", _says(False)), _patched(state, "find_stop_reason", _says(""))),
        _stopped,
        "switch",
    ),
    "no second call without a key": (
        _patched(claim, "_take_over", _keyed_whatever), _again, "invariant_01_once",
    ),
    "time to decide": (_patched(rights, "check_state", _says(None)), _too_late, "vote"),
    "drift": (_patched(preconditions, "changes_since_request", _says([])), _moved_price, "work"),
    "rights lost": (_patched(DecisionContext, "level_assignments", _nobody_lost), _left, "work"),
    "clean failure of a second call": (
        _patched(execute, "settle", _believed), _clean_after_lost, "invariant_24_crash_equivalent",
    ),
    "limits given back": (_patched(transitions, "_settle_reservations", _says(None)), _limited, "invariant_21_caps"),
    "stricter workflow": (
        _patched(revisions, "strictest", _newest), _weaker, "invariant_09_stricter_on_edit",
    ),
    "links that are spent": (
        _all(_patched(links, "_spend", _says(None)), _patched(DecisionContext, "voters", _says(set()))),
        _pressed_twice,
        "invariant_17_links",
    ),
    "links of an old revision": (
        _patched(revisions, "void_tokens", _says(None)), _pressed_after_an_edit, "invariant_17_links",
    ),
    "stale timers": (_patched(timers, "TIMER_STATES", {}), _rejected, "invariant_13_timers"),
    "audit entry": (_patched(transitions.UnitOfWork, "publish", unrecorded), _signed, "invariant_06_monotone"),
    "announcement": (_patched(transitions.UnitOfWork, "publish", _announced), _expired, "invariant_12_outbox"),
    "time to undo": (_patched(decide, "CONSOLE", "nowhere"), _in_console, "follow_vote"),
    "execution after the time to undo": (
        _patched(preconditions, "_CHECKS", tuple(c for c in preconditions._CHECKS if "early" not in c.__name__)),
        _in_console,
        "work",
    ),
    "risk of a batch": (_patched(work, "is_too_risky", _says(False)), _risky_batch, "follow_item"),
    "editors who raise": (_patched(edit, "_excluded", _as_before), _raised_and_approved, "follow_edit_and_approval"),
    "clock of a question": (
        _patched(timers, "pause", _says({})), _asked, "invariant_19_clock",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.slow
def test_broken_rule_is_noticed(walker: ApprovalMachine, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    break_it, walk, check = BROKEN[name]
    break_it(monkeypatch)
    with pytest.raises(Exception) as caught:  # noqa: PT011, PT012  (which check noticed is looked at below)
        walk(walker)
        walker.check_at_the_end()
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert check in frames, f"{frames[-4:]}: {caught.value}"


# Each fourth walk here, all of them in long runs.
@pytest.mark.parametrize(
    "name", [name if n % 4 == 0 else pytest.param(name, marks=pytest.mark.slow) for n, name in enumerate(BROKEN)]
)
@pytest.mark.slow
def test_whole_engine_passes_the_same_walk(walker: ApprovalMachine, name: str) -> None:
    # Somebody is erased at the end of a few walks, as in the other examples: it takes longer than a walk.
    walker.seen["examples"] = list(BROKEN).index(name)
    BROKEN[name][1](walker)
    walker.check_at_the_end()
