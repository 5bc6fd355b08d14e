"""What requesters read of emergency stops: how much is paused, and, for staff only, who paused it and why."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.actors import system
from core.errors import Conflict
from hitl.approvals.change.holds import release
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.killswitch import describe
from hitl.models import GlobalKillSwitch, KillSwitch
from tests.hitl.kit.scene import Scene

AGENT = UUID("01980000-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("scope", "target", "told"),
    [
        ("tenant", "", "All actions of this organisation are"),
        ("agent", str(AGENT), "The actions of this agent are"),
        ("kind", "test_press_keyed", "This kind of action is"),
    ],
)
def test_refusal_says_how_much_is_stopped(scene: Scene, scope: str, target: str, told: str) -> None:
    KillSwitch.objects.create(scope=scope, target=target, reason="Leak of prices")
    refusal = describe.paused(system("test"), kind="test_press_keyed", agent_id=AGENT)
    assert refusal.detail == f"{told} paused by an emergency stop."
    assert "stopped" not in refusal.facts


def test_refusal_names_the_widest_of_several_switches(scene: Scene) -> None:
    KillSwitch.objects.create(scope="kind", target="test_press_keyed", reason="Stop")
    GlobalKillSwitch.objects.create(reason="Stop")
    assert describe.paused(system("test"), kind="test_press_keyed", agent_id=None).detail.startswith("All actions")


def test_refusal_in_an_organisation_that_is_off_names_no_switch(scene: Scene) -> None:
    assert "switch" not in describe.paused(system("test"), kind="test_press_keyed", agent_id=None).detail


def test_hold_of_a_switch_that_is_still_active_reads_the_switches_once(scene: Scene) -> None:
    approval = scene.propose()
    activate_kill_switch(actor=scene.actor("compliance"), scope="tenant", reason="Leak of prices")
    with CaptureQueriesContext(connection) as asked, pytest.raises(Conflict) as caught:
        release(actor=scene.actor("admin"), approval_id=approval.pk, name="kill_switch")
    assert caught.value.facts["stopped"][0]["reason"] == "Leak of prices"
    assert len([query for query in asked if 'FROM "hitl_killswitch"' in query["sql"]]) == 1
