"""SIGKILL of the worker that executes an approved request, before, in and after its call: one effect at each system."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as product

from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Origin
from hitl.execution.reconcile import probe
from hitl.models import Approval, Execution
from integrations.ticketing import selectors
from tests.edge.back_office_fixture import BackOffice, back_office, back_office_process
from tests.edge.phone_fixture import eventually
from tests.edge.standin_process import ROOT
from tests.edge.tickets_fixture import ADDS, CREATES, TicketServer, hubspot, hubspot_process, zendesk, zendesk_process
from tests.hub.conftest import open_shop
from tests.hub.test_confirmations import COMMIT
from tests.integrations.ads import test_port as ads
from tests.integrations.google_ads.conftest import google, google_ads, google_ads_process
from tests.integrations.meta_ads.conftest import later, meta, meta_ads, meta_ads_process
from tests.integrations.ticketing.conftest import connect, customer, make_contact
from tests.world import OPERATOR, World

__all__ = [
    "back_office", "back_office_process", "google", "google_ads", "google_ads_process", "hubspot", "hubspot_process",
    "meta", "meta_ads", "meta_ads_process", "zendesk", "zendesk_process",
]  # fmt: skip
pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
STALL = 60.0
TOLD = (
    "ZENDESK_API_BASE", "HUBSPOT_API_BASE", "META_API_BASE", "META_LOGIN_BASE", "META_ADS_APP_ID",
    "META_ADS_APP_SECRET", "GOOGLE_ADS_API_BASE", "GOOGLE_LOGIN_BASE", "GOOGLE_TOKEN_BASE", "GOOGLE_ADS_CLIENT_ID",
    "GOOGLE_ADS_CLIENT_SECRET",
)  # fmt: skip
"""Settings by which the product finds the stand-ins."""


@dataclass(frozen=True)
class Case:
    """An approved request, how many effects it had at its system, and what lets the system's answer wait."""

    approval: Approval
    effects: Callable[[], int]
    stall: Callable[[], None]


def approved(world: World, kind: str, params: dict[str, Any]) -> Approval:
    asked = services.propose(actor=world.actor("support"), kind=kind, params=params, origin=Origin())
    return services.decide(
        actor=world.actor("approver"), approval_id=asked.pk, verdict="approve", digest=asked.digest, reason=""
    )


def ticket_case(world: World, server: TicketServer, kind: str) -> Case:
    connect(server, world)
    signers = [{"type": "role", "value": "approver"}]
    services.create_workflow(actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": signers}])
    person = customer(make_contact().pk)
    if kind == "create_ticket":
        params = {"customer": str(person.id), "subject": "Zip is broken", "text": "It broke on the first day."}
        place, effects = CREATES[server.name], server.created
    else:
        number = next(row.number for row in selectors.search_tickets(person) if not row.is_done)
        params = {"customer": str(person.id), "ticket": number, "text": "Looks like a known defect."}
        place, effects = ADDS[server.name], lambda: len(server.comments())
    return Case(approved(world, kind, params), effects, lambda: server.script(place, "stall_after", seconds=STALL))


def ads_case(world: World, contract: ads.AdsContract, request: pytest.FixtureRequest) -> Case:
    there = contract.connected(request, world)
    approval = there.desk.sign(there.desk.budget("900.00"))
    return Case(
        approval,
        lambda: len(there.platform.journal()),
        lambda: there.platform.script(there.place, "stall_after", seconds=STALL),
    )


def booking_case(world: World, office: BackOffice) -> Case:
    shop = open_shop(world, office)
    approval = shop.confirmed(shop.ask(shop.begin()))
    shop.approve(approval)
    return Case(approval, shop.booked, lambda: office.script(COMMIT, "stall_after", seconds=STALL))


@pytest.fixture(
    params=["meta", "google", "zendesk ticket", "zendesk comment", "hubspot ticket", "hubspot comment", "back office"]
)
def case(request: pytest.FixtureRequest, committed_world: World, settings: Any) -> Iterator[Case]:
    """An approved request at each system in turn, in the first organisation's scope."""
    name, _, what = request.param.partition(" ")
    settings.BACK_OFFICE_HOSTS = ["127.0.0.1", "localhost"]
    with tenant_scope(committed_world.acme.pk):
        if name == "back":
            yield booking_case(committed_world, request.getfixturevalue("back_office"))
        elif what:
            kind = "create_ticket" if what == "ticket" else "add_comment"
            yield ticket_case(committed_world, request.getfixturevalue(name), kind)
        else:
            yield ads_case(committed_world, ads.TestMeta() if name == "meta" else ads.TestGoogle(), request)


def kill_the_worker(case: Case, where: str) -> None:
    """Let a worker process execute the request, and kill it at a place."""
    url = urlsplit(os.environ["DATABASE_URL"])
    known = {
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{product.DATABASES['default']['NAME']}")),
        "WALKER_REDIS_PREFIX": product.CACHES["default"]["KEY_PREFIX"],
        "BACK_OFFICE_HOSTS": "127.0.0.1,localhost",
        **{name: str(getattr(product, name)) for name in TOLD},
    }
    place = [where, case.approval.tenant_id.hex, case.approval.pk.hex]
    command = [sys.executable, "-m", "tests.integrations.calls.execution_process", *place]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **known}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "reached\n"
            if where == "during":
                eventually(lambda: case.effects() == 1, 30)
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("where", ["before", "during", "after"])
def test_killed_worker_leaves_one_effect(case: Case, where: str) -> None:
    if where == "during":
        case.stall()
    kill_the_worker(case, where)
    assert (Execution.objects.get().finished_at, case.effects()) == (None, int(where != "before"))
    # Until its lease ends nobody knows that it has died.
    assert services.execute(case.approval.pk).state == "executing"
    states = []
    for minutes in (1, 8, 9):  # as the sweep does, once more after what a vendor's log may be late
        with later(minutes=minutes):
            found = services.execute(case.approval.pk)
            states.append(found.state)
            if found.state == "unknown":
                states.append(probe(case.approval.pk).state)
    assert (states[-1], case.effects()) == ("executed", 1), states
