"""A worker killed at five points, with both kinds of adapter: the sandbox platform's journal tells what happened."""

import os
import signal
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from django.db import connection, transaction

from core.audit import chain
from core.clock import now
from core.tenancy.scope import current_tenant_id, tenant_scope
from hitl import services
from hitl.approvals.change import due
from hitl.domain.replay import ReplayedState, replay
from hitl.execution import claim, execute
from hitl.execution.observation import observe_again
from hitl.execution.reconcile import probe
from hitl.models import Approval, Timer
from tests.edge.platform_fixture import Platform
from tests.hitl.kit.scene import Scene, performed, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
IN_CALL = ("before the effect", "after the effect")
POINTS = ("before the claim's commit", "after the claim", *IN_CALL, "before the outcome's commit")
KEYED: dict[str, Any] = {"kind": "set_campaign_budget", "params": {"campaign": "Summer Sale", "daily_budget": "900"}}
PLAIN: dict[str, Any] = {"kind": "pause_campaign", "params": {"campaign": "Summer Sale"}}
STALL = 1.0
LATER = timedelta(seconds=45)


def _stop(write: int) -> NoReturn:
    """Say that the point is reached, and wait to be killed."""
    os.write(write, b"here")
    time.sleep(60)
    os._exit(1)


def _work(approval: Approval, point: str, write: int) -> NoReturn:
    """Be the worker, in a process of its own."""
    # The parent's connection is the parent's: it is let go of, not closed.
    connection.connection = None
    with tenant_scope(current_tenant_id()):
        seen = observe_again(Approval.objects.get(pk=approval.pk))
        with transaction.atomic():
            taken = claim.claim(approval.pk, seen, now())
            if point == "before the claim's commit":
                _stop(write)
        if point == "after the claim" or taken is None:
            _stop(write)
        if point in IN_CALL:
            os.write(write, b"here")
        outcome = performed(taken)
        with transaction.atomic():
            execute.settle(claim=taken, outcome=outcome)
            _stop(write)


def _kill(approval: Approval, point: str, has_happened: Callable[[], bool]) -> None:
    """Start a worker, wait until it is at the point, and kill it there."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        try:
            _work(approval, point, write)
        finally:
            os._exit(1)
    os.close(write)
    try:
        assert os.read(read, 4) == b"here"
        if point in IN_CALL:
            _wait(has_happened)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)


def _wait(has_happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not has_happened():
        assert time.monotonic() < until, "the worker never came to the point"
        time.sleep(0.02)


def _killed(desk: Scene, sandbox: Platform, point: str, request: dict[str, Any]) -> Approval:
    """Return an approved request whose worker was killed at the point."""
    approval = desk.approved(request["kind"], params=request["params"])
    if point in IN_CALL:
        sandbox.script("POST /v1/campaigns", "stall" if point == IN_CALL[0] else "stall_after", seconds=STALL)

    def has_happened() -> bool:
        if point == "after the effect":
            return bool(sandbox.journal())
        return sandbox.call("GET", "/__script").json()["rules"] == []

    _kill(approval, point, has_happened)
    with transaction.atomic():
        # The server may notice a moment later that nobody holds the rows any more, and a sweep skips what is held.
        Approval.objects.select_for_update().get(pk=approval.pk)
        list(Timer.objects.select_for_update().filter(approval=approval))
    return approval


def _restart() -> None:
    """Run what is due once leases are over, as sweep and worker would."""
    moment = now() + LATER
    for timer in due.claim_due(now=moment):
        with tenant_scope(timer.tenant_id):
            if timer.kind in (Timer.Kind.EXECUTE, Timer.Kind.LEASE):
                services.execute(timer.approval_id, now=moment)
            elif timer.kind == Timer.Kind.UNKNOWN:
                probe(timer.approval_id, now=moment)


def _folds(approval: Approval) -> None:
    row = stored(approval)
    entries = chain.chain_of("hitl.approval", approval.pk)
    assert replay(entries) == ReplayedState(row.state, row.version, row.revision)


@pytest.mark.parametrize("point", POINTS)
def test_keyed_change_is_made_once_wherever_its_worker_was_killed(desk: Scene, sandbox: Platform, point: str) -> None:
    approval = _killed(desk, sandbox, point, KEYED)
    assert stored(approval).state == ("approved" if point == POINTS[0] else "executing")
    _restart()
    time.sleep(STALL if point == IN_CALL[0] else 0)  # the first call may land after the second
    assert stored(approval).state == "executed"
    assert [row["operation"] for row in sandbox.journal()] == ["set_campaign_budget"]
    _folds(approval)


@pytest.mark.parametrize("point", POINTS)
def test_other_change_is_never_made_twice_wherever_its_worker_was_killed(
    desk: Scene, sandbox: Platform, point: str
) -> None:
    approval = _killed(desk, sandbox, point, PLAIN)
    _restart()
    _restart()
    time.sleep(STALL if point == IN_CALL[0] else 0)
    assert stored(approval).state == ("executed" if point == POINTS[0] else "unknown")
    assert len(sandbox.journal()) == (0 if point == "after the claim" else 1)
    _folds(approval)
