"""Rows of calls: written by the sweep, read by those who may, forgotten; and the switch of a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from signal import SIGKILL
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Notice
from accounts.permissions.roles import permissions_of
from accounts.services import create_api_key
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from core.ids import uuid7
from core.models import AuditEntry, DeadLetter
from core.tenancy.scope import tenant_scope
from integrations import platforms
from integrations.calls import background, records
from integrations.calls.answers import Answer, Ok
from integrations.calls.breaker import pause_calls, resume_calls
from integrations.calls.operations import Line, Request
from integrations.calls.quotas import read_numbers
from integrations.models import ProviderAccount, ProviderCall
from integrations.sandbox_ads import selectors
from tests.edge.platform_fixture import Platform
from tests.integrations.calls.conftest import KEYED, READ, Deed, Shop, Vendor
from tests.integrations.calls.killed_process import call_and_be_killed
from tests.world import OPERATOR, World


def api(world: World, role: str) -> Any:
    """Return how a program with the rights of a role reads the calls, or something else."""
    with tenant_scope(world.acme.pk):
        scopes = permissions_of(role)
        _, secret = create_api_key(actor=OPERATOR, user=world.people[role], name="Test", scopes=scopes)

    def read(path: str = "provider-calls/", /, **query: Any) -> Any:
        return Client().get(f"/api/v1/{path}", query, headers={"Authorization": f"Bearer {secret}"})

    return read


def test_calls_become_rows_without_a_statement_of_their_own(connected: World, sandbox: Platform) -> None:
    main = ProviderAccount.objects.get()
    with CaptureQueriesContext(connection) as asked:
        selectors.list_campaigns()
    assert len(asked) == 1  # the connection
    sandbox.script("GET /v1/account", "fail", status=503)
    selectors.get_account()
    with tenant_scope(connected.globex.pk):
        selectors.get_account()
    assert (records.write_rows(), records.write_rows()) == (4, 0)
    rows = ProviderCall.objects.order_by("id").values_list("connection", "operation", "status", "outcome", "attempt")
    assert list(rows) == [
        (main.pk, "list_campaigns", 200, "answered", 1),
        (main.pk, "read_account", 503, "failed", 1),
        (main.pk, "read_account", 200, "answered", 2),
    ]
    assert all(row.milliseconds is not None for row in ProviderCall.objects.all())
    with time_machine.travel(now() + timedelta(days=31)):
        assert records.forget_old() == 4


def test_call_over_a_connection_that_is_gone_is_no_row(connected: World, shop: Shop) -> None:
    shop.connection.tenant_id = connected.acme.pk
    shop.call(READ)
    assert (records.write_rows(), ProviderCall.objects.count()) == (0, 0)


@pytest.mark.slow
def test_calls_are_read_and_filtered_by_those_who_may(connected: World, sandbox: Platform) -> None:
    main = ProviderAccount.objects.get()
    selectors.list_campaigns()
    sandbox.script("GET /v1/account", "fail", status=503)
    selectors.get_account()
    records.write_rows()
    read = api(connected, "compliance")
    rows = read().json()["results"]
    assert [row["operation"] for row in rows] == ["read_account", "read_account", "list_campaigns"]
    assert rows[0]["connection_id"] == str(main.pk)
    assert set(rows[0]) == {
        "id", "connection_id", "provider", "operation", "called_at", "milliseconds", "status", "outcome", "attempt",
        "idempotency_key",
    }  # fmt: skip
    tomorrow = (now() + timedelta(days=1)).date().isoformat()
    found = {
        "connection": main.pk, "operation": "read_account", "outcome": "failed", "called_after": tomorrow,
    }  # fmt: skip
    assert [len(read(**{name: value}).json()["results"]) for name, value in found.items()] == [3, 2, 1, 0]
    assert read(outcome="nonsense").status_code == 400
    assert api(connected, "support")().status_code == 403
    page = Client()
    page.force_login(connected.people["compliance"], backend="accounts.backends.RoleBackend")
    assert "list_campaigns" in page.get("/admin/integrations/providercall/").content.decode()
    page.force_login(connected.outsiders["owner"], backend="accounts.backends.RoleBackend")
    assert "list_campaigns" not in page.get("/admin/integrations/providercall/").content.decode()


def test_connection_tells_its_last_call_and_quota_without_a_query_for_each(connected: World, vendor: Vendor) -> None:
    main, read = ProviderAccount.objects.get(), api(connected, "compliance")

    def told(row: dict[str, Any]) -> Any:
        last, quota = row["last_call"], row["quota"]
        return last and (last["operation"], last["outcome"]), quota and (quota["left"], quota["limit"], quota["period"])

    assert told(read(f"connections/{main.pk}/").json()) == (None, None)
    shop, quota = Shop(vendor, main), partial(read_numbers, left="X-Left", limit="X-Limit", period="day")
    shop.system = replace(shop.system, quota=quota, calls_per_minute=100)
    shop.call(READ)
    records.write_rows()
    assert told(read(f"connections/{main.pk}/").json()) == (("read_stock", "answered"), (None, 100, "minute"))
    shop.call(READ, (200, {"X-Limit": "5000", "X-Left": "4990"}))
    shop.call(READ, 404)
    records.write_rows()
    with CaptureQueriesContext(connection) as one:
        [row] = read("connections/").json()["results"]
    assert told(row) == (("read_stock", "refused"), (4990, 5000, "day"))
    for name in ("Second", "Third"):
        ProviderAccount.objects.create(provider=main.provider, name=name, credentials={})
    with CaptureQueriesContext(connection) as three:
        rows = read("connections/").json()["results"]
    assert ([told(row) for row in rows if row["id"] != str(main.pk)], len(three)) == ([(None, None)] * 2, len(one))
    page = Client()
    page.force_login(connected.people["compliance"], backend="accounts.backends.RoleBackend")
    said = page.get(f"/admin/integrations/provideraccount/{main.pk}/").content.decode()
    assert "4,990 of 5,000 calls a day left" in said
    assert "Read stock <span" in said


@pytest.mark.slow
def test_call_of_a_killed_process_is_a_row_and_is_made_once(connected: World, vendor: Vendor) -> None:
    main = ProviderAccount.objects.get()
    vendor.got.clear()
    vendor.script[:] = ["kill"]
    assert call_and_be_killed(vendor.url, connected.acme.pk, main.pk) == -SIGKILL
    assert (records.write_rows(), len(vendor.got)) == (0, 1)
    with time_machine.travel(now() + timedelta(minutes=3)):
        assert records.write_rows() == 1
    row = ProviderCall.objects.get()
    assert (row.outcome, row.status, row.idempotency_key) == ("lost", None, "walker:9")


def test_person_pauses_and_resumes_calls_with_a_reason(connected: World, sandbox: Platform) -> None:
    main, admin = ProviderAccount.objects.get(), connected.actor("admin")
    with pytest.raises(Refused):
        pause_calls(actor=connected.actor("compliance"), connection_id=main.pk, reason="Odd figures")
    with pytest.raises(Invalid):
        pause_calls(actor=admin, connection_id=main.pk, reason="  ")
    with tenant_scope(connected.globex.pk), pytest.raises(NotFound):
        pause_calls(actor=OPERATOR, connection_id=main.pk, reason="Not mine")
    pause_calls(actor=admin, connection_id=main.pk, reason="Odd figures")
    with pytest.raises(Conflict):
        pause_calls(actor=admin, connection_id=main.pk, reason="Odd figures")
    assert "Odd figures" in platforms.find_pause("sandbox_ads")
    assert selectors_fail() == "ads_calls_paused"
    resume_calls(actor=admin, connection_id=main.pk, reason="They were right")
    with pytest.raises(Conflict):
        resume_calls(actor=admin, connection_id=main.pk, reason="Again")
    assert selectors.get_account().currency == "EUR"
    written = AuditEntry.objects.filter(action__in=("calls_paused", "calls_resumed")).order_by("seq")
    assert [(row.action, row.new_state) for row in written] == [("calls_paused", "paused"), ("calls_resumed", "active")]


def selectors_fail() -> str:
    """Return the code with which a reading fails."""
    with pytest.raises(Unavailable) as refusal:
        selectors.get_account()
    return refusal.value.code


@pytest.mark.slow
def test_breaker_that_failures_opened_is_told_once_an_hour_and_closed_by_hand(
    connected: World, sandbox: Platform
) -> None:
    main = ProviderAccount.objects.get()
    notices = Notice.objects.filter(kind="breaker", person_id=connected.people["admin"].pk)
    with time_machine.travel(now(), tick=False) as clock:
        for hours in (0, 0, 2):
            clock.shift(timedelta(hours=hours))
            sandbox.script("GET /v1/account", "fail", times=5)
            for _ in range(2):
                selectors_fail()
            assert selectors_fail() == "ads_breaker_open"
            resume_calls(actor=OPERATOR, connection_id=main.pk, reason="Looked at it")
            assert selectors.get_account().currency == "EUR"
    assert notices.count() == 2


def test_background_write_that_fails_for_good_is_a_failed_job_with_its_key(connected: World, vendor: Vendor) -> None:
    shop = Shop(vendor, ProviderAccount.objects.get())
    vendor.got.clear()

    def write(ref: UUID, *deeds: Deed, is_last: bool = False) -> Answer[int]:
        vendor.script[:] = deeds
        request, line = Request("/notes", json={"text": "Hello"}), Line(shop.connection, attempts=1)
        job = background.Job("tests.note", ref, is_last)
        return background.write(job, KEYED, request, system=shop.system, line=line, parse=lambda body: body["count"])

    first, second = uuid7(), uuid7()
    write(first, 429)
    assert not DeadLetter.objects.exists()
    for ref, deed, is_last in ((first, 429, True), (second, 422, False)):
        write(ref, deed, is_last=is_last)
    assert list(DeadLetter.objects.order_by("id").values_list("ref", flat=True)) == [first, second]
    assert Notice.objects.filter(kind="failed_job", person_id=connected.people["admin"].pk).count() == 1
    assert isinstance(write(first), Ok)
    keys = [headers["Idempotency-Key"] for _, headers, _ in vendor.got]
    assert keys == [f"walker:tests.note:{ref}" for ref in (first, first, second, first)]
