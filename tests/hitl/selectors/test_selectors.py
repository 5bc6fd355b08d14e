"""Reading approvals: filters, stories, numbers, and how many queries they take."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from core.clock import now
from core.errors import NotFound, Refused
from core.events import streams
from core.models import StreamEvent
from core.tenancy.scope import tenant_scope
from hitl import selectors
from hitl.actions.base import Origin
from hitl.approvals.change import due
from hitl.approvals.decide import rights
from hitl.approvals.rest.approvals import ApprovalFilters
from hitl.approvals.state import transitions
from hitl.models import Timer
from hitl.selectors import timeline
from tests.hitl.kit.scene import BLUE, Scene, stored


def _list(scene: Scene, role: str = "approver", **wanted: Any) -> list[str]:
    return [row.reference for row in selectors.list_approvals(viewer=scene.actor(role), **wanted)]


def _filtered(scene: Scene, **query: str) -> list[str]:
    rows = selectors.query_approvals(viewer=scene.actor("approver"))
    return [row.reference for row in ApprovalFilters(QueryDict(urlencode(query)), queryset=rows).qs]


def _queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        call()
    return len(seen)


def test_newest_comes_first(scene: Scene) -> None:
    for _ in range(2):
        scene.propose()
    assert _list(scene) == ["BR-1002", "BR-1001"]


@pytest.mark.parametrize("text", ["BR-1002", "br-1002", "1002", " #1002 "])
def test_reference_is_found_as_people_write_it(scene: Scene, text: str) -> None:
    for _ in range(2):
        scene.propose()
    assert _filtered(scene, q=text) == ["BR-1002"]


@pytest.mark.slow
def test_states_kinds_and_levels_narrow(scene: Scene) -> None:
    scene.decide(scene.propose(), "reject")
    scene.propose("test_press_plain")
    assert _filtered(scene, state="rejected") == ["BR-1001"]
    assert _filtered(scene, kind="test_press_plain") == ["BR-1002"]
    assert _filtered(scene, risk="critical") == []


@pytest.mark.slow
def test_mine_are_those_that_wait_for_me(scene: Scene) -> None:
    scene.propose(actor=scene.actor("approver"))
    scene.approved()
    scene.propose()
    assert _list(scene, mine=True) == ["BR-1003"]
    assert _filtered(scene, assignee=str(scene.user_id("admin"))) == ["BR-1003", "BR-1001"]


def test_overdue_are_listed_and_counted(scene: Scene) -> None:
    scene.propose(now=now() - timedelta(hours=9))
    scene.propose(params=BLUE)
    viewer = scene.actor("viewer")
    assert _list(scene, overdue=True) == ["BR-1001"]
    assert selectors.count_overdue(viewer=viewer) == 1


def test_overdue_timer_marks_once_and_tells_the_queue(scene: Scene) -> None:
    approval = scene.propose(now=now() - timedelta(hours=9))
    timer = Timer.objects.get(kind="sla")
    assert due.note_breach(timer_id=timer.pk)
    assert not due.note_breach(timer_id=timer.pk)
    assert stored(approval).sla_minutes_over == 60
    assert StreamEvent.objects.filter(type="approval.overdue").count() == 1
    assert [event.type for event in streams.read(f"approval:{approval.pk}", 0)] == [
        "approval.opened",
        "approval.overdue",
    ]


def test_alert_is_told_to_those_who_read_the_approval(scene: Scene) -> None:
    approval = scene.propose()
    with transitions.unit_of_work(now()) as work:
        work.alert(approval, "unknown")
    [_, alert] = streams.read(f"approval:{approval.pk}", 0)
    assert (alert.type, alert.payload["problem"]) == ("approval.alert", "unknown")


@pytest.mark.slow
def test_waiting_are_counted_by_level(scene: Scene) -> None:
    scene.propose()
    scene.approved(params=BLUE)
    counts = selectors.count_waiting(viewer=scene.actor("viewer"))
    assert sum(counts.values()) == 1


def test_count_of_mine(scene: Scene) -> None:
    scene.propose()
    assert selectors.count_mine(viewer=scene.actor("approver")) == 1
    assert selectors.count_mine(viewer=scene.actor("owner")) == 0


@pytest.mark.slow
def test_chart_counts_each_day(scene: Scene) -> None:
    scene.propose(now=now() - timedelta(days=2))
    scene.decide(scene.propose(), "reject")
    chart = selectors.count_by_day(viewer=scene.actor("viewer"))
    assert [row.opened for row in chart] == [0] * 11 + [1, 0, 1]
    assert [(row.signed, row.rejected) for row in chart] == [(0, 0)] * 13 + [(0, 1)]


def test_chart_follows_the_days_of_the_tenants_zone(scene: Scene) -> None:
    Tenant.objects.update(timezone="Pacific/Auckland")
    late = datetime(2026, 6, 10, 13, 30, tzinfo=UTC)  # already the eleventh over there
    scene.propose(now=late)
    chart = selectors.count_by_day(viewer=scene.actor("viewer"), days=2, now=late)
    assert [(row.day.day, row.opened) for row in chart] == [(10, 0), (11, 1)]


@pytest.mark.slow
def test_story_names_who_did_what_and_why(scene: Scene) -> None:
    approval = scene.done(scene.decide(scene.propose(), reason="Fine"))
    told = timeline.history(viewer=scene.actor("viewer"), approval_id=approval.pk)
    assert [entry.action for entry in told] == ["propose", "approve", "claim", "succeed"]
    assert (told[1].actor, told[1].reason) == ("Approver Acme", "Fine")


@pytest.mark.slow
def test_conversation_shows_its_own(scene: Scene) -> None:
    conversation = uuid4()
    scene.propose()
    scene.propose(origin=Origin(conversation_id=conversation))
    viewer = scene.actor("viewer")
    rows = selectors.list_for_conversation(viewer=viewer, conversation_id=conversation)
    assert [row.reference for row in rows] == ["BR-1002"]


def test_who_may_decide_is_known_beforehand(scene: Scene) -> None:
    approval = scene.propose(actor=scene.actor("admin"))
    verdicts = {
        role: rights.why_not_decide(viewer=scene.actor(role), approval=approval) is None
        for role in ("approver", "admin", "owner", "viewer")
    }
    assert verdicts == {"approver": True, "admin": False, "owner": False, "viewer": False}


def test_outsider_and_absent_are_the_same(scene: Scene) -> None:
    approval, outsider = scene.propose(), scene.world.outsider()
    with tenant_scope(scene.world.globex.pk):
        for key in (approval.pk, uuid4()):
            with pytest.raises(NotFound):
                selectors.get_approval(viewer=outsider, approval_id=key)


def test_viewing_needs_the_right(scene: Scene) -> None:
    nobody = scene.actor("viewer").limited_to(frozenset())
    with pytest.raises(Refused):
        selectors.list_approvals(viewer=nobody)


@pytest.mark.parametrize("rows", [1, 3])
def test_queries_do_not_grow_with_rows(scene: Scene, rows: int) -> None:
    approvals = [scene.propose() for _ in range(rows)]
    viewer = scene.actor("viewer")

    def page() -> None:
        for row in selectors.list_approvals(viewer=viewer):
            assert row.requester is not None

    assert _queries(page) == 1
    assert _queries(lambda: selectors.count_waiting(viewer=viewer)) == 1
    assert _queries(lambda: timeline.history(viewer=viewer, approval_id=approvals[0].pk)) == 3
    assert _queries(lambda: selectors.count_by_day(viewer=viewer)) == 3
