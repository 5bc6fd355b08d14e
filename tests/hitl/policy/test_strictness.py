"""A request whose world has changed is asked again, never under weaker rules than before."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl.domain.strictness import is_no_weaker, no_weaker_than, strictest
from hitl.domain.votes import Assignee, Vote, tally_votes
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy.workflows.workflows import revise_workflow
from tests.database.sealing import rewrite
from tests.hitl.kit.scene import Scene
from tests.world import OPERATOR

PEOPLE = {
    person: {("user", str(person)), ("role", role), *(("group", group) for group in groups)}
    for person, role, groups in ((1, "admin", "g"), (2, "admin", "gh"), (3, "approver", "h"), (4, "approver", ""))
}
KNOWN = sorted(set().union(*PEOPLE.values()))
levels = st.builds(
    lambda mode, quorum, rows, threshold: {
        "mode": mode,
        "quorum": quorum,
        "approvers": [{"type": kind, "value": value} for kind, value in rows],
        "reject_threshold": threshold,
        "min_auth": "",
        "require_reason": False,
    },
    st.sampled_from(["any", "all", "quorum", "per_group"]),
    st.integers(1, 3),
    st.lists(st.sampled_from(KNOWN), min_size=1, max_size=3, unique=True),
    st.integers(1, 2),
)
UNSET: dict[str, Any] = {
    "edit_policy": {},
    "escalation": [],
    "reminder_every_hours": 0,
    "reminder_max": 0,
    "allow_override": False,
    "distinct_approvers": False,
    "notify_by": [],
}


def level(**options: Any) -> dict[str, Any]:
    plain = {"mode": "any", "quorum": 1, "reject_threshold": 1, "min_auth": "", "require_reason": False}
    who = options.pop("who", "ab")
    return {**plain, "approvers": [{"type": "user", "value": name} for name in who], **options}


def snapshot(*found: dict[str, Any]) -> dict[str, Any]:
    return {"levels": list(found)}


def _holders(found: dict[str, Any]) -> list[Assignee]:
    rows, per_group = found["approvers"], found["mode"] == "per_group"
    assignments = [(p, r["value"]) for p, r in product(PEOPLE, rows) if (r["type"], r["value"]) in PEOPLE[p]]
    return [Assignee(p, value if per_group else "") for p, value in assignments]  # type: ignore[arg-type]


@pytest.mark.slow
@given(levels, levels, st.lists(st.tuples(st.sampled_from(sorted(PEOPLE)), st.sampled_from(["approve", "reject"]))))
def test_votes_that_satisfy_what_is_no_weaker_satisfied_the_old_level(
    old: dict[str, Any], new: dict[str, Any], cast: list[tuple[int, str]]
) -> None:
    assigned = {holder.person_id for holder in _holders(new)}
    votes = [Vote(person, verdict) for person, verdict in cast if person in assigned]  # type: ignore[arg-type,comparison-overlap]
    if is_no_weaker(snapshot(old), snapshot(new)) and tally_votes(new, _holders(new), votes) == "approved":
        assert tally_votes(old, _holders(old), votes) == "approved"


@pytest.mark.slow
@given(st.lists(levels, min_size=1, max_size=3), st.lists(levels, min_size=1, max_size=3))
def test_what_is_combined_asks_for_all_that_both_ask_for(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    both = strictest(snapshot(*old), snapshot(*new))["levels"]
    for wanted in (old, new):
        left = list(both)
        for found in wanted:
            cover = next(each for each in left if is_no_weaker(snapshot(found), snapshot(each)))
            left.remove(cover)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"mode": "all"}, {"mode": "any", "quorum": 9}),
        ({"mode": "all", "who": "ab"}, {"mode": "all", "who": "a"}),
        ({"mode": "quorum", "quorum": 3, "who": "abc"}, {"mode": "all", "who": "ab"}),
        ({"mode": "quorum", "quorum": 2}, {"mode": "quorum", "quorum": 1}),
        ({"mode": "per_group"}, {"mode": "all"}),
        ({"who": "a"}, {"who": "ab"}),
        ({"min_auth": "mfa"}, {"min_auth": "password"}),
        ({"min_auth": "key"}, {"min_auth": "mfa"}),
        ({"require_reason": True}, {}),
        ({}, {"reject_threshold": 2}),
    ],
)
def test_weaker_level_is_told(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert not is_no_weaker(snapshot(level(**old)), snapshot(level(**new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {}),
        ({}, {"mode": "all"}),
        ({"mode": "quorum", "quorum": 2}, {"mode": "all"}),
        ({"mode": "quorum", "quorum": 1, "who": "abc"}, {"mode": "quorum", "quorum": 2}),
        ({"min_auth": "password"}, {"min_auth": "mfa"}),
        ({"min_auth": "mfa"}, {"min_auth": "key"}),
        ({"mode": "all"}, {"mode": "all", "require_reason": True}),
        ({"mode": "quorum", "quorum": 2}, {"who": ""}),
    ],
)
def test_level_that_asks_for_no_less_is_told(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert is_no_weaker(snapshot(level(**old)), snapshot(level(**new)))


def test_levels_may_be_added_and_not_left_out() -> None:
    one, two = snapshot(level()), snapshot(level(), level())
    assert is_no_weaker(one, two)
    assert not is_no_weaker(two, one)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [({"mode": "all"}, {"mode": "any"}), ({"min_auth": "password"}, {"min_auth": ""})],
)
def test_drift_keeps_the_old_levels_when_the_workflow_became_weaker(
    scene: Scene, before: dict[str, Any], after: dict[str, Any]
) -> None:
    who = [{"type": "role", "value": "approver"}]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=OPERATOR, workflow_id=workflow.pk, levels=[{"approvers": who, **before}])
    approval = scene.approved()
    revise_workflow(actor=OPERATOR, workflow_id=workflow.pk, levels=[{"approvers": who, **after}])
    scene.effects.price = "99.00"
    drifted = scene.done(approval)
    assert (drifted.state, drifted.snapshot) == ("pending", approval.snapshot)


def test_copy_of_a_workflow_names_what_is_set_and_leaves_out_the_rest(scene: Scene) -> None:
    scene.define(distinct_approvers=True)
    assert UNSET.keys() & scene.propose().snapshot.keys() == {"distinct_approvers"}


def test_copy_that_names_what_is_not_set_asks_for_the_same(scene: Scene) -> None:
    lean = scene.propose().snapshot
    whole = {**lean, **UNSET}
    assert strictest(whole, lean) == lean
    assert {**UNSET, **no_weaker_than(lean, whole)} == {**UNSET, **no_weaker_than(whole, lean)} == whole


@pytest.mark.slow
def test_request_with_such_a_copy_goes_its_way(scene: Scene) -> None:
    approval = scene.propose()
    rewrite(Approval.objects.filter(pk=approval.pk), snapshot={**approval.snapshot, **UNSET})
    assert scene.done(scene.decide(approval)).state == "executed"
