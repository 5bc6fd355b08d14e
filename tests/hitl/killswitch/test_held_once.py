"""While an emergency stop is active, a covered request is put on hold once."""

from datetime import timedelta

import pytest

from core.clock import now
from core.models import AuditEntry
from core.tenancy.scope import current_tenant_id
from hitl import services, tasks
from hitl.approvals.change import due as timing
from hitl.execution.kill_switch_activation import release_kill_switch
from hitl.models import KillSwitch
from tests.hitl.kit.scene import Scene, stored

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.mark.parametrize("scope", ["tenant", "kind"])
def test_covered_request_is_put_on_hold_once_however_often_its_timer_is_due(scene: Scene, scope: str) -> None:
    approval = scene.approved()
    target = "" if scope == "tenant" else "test_press_keyed"
    switch = KillSwitch.objects.create(scope=scope, target=target, reason="Stop")
    for minute in range(1, 4):
        moment = now() + timedelta(minutes=2 * minute)
        assert "execute" in {due.kind for due in timing.claim_due(now=moment)}
        services.execute(approval.pk, now=moment)
        tasks.align_holds(str(current_tenant_id()), str(current_tenant_id()))
    held = stored(approval)
    assert (held.holds, held.version) == (["kill_switch"], approval.version + 1)
    assert AuditEntry.objects.filter(object_id=approval.pk, action="APPROVAL_HOLD").count() == 1
    release_kill_switch(actor=scene.actor("compliance"), switch_id=switch.pk)
    assert scene.done(stored(approval)).state == "executed"
