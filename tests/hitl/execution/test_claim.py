"""A claim rests on the row at the moment of its lock, not on what was read before."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from core.clock import now
from core.errors import NotFound
from hitl.actions.base import Outcome
from hitl.approvals.change.close import revoke
from hitl.approvals.change.holds import hold, release
from hitl.approvals.state import transitions
from hitl.execution import claim, execute
from hitl.execution.observation import observe_again
from hitl.models import Approval, Execution, KillSwitch
from tests.hitl.killswitch.test_kill_switches import beside
from tests.hitl.kit.scene import Scene, stored

Tamper = Callable[[str], None]
OTHER = "'00000000-0000-7000-8000-000000000001'"
PAYLOAD = """'{"button": "red", "amount": "900.00"}'"""
STOPPING = {
    "payload": PAYLOAD,
    "facts": "'{}'",
    "holds": "'{manual}'",
    "execute_by": "now() - interval '1 day'",
    "digest": "repeat('0', 64)",
    "kind_version": "7",
    "decided_as": "'overridden'",
    "agent_id": OTHER,
    "revision": "2",
}
"""Columns, each with a value that speaks against the claim."""


def _claimed(approval: Approval) -> claim.Claim | None:
    return claim.claim(approval.pk, observe_again(approval), now())


@pytest.mark.parametrize("column", STOPPING)
def test_change_between_observation_and_claim_stops_the_effect(scene: Scene, tampering: Tamper, column: str) -> None:
    read = transitions.read(scene.approved().pk)
    observed = observe_again(read)
    tampering(f"update hitl_approval set {column} = {STOPPING[column]} where id = '{read.pk}'")
    assert claim.claim(read.pk, observed, now()) is None
    assert not Execution.objects.exists()


@pytest.mark.slow
def test_claim_is_made_of_the_locked_row(scene: Scene) -> None:
    read = transitions.read(scene.approved().pk)
    observed = observe_again(read)
    for step in (hold, release):
        step(actor=scene.actor("compliance"), approval_id=read.pk, reason="Wait")
    assert claim.claim(read.pk, observed, now()) is not None
    assert stored(read).version == read.version + 3


def test_no_claim_under_a_switch_that_came_after_the_observation(scene: Scene) -> None:
    read = transitions.read(scene.approved().pk)
    KillSwitch.objects.create(scope="tenant", reason="Stop", activated_by_id=scene.user_id("compliance"))
    assert _claimed(read) is None
    row = stored(read)
    assert (row.state, row.holds, Execution.objects.count()) == ("approved", ["kill_switch"], 0)


@pytest.mark.slow
def test_further_try_is_a_claim_of_the_execution_that_is_there(scene: Scene) -> None:
    approval = scene.approved()
    first = _claimed(transitions.read(approval.pk))
    assert first is not None
    execute.settle(claim=first, outcome=Outcome("failed_clean", retry=True))
    again = _claimed(transitions.read(approval.pk))
    assert again is not None
    assert (again.execution_id, again.fence) == (first.execution_id, first.fence + 1)


def test_payload_changed_between_look_and_claim_stops_the_effect(scene: Scene, tampering: Tamper) -> None:
    read = transitions.read(scene.approved().pk)
    tampering(f"update hitl_approval set payload = {PAYLOAD} where id = '{read.pk}'")
    assert _claimed(read) is None
    assert stored(read).holds == ["manual"]


def test_row_that_is_gone_is_not_found(scene: Scene) -> None:
    observed = observe_again(scene.approved())
    with pytest.raises(NotFound):
        claim.claim(scene.user_id("support"), observed, now())


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_claim_that_waited_for_a_revocation_sees_it(live_scene: Scene) -> None:
    read = transitions.read(live_scene.approved().pk)
    with beside() as start:
        with transaction.atomic():
            revoke(actor=live_scene.actor("approver"), approval_id=read.pk)
            waiting = start(lambda: _claimed(read))
            _wait_for_a_lock()
        assert waiting.result(20) is None
    assert stored(read).state == "cancelled"


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_change_that_was_undone_is_none(live_scene: Scene) -> None:
    read = transitions.read(live_scene.approved().pk)
    with transaction.atomic():
        revoke(actor=live_scene.actor("approver"), approval_id=read.pk)
        transaction.set_rollback(True)
    assert _claimed(read) is not None


def _wait_for_a_lock() -> None:
    until = now() + timedelta(seconds=20)
    with connection.cursor() as cursor:
        while now() < until:
            cursor.execute("select count(*) from pg_locks where not granted")
            row: Any = cursor.fetchone()
            if row[0]:
                return
    raise AssertionError("nobody waits")


def test_payload_that_was_another_one_while_it_was_observed_is_not_executed(scene: Scene, tampering: Tamper) -> None:
    approval = scene.approved()
    approved = json.dumps(approval.payload)
    tampering(f"update hitl_approval set payload = {PAYLOAD} where id = '{approval.pk}'")
    observed = observe_again(transitions.read(approval.pk))
    tampering(f"update hitl_approval set payload = '{approved}' where id = '{approval.pk}'")
    assert claim.claim(approval.pk, observed, now()) is None
    again = _claimed(transitions.read(approval.pk))
    assert again is not None
    assert again.params.model_dump(mode="json") == approval.payload
