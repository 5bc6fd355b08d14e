"""What a claim rests on is the row at the moment of its lock, whatever was read before the look outside."""

import json
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from core import rows
from core.clock import now
from core.errors import Conflict, NotFound
from hitl import services
from hitl.actions.base import Outcome
from hitl.approvals import transitions
from hitl.execution import claim as claiming
from hitl.execution import execute
from hitl.models import Approval, Execution, KillSwitch
from tests.hitl.scene import Scene, states_told, stored
from tests.hitl.test_switches import beside

Tamper = Callable[[str], None]
OTHER = "'00000000-0000-7000-8000-000000000001'"
CHANGES = {
    "payload": """'{"button": "red", "amount": "900.00"}'""",
    "facts": "'{}'",
    "holds": "'{manual}'",
    "excluded": f"array[{OTHER}]::uuid[]",
    "execute_by": "now() - interval '1 day'",
    "digest": "repeat('0', 64)",
    "kind_version": "7",
    "cost": "null",
    "level": "level + 1",
    "decided_role": "'rule'",
    "requester_id": "null",
    "snapshot": """'{"levels": []}'""",
    "version": "version + 1",
    "summary": "summary",
}


def _locked(found: transitions.Read) -> Approval:
    with transaction.atomic():
        return transitions.Work(now()).lock_and_read(found.approval.pk, [], seen=found)[0]


def _claimed(found: transitions.Read) -> claiming.Claim | None:
    return claiming.claim(found.approval.pk, claiming.look(found.approval), now(), found=found)


def test_row_that_nobody_wrote_to_is_not_read_again(scene: Scene) -> None:
    found = transitions.read(scene.approved().pk)
    assert _locked(found) is found.approval


@pytest.mark.parametrize("column", CHANGES)
def test_row_written_to_after_it_was_read_is_read_again(scene: Scene, tampering: Tamper, column: str) -> None:
    found = transitions.read(scene.approved().pk)
    tampering(f"update hitl_approval set {column} = {CHANGES[column]} where id = '{found.approval.pk}'")
    locked, fresh = _locked(found), stored(found.approval)
    assert locked is not found.approval
    names = [field.attname for field in rows.fields_of(Approval)]
    assert [getattr(locked, name) for name in names] == [getattr(fresh, name) for name in names]


def test_what_a_lean_read_left_out_is_read_at_once(scene: Scene, django_assert_num_queries: Any) -> None:
    approval = scene.approved()
    lean, fresh = transitions.read(approval.pk).approval, stored(approval)
    with django_assert_num_queries(1):
        found = lean.summary, lean.preview, lean.moved_at, lean.risk_factors
    assert found == (fresh.summary, fresh.preview, fresh.moved_at, fresh.risk_factors)


def test_what_was_left_out_is_not_read_of_another_revision(scene: Scene, tampering: Tamper) -> None:
    lean = transitions.read(scene.approved().pk).approval
    tampering(f"update hitl_approval set revision = 2 where id = '{lean.pk}'")
    with pytest.raises(Conflict):
        _ = lean.summary
    assert lean.revision == 1


def _outcome(found: transitions.Read, *, alone: bool) -> tuple[Any, ...]:
    """What a claim leaves behind, by the approval as it was read or without that; undone when it is known."""
    found = found._replace(approval=copy(found.approval))
    with transaction.atomic():
        claim = claiming.claim(found.approval.pk, claiming.look(found.approval), now(), found=None if alone else found)
        row = stored(found.approval)
        fences = list(Execution.objects.values_list("fence", "attempt", "digest", "idempotency_key"))
        left = claim and claim.fence, row.state, row.version, row.holds, row.hold_reason, row.revision, fences
        transaction.set_rollback(True)
    return left, states_told(row), [timer.kind for timer in row.timers.filter(done_at=None).order_by("kind")]


@pytest.mark.parametrize("column", ["", *CHANGES])
@pytest.mark.parametrize("is_late", [True, False])
def test_claim_that_was_foreseen_is_that_of_the_locked_row(
    scene: Scene, tampering: Tamper, column: str, is_late: bool
) -> None:
    approval = scene.approved()
    found = transitions.read(approval.pk)
    if column:
        tampering(f"update hitl_approval set {column} = {CHANGES[column]} where id = '{approval.pk}'")
    if not is_late:
        found = transitions.read(approval.pk)
    assert _outcome(found, alone=False) == _outcome(found, alone=True)


def test_claim_that_was_foreseen_is_not_made_under_a_switch(scene: Scene) -> None:
    found = transitions.read(scene.approved().pk)
    KillSwitch.objects.create(scope="tenant", reason="Stop", thrown_by_id=scene.user_id("compliance"))
    assert _claimed(found) is None
    row = stored(found.approval)
    assert (row.state, row.holds, Execution.objects.count()) == ("approved", ["kill_switch"], 0)


def test_further_try_is_a_claim_of_the_execution_that_is_there(scene: Scene) -> None:
    approval = scene.approved()
    first = _claimed(transitions.read(approval.pk))
    assert first is not None
    execute.report(claim=first, outcome=Outcome("failed_clean", retry=True))
    again = _claimed(transitions.read(approval.pk))
    assert again is not None
    assert (again.execution_id, again.fence) == (first.execution_id, first.fence + 1)


def test_payload_changed_between_look_and_claim_stops_the_effect(scene: Scene, tampering: Tamper) -> None:
    found = transitions.read(scene.approved().pk)
    tampering(f"update hitl_approval set payload = {CHANGES['payload']} where id = '{found.approval.pk}'")
    assert _claimed(found) is None
    assert stored(found.approval).holds == ["manual"]


def test_row_that_is_gone_is_not_found(scene: Scene) -> None:
    found = transitions.read(scene.approved().pk)
    found.approval.pk = found.approval.requester_id
    with pytest.raises(NotFound):
        _locked(found)


@pytest.mark.django_db(transaction=True)
def test_claim_that_waited_for_a_revocation_sees_it(live_scene: Scene) -> None:
    found = transitions.read(live_scene.approved().pk)
    with beside() as start:
        with transaction.atomic():
            services.revoke(actor=live_scene.actor("approver"), approval_id=found.approval.pk)
            claim = start(lambda: _claimed(found))
            _wait_for_a_lock()
        assert claim.result(20) is None
    assert stored(found.approval).state == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_change_that_was_undone_is_none(live_scene: Scene) -> None:
    found = transitions.read(live_scene.approved().pk)
    with transaction.atomic():
        services.revoke(actor=live_scene.actor("approver"), approval_id=found.approval.pk)
        transaction.set_rollback(True)
    with transaction.atomic():
        Approval.objects.select_for_update().get(pk=found.approval.pk)
    assert _locked(found) is found.approval
    assert _claimed(found) is not None


def _wait_for_a_lock() -> None:
    until = now() + timedelta(seconds=20)
    with connection.cursor() as cursor:
        while now() < until:
            cursor.execute("select count(*) from pg_locks where not granted")
            row: Any = cursor.fetchone()
            if row[0]:
                return
    raise AssertionError("nobody waits")


def test_payload_that_was_another_one_while_it_was_looked_at_is_not_carried_out(
    scene: Scene, tampering: Tamper
) -> None:
    approval = scene.approved()
    signed = json.dumps(approval.payload)
    tampering(f"update hitl_approval set payload = {CHANGES['payload']} where id = '{approval.pk}'")
    found = transitions.read(approval.pk)
    seen = claiming.look(found.approval)
    tampering(f"update hitl_approval set payload = '{signed}' where id = '{approval.pk}'")
    assert claiming.claim(approval.pk, seen, now(), found=found) is None
    again = _claimed(transitions.read(approval.pk))
    assert again is not None
    assert again.params.model_dump(mode="json") == approval.payload
