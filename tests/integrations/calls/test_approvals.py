"""Approved requests and readings of agents while calls to their system are paused or fail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.answering.tool_calls.call import Reading
from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Arguments
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from hitl import services
from hitl.actions.base import Origin
from hitl.approvals.change.due import claim_due, fire
from hitl.execution.claim import claim
from hitl.execution.execute import call, settle
from hitl.execution.kill_switch_activation import activate_kill_switch, release_kill_switch
from hitl.execution.observation import observe_again
from hitl.killswitch.state import count_in_flight_calls, find_stop_reason, track_in_flight_call
from hitl.models import Approval, Execution
from integrations.calls.breaker import breaker_of, pause_calls, resume_calls
from integrations.connections.services import make_default
from integrations.models import ProviderAccount
from tests.edge.platform_fixture import Platform
from tests.world import OPERATOR, World


@pytest.fixture
def office(connected: World) -> World:
    """The first tenant, whose approver approves every change of a budget."""
    asks: dict[str, Any] = {"approvers": [{"type": "role", "value": "approver"}]}
    services.create_workflow(actor=connected.actor("owner"), name="All", levels=[asks], is_default=True)
    return connected


def approved(world: World) -> Approval:
    params = {"campaign": "Summer Sale", "daily_budget": "900.00"}
    asked = services.propose(
        actor=world.actor("support"), kind="set_campaign_budget", params=params, origin=Origin(channel="api")
    )
    return services.decide(actor=world.actor("approver"), approval_id=asked.pk, verdict="approve", digest=asked.digest)


def page_of(world: World, approval: Approval) -> str:
    client = Client()
    client.force_login(world.people["approver"], backend="accounts.backends.RoleBackend")
    return client.get(f"/admin/hitl/approval/{approval.pk}/").content.decode()


@pytest.mark.slow
def test_approved_request_waits_for_an_open_breaker_and_says_why(office: World, sandbox: Platform) -> None:
    request, guard = approved(office), breaker_of(ProviderAccount.objects.get())
    began = now()
    with time_machine.travel(began, tick=False) as clock:
        for _ in range(5):
            guard.failed()
        for _ in range(8):  # more often than an execution is tried
            assert services.execute(request.pk).state == "approved"
        assert "answer several times in a row" in page_of(office, request)
        assert (Execution.objects.count(), sandbox.journal()) == (0, [])
        clock.shift(61)
        assert services.execute(request.pk).state == "executed"
    assert [entry["operation"] for entry in sandbox.journal()] == ["set_campaign_budget"]


@pytest.mark.slow
def test_stop_of_a_connection_holds_what_is_executed_over_it_and_nothing_else(office: World, sandbox: Platform) -> None:
    request, main, owner = approved(office), ProviderAccount.objects.get(), office.actor("owner")
    other = ProviderAccount.objects.create(provider="zendesk", name="Desk", credentials={"token": "x"}, is_default=True)
    for nothing in (str(uuid4()), "set_campaign_budget"):  # the kind of an open request is no connection
        with pytest.raises(Invalid):
            activate_kill_switch(actor=owner, scope="connection", target=nothing, reason="Odd figures")
    elsewhere = activate_kill_switch(actor=owner, scope="connection", target=str(other.pk), reason="Odd tickets")
    assert Approval.objects.get(pk=request.pk).holds == []
    release_kill_switch(actor=owner, switch_id=elsewhere.pk)
    # A request names the ticket system that it is for: a stop of any of them covers the kind.
    second = ProviderAccount.objects.create(provider="hubspot", name="CRM", credentials={"token": "x"}, is_default=True)
    tickets = activate_kill_switch(actor=owner, scope="connection", target=str(second.pk), reason="Odd tickets")
    assert find_stop_reason(kind="create_ticket", agent_id=None) == "Odd tickets"
    with pytest.raises(Conflict, match="emergency stop"):
        make_default(actor=owner, connection_id=second.pk)
    release_kill_switch(actor=owner, switch_id=tickets.pk)
    stop = activate_kill_switch(actor=owner, scope="connection", target=str(main.pk), reason="Odd figures")
    assert (stop.in_flight_calls, Approval.objects.get(pk=request.pk).holds) == (0, ["kill_switch"])
    with track_in_flight_call(kind="set_campaign_budget", agent_id=None) as reason:
        left = count_in_flight_calls(scope="connection", target=str(main.pk), within=timedelta(0))
    assert (reason, left) == ("Odd figures", 1)
    assert (services.execute(request.pk).state, sandbox.journal()) == ("approved", [])
    page = page_of(office, request)
    assert (main.name in page, "Odd figures" in page) == (True, True)
    with pytest.raises(Refused, match="connection that this needs is paused"):
        approved(office)
    client = Client()
    client.force_login(office.people["owner"], backend="accounts.backends.RoleBackend")
    form = client.get("/admin/hitl/killswitch/stop/").content.decode()
    assert f'<option value="connection:{main.pk}">{main.name}</option>' in form
    release_kill_switch(actor=owner, switch_id=stop.pk)
    assert services.execute(request.pk).state == "executed"
    assert len(sandbox.journal()) == 1


@pytest.mark.slow
def test_stops_of_connections_cost_one_query_and_count_calls_over_an_old_default(office: World) -> None:
    main, owner = ProviderAccount.objects.get(), office.actor("owner")
    new = ProviderAccount.objects.create(provider=main.provider, name="New", credentials=main.credentials)
    stop = {"actor": owner, "reason": "Odd figures", "wait": timedelta(0)}

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert find_stop_reason(kind="create_ticket", agent_id=None) == ""
        return len(asked)

    activate_kill_switch(scope="kind", target="pause_campaign", **stop)
    before = queries()
    with track_in_flight_call(kind="set_campaign_budget", agent_id=None) as reason:
        make_default(actor=owner, connection_id=new.pk)
        assert activate_kill_switch(scope="connection", target=str(main.pk), **stop).in_flight_calls == 1
        assert find_stop_reason(kind="set_campaign_budget", agent_id=None) == ""  # it goes by the new one
    assert (reason, queries()) == ("", before + 1)
    activate_kill_switch(scope="connection", target=str(new.pk), **stop)
    assert find_stop_reason(kind="set_campaign_budget", agent_id=None) == "Odd figures"
    assert queries() == before + 1


@pytest.mark.slow
def test_breaker_that_opens_after_the_claim_uses_up_no_attempt(office: World, sandbox: Platform) -> None:
    request, main = approved(office), ProviderAccount.objects.get()
    for _ in range(7):
        claimed = claim(request.pk, observe_again(request), now())
        assert claimed is not None
        pause_calls(actor=OPERATOR, connection_id=main.pk, reason="Odd figures")
        outcome = call(claimed)
        assert (outcome.kind, outcome.retry, outcome.was_called) == ("failed_clean", True, False)
        settle(claim=claimed, outcome=outcome)
        resume_calls(actor=OPERATOR, connection_id=main.pk, reason="They were right")
        request = Approval.objects.get(pk=request.pk)
        assert request.state == "approved"
    assert services.execute(request.pk).state == "executed"
    assert len(sandbox.journal()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("is_lost", [False, True])
def test_budget_that_moves_after_the_claim_is_not_overwritten(office: World, sandbox: Platform, is_lost: bool) -> None:
    request, moment = approved(office), now()
    if is_lost:
        sandbox.script("POST /v1/campaigns", "drop_before")
        assert services.execute(request.pk).state == "executing"
        moment = Execution.objects.get().lease_until or moment
    claimed = claim(request.pk, observe_again(Approval.objects.get(pk=request.pk)), moment)
    assert claimed is not None
    sandbox.call("POST", "/v1/campaigns/cam_1001/budget", key="of-somebody", json={"daily_budget": "650.00"})
    outcome = call(claimed)
    assert (outcome.kind, outcome.retry, outcome.error[:21]) == ("failed_clean", True, "expected_old_mismatch")
    settle(claim=claimed, outcome=outcome)
    assert [entry["after"] for entry in sandbox.journal()] == [{"daily_budget": "650.00"}]
    if is_lost:  # what the first call did is unknown until the platform is asked about its key
        return
    again = services.execute(request.pk, now=now() + timedelta(minutes=1))
    assert (again.state, again.drift) == ("pending", ["The daily budget changed from 500.00 EUR to 650.00 EUR."])


def test_deadline_of_a_request_that_waits_runs_on(office: World, sandbox: Platform) -> None:
    request = approved(office)
    pause_calls(actor=OPERATOR, connection_id=ProviderAccount.objects.get().pk, reason="Odd figures")
    assert "Odd figures" in page_of(office, request)
    assert request.execute_by is not None
    with time_machine.travel(request.execute_by + timedelta(seconds=1), tick=False):
        for due in claim_due():
            fire(due)
    assert (Approval.objects.get(pk=request.pk).state, sandbox.journal()) == ("expired", [])


@pytest.mark.slow
def test_reading_of_an_agent_falls_back_and_says_how_old_it_is(connected: World, sandbox: Platform) -> None:
    def read() -> dict[str, Any]:
        caller: Any = None
        return Reading(tools.get("list_campaigns"), Arguments(), caller, uuid4()).take()

    began = now()
    with time_machine.travel(began, tick=False) as clock:
        current = read()
        clock.shift(timedelta(hours=3))
        sandbox.script("GET /v1/campaigns", "fail", times=3)
        old = read()
    assert old.pop("not_current") == "Sandbox marketing platform doesn't answer now. These values are 3 hours old."
    assert old == current
