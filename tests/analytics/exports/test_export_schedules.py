"""Scheduled exports, their mail, the API and the pages of exports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from accounts.models import Notice
from analytics.exports import jobs, schedules, work
from analytics.exports.jobs import State
from analytics.exports.schedules import ScheduleSettings
from analytics.models import Export, ExportPiece, ExportSchedule
from conversations.contacts.erasure import erase_contact
from conversations.models import ChannelAccount, Contact
from core import clock
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.tenancy.scope import tenant_scope
from integrations.models import MailDelivery
from tests.api.office import Office
from tests.console.approvals.test_evidence import signed_in
from tests.console.scene import NAME, PHONE, write_in
from tests.erasure.scene import finish, strong
from tests.world import World

pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 10, 23, 12, 0, tzinfo=UTC)
"""Two days before the clocks go back in Berlin."""


@pytest.fixture
def desk(acme: World) -> World:
    with clock.at(FRIDAY):
        line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
        write_in(line, "Hello")
    return acme


def wish(world: World, *roles: str, **more: Any) -> ScheduleSettings:
    people = [world.people[role].pk for role in roles or ("compliance",)]
    given = {"name": "Weekly", "source": "conversations", "every": "week", "day": 1, "at": time(7), **more}
    return ScheduleSettings(zone="Europe/Berlin", recipients=people, **given)


def test_schedule_runs_once_at_its_local_time_and_mails_a_link_only(desk: World) -> None:
    actor = desk.actor("admin")
    row = schedules.create_schedule(actor=actor, settings=wish(desk, "compliance", "owner"), now=FRIDAY)
    monday = datetime(2026, 10, 26, 6, tzinfo=UTC)  # seven in the morning, after the change
    assert row.next_run_at == monday
    assert schedules.run_due(now=monday - timedelta(seconds=1)) == 0
    # The sweep found it, and another one was faster.
    assert schedules.run_due(now=monday) == 1
    assert schedules._run(desk.acme.pk, row.pk, monday, monday) is False
    export = Export.objects.get()
    assert (export.since, export.until) == (
        datetime(2026, 10, 18, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC),
    )  # fmt: skip
    desk.people["owner"].memberships.update(role="viewer")
    work.write_export(export_id=export.pk)
    mail = MailDelivery.objects.get()
    assert (mail.address, mail.type) == ("compliance@acme.example", "export")
    assert f"/admin/analytics/export/{export.pk}/" in mail.text
    for secret in (NAME, PHONE, Contact.objects.get().shown_name):
        assert secret not in mail.text + mail.html
    caller = Office(desk).caller("compliance")
    assert b"whatsapp" in caller.get(f"exports/{export.pk}/file/").getvalue()
    row.refresh_from_db()
    assert row.next_run_at == monday + timedelta(days=7)
    with clock.at(monday + timedelta(days=30)):  # Walker was off: made up for once
        assert schedules.run_due() == 0  # nothing to export in that week
        row.refresh_from_db()
        assert row.next_run_at > now()
    desk.people["admin"].memberships.update(role="viewer")
    with clock.at(row.next_run_at):
        assert schedules.run_due() == 0
    row.refresh_from_db()
    assert (row.is_on, row.trouble) == (False, "not_allowed")
    assert Notice.objects.filter(person=desk.people["admin"], title__contains="switched off").exists()


def test_month_ends_on_its_last_day_and_covers_the_one_before(desk: World) -> None:
    settings = wish(desk, every="month", day=31)
    row = schedules.create_schedule(actor=desk.actor("admin"), settings=settings, now=FRIDAY)
    assert row.next_run_at == datetime(2026, 10, 31, 6, tzinfo=UTC)
    with clock.at(row.next_run_at):
        schedules.run_due()
    row.refresh_from_db()
    assert row.next_run_at == datetime(2026, 11, 30, 6, tzinfo=UTC)


def test_schedules_of_others_and_bad_settings_are_refused(desk: World) -> None:
    row = schedules.create_schedule(actor=desk.actor("admin"), settings=wish(desk), now=FRIDAY)
    with pytest.raises(Refused, match="Only the person"):
        schedules.revise_schedule(
            actor=desk.actor("owner"), schedule_id=row.pk, settings=wish(desk), seen_version=row.version
        )
    with pytest.raises(Conflict):
        schedules.delete_schedule(actor=desk.actor("admin"), schedule_id=row.pk, seen_version=9)
    bad = wish(desk, "viewer", day=9, every="week", name=" ", format="exe")
    with pytest.raises(Invalid) as caught:
        schedules.create_schedule(actor=desk.actor("admin"), settings=bad)
    assert set(caught.value.facts["fields"]) == {"name", "format", "day", "recipients"}
    with pytest.raises(Refused):
        schedules.create_schedule(actor=desk.actor("support"), settings=wish(desk))
    off = schedules.revise_schedule(
        actor=desk.actor("admin"), schedule_id=row.pk, settings=wish(desk, is_on=False), seen_version=row.version
    )
    assert (off.next_run_at, off.version) == (None, 2)
    schedules.delete_schedule(actor=desk.actor("admin"), schedule_id=row.pk, seen_version=2)
    assert not ExportSchedule.objects.exists()


@pytest.mark.slow
def test_export_over_the_api_from_request_to_file(desk: World) -> None:
    office = Office(desk)
    caller, span = office.caller("admin"), {"since": "2026-10-20T00:00:00Z", "until": "2026-11-20T00:00:00Z"}
    clear = {"in_clear": True, "reason": "For the regulator"}
    asked = caller.post("exports/", {"source": "conversations", **span, **clear})
    assert (asked.status_code, asked.json()["state"]) == (201, "waiting")
    path = f"exports/{asked.json()['id']}/"
    other = office.caller("compliance")
    refused = other.post(f"{path}grant/", {"reason": "Says a program"})
    assert (refused.status_code, "signed in" in refused.json()["detail"]) == (403, True)
    export = Export.objects.get()
    jobs.grant_export(actor=desk.actor("compliance"), list_export_id=export.pk, reason="Says a person")
    assert caller.get(f"{path}file/").json()["code"] == "not_ready"
    work.write_export(export_id=Export.objects.get().pk)
    assert caller.get(path).json()["state"] == "done"
    assert NAME in caller.get(f"{path}file/").getvalue().decode()
    assert other.get(f"{path}file/").status_code == 403
    assert office.caller("viewer").get(path).status_code == 403
    assert caller.post("exports/", {"source": "approvals", **span}).json()["code"] == "no_rows"
    assert caller.post("exports/", {"source": "nothing", **span}).status_code == 404
    turned = {"since": span["until"], "until": span["since"]}
    assert caller.post("exports/", {"source": "approvals", **turned}).status_code == 400


@pytest.mark.slow
def test_erasing_a_contact_removes_files_begun_before_and_reasons_that_name_them(desk: World) -> None:
    asked = jobs.Wanted("conversations", "csv", FRIDAY - timedelta(days=1), now())
    masked = jobs.request_export(actor=desk.actor("admin"), wanted=asked)
    work.write_export(export_id=masked.pk)
    running = jobs.request_export(actor=desk.actor("admin"), wanted=asked)
    Export.objects.filter(pk=running.pk).update(state=State.RUNNING, begun_at=now(), attempts=1)
    reason = f"Question of {NAME} about the bill"
    clear = jobs.request_export(actor=desk.actor("admin"), wanted=replace(asked, in_clear=True, reason=reason))
    schedules.create_schedule(actor=desk.actor("admin"), settings=wish(desk))
    contact = Contact.objects.get()
    erasure = erase_contact(actor=strong(desk.actor("compliance")), contact_id=contact.pk, reason="asked_for")
    finish(erasure.pk)
    for row in (masked, running, clear):
        row.refresh_from_db()
    assert (masked.state, masked.file_key, ExportPiece.objects.count()) == (State.EXPIRED, None, 0)
    assert (running.state, clear.reason) == (State.QUEUED, "")


@pytest.mark.slow
def test_pages_of_exports(desk: World) -> None:
    client = signed_in(desk.people["admin"])
    pages = "/admin/analytics/export/"
    assert "Nothing was exported yet" in client.get(pages).content.decode()
    form = {"format": "csv", "since": "2026-10-20", "until": "2026-11-20", "filter_state": "agent"}
    assert client.post(f"{pages}conversations/", {**form, "until": "2026-10-01"}).status_code == 400
    assert client.post(f"{pages}conversations/", {**form, "filter_state": "nope"}).status_code == 400
    assert client.post(f"{pages}conversations/", form).status_code == 302
    export = Export.objects.get()
    answer = client.get(f"{pages}{export.pk}/")
    assert (answer.headers["Refresh"], "State: Agent" in answer.content.decode()) == ("3", True)
    work.write_export(export_id=export.pk)
    sent = client.post(f"{pages}{export.pk}/file/")
    assert b"whatsapp" in b"".join(sent.streaming_content)  # type: ignore[attr-defined]
    assert signed_in(desk.people["viewer"]).get(pages).status_code == 403
    with tenant_scope(desk.globex.pk):
        assert signed_in(desk.outsiders["owner"]).get(f"{pages}{export.pk}/").status_code == 404
