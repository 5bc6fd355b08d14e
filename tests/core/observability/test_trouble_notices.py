"""Failed jobs, paused services and late timers are told to those who see failed jobs, once each."""

from datetime import timedelta
from uuid import uuid4

import pytest

from accounts.models import Notice
from core.clock import now
from core.jobs import dead_letters
from core.models import Outbox
from core.reliability.circuit_breaker import Breaker
from core.tenancy.scope import tenant_scope
from hitl.approvals.change import overdue
from hitl.models import Timer
from tests.console.scene import add_workflow, ask
from tests.world import World

pytestmark = pytest.mark.django_db
SEES_FAILED_JOBS = {"owner", "admin", "compliance"}


def told(world: World, kind: str) -> dict[str, int]:
    """Return how many notices of a kind each role of the first tenant has."""
    roles = {user.pk: role for role, user in world.people.items()}
    found: dict[str, int] = {}
    for person in Notice.objects.filter(kind=kind, level="alert").values_list("person_id", flat=True):
        found[roles[person]] = found.get(roles[person], 0) + 1
    return found


def test_failed_job_is_told_once_until_it_is_closed(acme: World) -> None:
    ref = uuid4()
    for _ in range(3):
        letter = dead_letters.park(kind="tests.job", ref=ref, error="Away")
    assert told(acme, "failed_job") == dict.fromkeys(SEES_FAILED_JOBS, 1)
    notice = Notice.objects.filter(kind="failed_job").latest("id")
    assert notice.link == f"/admin/core/deadletter/{letter.pk}/"
    assert Outbox.objects.filter(event="notice_alerted").count() == len(SEES_FAILED_JOBS)
    dead_letters.discard(actor=acme.actor("admin"), dead_letter_id=letter.pk)
    dead_letters.park(kind="tests.job", ref=ref, error="Away again")
    assert told(acme, "failed_job") == dict.fromkeys(SEES_FAILED_JOBS, 2)


def test_paused_service_is_told_once_each_time_it_is_paused(acme: World) -> None:
    one = Breaker(f"twilio:{uuid4()}", threshold=2)
    for _ in range(4):
        one.failed()
    assert told(acme, "breaker") == dict.fromkeys(SEES_FAILED_JOBS, 1)
    assert Notice.objects.filter(kind="breaker").latest("id").title == "Calls to twilio are paused"
    one.succeeded()
    one.failed()
    assert told(acme, "breaker") == dict.fromkeys(SEES_FAILED_JOBS, 1)
    one.failed()
    assert told(acme, "breaker") == dict.fromkeys(SEES_FAILED_JOBS, 2)


def test_late_timers_are_told_once_an_hour_in_their_own_tenant(world: World) -> None:
    with tenant_scope(world.acme.pk):
        add_workflow(world)
        approval = ask(world)
        Timer.objects.filter(approval=approval).update(due_at=now() - timedelta(minutes=5))
    assert overdue.tenants_overdue() == [world.acme.pk]
    with tenant_scope(world.acme.pk):
        assert overdue.notify_overdue_timers() >= 1
        overdue.notify_overdue_timers()
        assert told(world, "overdue_timers") == dict.fromkeys(SEES_FAILED_JOBS, 1)
        overdue.notify_overdue_timers(now=now() + timedelta(hours=1))
        assert told(world, "overdue_timers") == dict.fromkeys(SEES_FAILED_JOBS, 2)
        Timer.objects.update(done_at=now())
        assert overdue.notify_overdue_timers() == 0
    with tenant_scope(world.globex.pk):
        assert Notice.objects.count() == 0
