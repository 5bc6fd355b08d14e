"""Changed rules tried on past requests, in the console."""

from typing import Any
from uuid import UUID

import pytest

from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import ApprovalWorkflow, Cap, Simulation
from hitl.simulation.runs import run_simulation
from tests.console.conftest import Browser
from tests.console.policy.test_workflows import FORM
from tests.console.scene import PHONE, add_workflow, ask
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
FLOW, PAGE = "/admin/hitl/approvalworkflow/", "/admin/hitl/simulation/"
TRY = {"try_days": "30"}


@pytest.fixture
def asked(world: World) -> World:
    """The first tenant with a workflow and three requests."""
    with tenant_scope(world.acme.pk):
        add_workflow(world)
        for number, budget in enumerate(("40.00", "900.00", "2500.00")):
            ask(world, params={"campaign": f"Call {PHONE} {number}", "budget": budget})
    return world


def _run(world: World) -> UUID:
    with tenant_scope(world.acme.pk):
        made = Simulation.objects.get(state="queued")
        run_simulation(simulation_id=made.pk)
        key: UUID = made.pk
        return key


def test_edited_workflow_is_tried_without_being_saved_and_then_saved(browser: Browser, asked: World) -> None:
    owner = browser("owner")
    with tenant_scope(asked.acme.pk):
        flow = ApprovalWorkflow.objects.get()
    edit = f"{FLOW}{flow.pk}/edit/"
    assert "Try on last month" in owner.get(edit).content.decode()
    form: dict[str, Any] = {**FORM, "is_default": "on", "condition": "", "version": "1"}
    refused = owner.post(edit, {**form, "condition": "cost >", **TRY})
    assert refused.status_code == 400
    answer = owner.post(edit, {**form, **TRY})
    waiting = owner.get(answer["Location"])
    assert (waiting["Refresh"], "Waiting for a worker" in waiting.content.decode()) == ("2", True)
    another = owner.post(edit, {**form, **TRY})
    assert (another.status_code, "Another simulation is running" in another.content.decode()) == (409, True)
    key = _run(asked)
    page = owner.get(f"{PAGE}{key}/")
    shown = page.content.decode()
    assert "Refresh" not in page
    assert "3 of 3 requests would have been different" in shown
    assert "Requests that would differ, in steps of" in shown
    assert "No past decision" in shown
    with tenant_scope(asked.acme.pk):
        flow.refresh_from_db()
    assert flow.version == 1
    compliance = browser("compliance").get(f"{PAGE}{key}/").content.decode()
    assert PHONE not in compliance
    assert "Save this change" not in compliance
    owner.post(f"{PAGE}{key}/save/")
    with tenant_scope(asked.acme.pk):
        flow.refresh_from_db()
    assert flow.version == 2
    assert owner.post(f"{PAGE}{key}/save/").status_code == 409


def test_new_workflow_limits_and_weights_are_tried_from_their_pages(browser: Browser, asked: World) -> None:
    owner = browser("owner")
    limit = {"scope": "all", "amount": "100.00", "currency": "EUR", "window": "day", "try_days": "7"}
    with tenant_scope(asked.acme.pk):
        cap = services.create_cap(
            actor=asked.actor("owner"), scope="all", currency="EUR", amount="10.00", window="month"
        )
    weights = {"weight_cost": "3", "try_days": "30"}
    for path, form in (
        (f"{FLOW}create/", {**FORM, **TRY}),
        ("/admin/hitl/cap/try-new/", limit),
        (f"/admin/hitl/cap/{cap.pk}/try/", {"amount": "20.00", "try_days": "1"}),
        ("/admin/hitl/riskpolicy/try/", weights),
    ):
        assert owner.get(path).status_code == 200
        answer = owner.post(path, form)
        assert answer.status_code == 302, answer.content.decode()[-3000:]
        shown = owner.get(f"{PAGE}{_run(asked)}/").content.decode()
        assert "of 3 requests would have been different" in shown
    with tenant_scope(asked.acme.pk):
        assert (Cap.objects.count(), ApprovalWorkflow.objects.count()) == (1, 1)
    assert owner.post(f"{FLOW}create/", {**FORM, "try_days": "0"}).status_code == 400
    assert owner.post(f"{FLOW}create/", {**FORM, "try_days": "x"}).status_code == 400
    listed = owner.get(PAGE).content.decode()
    assert listed.count("The last 30 days") == 2
    assert "The last day" in listed


def test_simulation_is_stopped_and_tried_again_from_its_page(browser: Browser, asked: World) -> None:
    owner = browser("owner")
    first = owner.post(f"{FLOW}create/", {**FORM, **TRY})["Location"]
    owner.post(f"{first}stop/")
    assert "The simulation was stopped after 0 requests." in owner.get(first).content.decode()
    again = owner.post(f"{first}again/", {"days": "3"})["Location"]
    assert again != first
    _run(asked)
    assert "The last 3 days" in owner.get(again).content.decode()
    with tenant_scope(asked.acme.pk):
        Simulation.objects.filter(pk=again.split("/")[-2]).update(state="failed", failure="Because.", result={})
    assert "The simulation failed. Because." in owner.get(again).content.decode()
