"""Many at once on a real change: the sandbox platform's journal tells how often it was made."""

import pytest

from core.errors import Conflict
from hitl import services
from hitl.models import Approval
from tests.edge.platform_fixture import Platform
from tests.hitl.kit.scene import Scene, stored
from tests.hitl.machine.test_races import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def _asked(desk: Scene, kind: str = "set_campaign_budget") -> Approval:
    more = {"daily_budget": "900"} if kind == "set_campaign_budget" else {}
    return desk.propose(kind, params={"campaign": "Summer Sale", **more})


@pytest.mark.parametrize("kind", ["set_campaign_budget", "pause_campaign"])
def test_fifty_approvals_and_ten_executors_leave_one_entry(desk: Scene, sandbox: Platform, kind: str) -> None:
    approval = _asked(desk, kind)
    votes = at_once([lambda: desk.decide(approval)] * 50)
    at_once([lambda: services.execute(approval.pk)] * 10)
    assert sum(isinstance(vote, Conflict) for vote in votes) == 49
    assert (stored(approval).state, len(sandbox.journal())) == ("executed", 1)


def test_approve_against_reject_leaves_an_entry_only_where_it_was_approved(desk: Scene, sandbox: Platform) -> None:
    approval = _asked(desk)
    votes = at_once(
        [
            lambda: desk.decide(approval, "approve"),
            lambda: desk.decide(approval, "reject", actor=desk.actor("admin")),
        ]
    )
    (loser,) = [vote for vote in votes if isinstance(vote, Conflict)]
    assert loser.facts["state"] == stored(approval).state
    services.execute(approval.pk)
    assert len(sandbox.journal()) == (1 if loser.facts["state"] == "approved" else 0)


def test_approve_against_expiry_leaves_an_entry_only_where_it_was_approved(desk: Scene, sandbox: Platform) -> None:
    approval = _asked(desk)
    vote, has_expired = at_once(
        [
            lambda: desk.decide(approval),
            lambda: services.expire(approval_id=approval.pk, now=approval.expires_at),
        ]
    )
    services.execute(approval.pk)
    assert isinstance(vote, Conflict) is has_expired
    assert len(sandbox.journal()) == (0 if has_expired else 1)
