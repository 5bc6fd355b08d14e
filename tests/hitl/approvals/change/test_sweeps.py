"""The sweeps: what is due is done in its own tenant, and stale timers do nothing."""

from datetime import timedelta

import pytest

from core.audit import chain as audit
from core.clock import now
from core.errors import Invalid, Refused
from core.tenancy.scope import tenant_scope
from hitl import tasks
from hitl.approvals.change import due
from hitl.execution import kill_switch_activation
from hitl.execution.kill_switch_activation import activate_global, hold_covered, release_global
from hitl.models import Timer
from tests.hitl.kit.scene import BLUE, Scene, stored
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = now() - timedelta(days=10)


@pytest.mark.slow
def test_sweep_expires_what_is_due(live_scene: Scene) -> None:
    approval = live_scene.propose(now=LONG_AGO)
    tasks.sweep_timers()
    assert stored(approval).state == "expired"


@pytest.mark.slow
def test_sweep_lapses_what_was_not_executed(live_scene: Scene) -> None:
    approval = live_scene.propose(now=LONG_AGO)
    live_scene.decide(approval, now=LONG_AGO)
    tasks.sweep_timers()
    assert stored(approval).state == "expired"
    assert live_scene.effects.pressed == []


@pytest.mark.slow
def test_sweep_leaves_what_is_not_due(live_scene: Scene) -> None:
    approval = live_scene.propose()
    tasks.sweep_timers()
    assert stored(approval).version == 1


@pytest.mark.slow
def test_task_executes_in_its_tenant(live_scene: Scene) -> None:
    approval = live_scene.approved()
    tasks.execute_approval(str(live_scene.world.acme.pk), str(approval.pk))
    assert stored(approval).state == "executed"


@pytest.mark.slow
def test_due_timers_name_their_tenant(live_scene: Scene) -> None:
    live_scene.propose(now=LONG_AGO)
    with tenant_scope(live_scene.world.globex.pk):
        assert not Timer.objects.exists()
        timers = due.claim_due()
    assert {row.tenant_id for row in timers} == {live_scene.world.acme.pk}


@pytest.mark.slow
def test_every_open_approval_has_its_timers(live_scene: Scene) -> None:
    live_scene.propose()
    live_scene.approved(params=BLUE)
    pairs = Timer.objects.filter(done_at=None).values_list("approval__state", "kind")
    assert set(pairs) == {
        ("pending", "expire"),
        ("pending", "sla"),
        ("approved", "execute"),
        ("approved", "lapse"),
    }


@pytest.mark.slow
def test_global_switch_stops_every_tenant(live_scene: Scene) -> None:
    approval = live_scene.approved()
    activate_global(actor=OPERATOR, reason="Stop")
    assert kill_switch_activation.tenants_out_of_line() == {live_scene.world.acme.pk}
    tasks.align_holds(str(live_scene.world.acme.pk), str(live_scene.world.acme.pk))
    assert stored(approval).holds == ["kill_switch"]
    assert live_scene.done(approval).state == "approved"


@pytest.mark.slow
def test_global_release_lets_work_go_on(live_scene: Scene) -> None:
    approval = live_scene.approved()
    activate_global(actor=OPERATOR, reason="Stop")
    hold_covered()
    assert release_global(actor=OPERATOR) == 1
    hold_covered()
    assert live_scene.done(approval).state == "executed"


def test_global_switch_is_in_the_audit_of_every_tenant(live_scene: Scene) -> None:
    switch = activate_global(actor=OPERATOR, reason="Stop")
    release_global(actor=OPERATOR)
    for tenant in (live_scene.world.acme, live_scene.world.globex):
        with tenant_scope(tenant.pk):
            chain = audit.chain_of("hitl.globalkillswitch", switch.pk)
            assert [entry.new_state for entry in chain] == ["activated", "released"]
            assert {entry.actor_name for entry in chain} == {OPERATOR.name}
            assert audit.verify().ok


def test_global_switch_needs_a_reason(live_scene: Scene) -> None:
    with pytest.raises(Invalid):
        activate_global(actor=OPERATOR, reason=" ")


def test_owner_of_a_tenant_cannot_stop_the_installation(live_scene: Scene) -> None:
    with pytest.raises(Refused):
        activate_global(actor=live_scene.actor("owner"), reason="Stop")


@pytest.mark.slow
def test_timers_done_long_ago_are_removed(live_scene: Scene) -> None:
    live_scene.decide(live_scene.propose(), "reject")
    later = now() + timedelta(days=31)
    with tenant_scope(live_scene.world.acme.pk):
        count = Timer.objects.exclude(done_at=None).count()
        assert count > 1
        assert [due.purge_done(now=later, limit=1), due.purge_done(now=later)] == [1, count - 1]
