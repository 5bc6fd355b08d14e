"""Contacts are read back from HubSpot: what changed there, once, and nothing of what Walker wrote itself."""

import html
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversations.contacts.known_people import revise_contact
from conversations.models import Contact
from core import clock
from core.clock import now
from core.errors import Conflict, Refused
from core.models import AuditEntry
from core.tenancy.scope import NOTHING, _enter, tenant_scope
from hub.crm import cursors, poller, switches
from hub.models import CrmContact, CrmSwitch
from integrations.calls.runner import take_background_call
from integrations.crm import services
from integrations.hubspot import contacts as at_hubspot
from integrations.models import ProviderAccount, SyncCursor
from integrations.sync.services import claim_due
from tests.hub.crm_scene import EMAIL, WRITES, Crm, crm, hubspot, hubspot_process
from tests.hub.test_crm import PAGE, erase
from tests.integrations.connections.conftest import Liar, liar

__all__ = ["crm", "hubspot", "hubspot_process", "liar"]
SEARCH, HISTORY = "POST /crm/v3/objects/contacts/search", "POST /crm/v3/objects/contacts/batch/read"


class Killed(BaseException):
    """The worker's process ends here."""


def start(crm: Crm) -> None:
    cursors.start_reading(actor=crm.world.actor("owner"), connection_id=crm.account.pk)


def read(minutes: float = 0) -> list[str]:
    """Read what is due after so many minutes; return what the cursor says went wrong."""
    with clock.at(now() + timedelta(minutes=minutes)), _enter(NOTHING):  # as the sweep does
        poller.read_due()
    return [cursor.last_error for cursor in SyncCursor.objects.filter(last_error__gt="")]


def change(crm: Crm, contact: Contact, **wanted: Any) -> None:
    """Somebody changes a contact there."""
    crm.server.change(contacts=[{"id": str(contact.pk), "by": "walker_contact", **wanted}])


def age(crm: Crm) -> None:
    """Let everything have been connected and written long ago."""
    ProviderAccount.objects.update(connected_at=now() - timedelta(hours=2))
    CrmContact.objects.update(written_at=now() - timedelta(hours=1))


def name_of(contact: Contact) -> str:
    contact.refresh_from_db()
    return str(contact.display_name)


@pytest.mark.slow
def test_name_changed_there_is_taken_once_with_an_audit_entry_and_not_sent_back(crm: Crm) -> None:
    ana = crm.customer()
    crm.tell()
    start(crm)
    assert (read(), name_of(ana)) == ([], "Ana Souza")  # what Walker wrote is no change
    named = AuditEntry.objects.filter(action="CONTACT_NAMED", object_id=ana.pk)
    assert named.count() == 0
    change(crm, ana, properties={"firstname": "Ana Maria", "email": "other@quill.example"})
    crm.calls()
    assert read(6) == []
    assert (name_of(ana), [entry.actor_name for entry in named]) == ("Ana Maria", ["crm"])
    assert set(ana.points.values_list("kind", flat=True)) == {"phone", "email"}
    assert EMAIL in [point.value for point in ana.points.all()]
    assert crm.calls() == [SEARCH]
    crm.tell()
    assert (crm.calls(), crm.row(ana).state) == ([], "written")
    assert (read(12), read(18), named.count()) == ([], [], 1)
    change(crm, ana, properties={"firstname": "x" * 500})
    assert (read(24), name_of(ana)) == ([], "Ana Maria")


@pytest.mark.slow
def test_of_two_changes_the_later_one_counts(crm: Crm) -> None:
    ana = crm.customer()
    crm.tell()
    start(crm)
    read()
    revise_contact(actor=crm.world.actor("support"), contact_id=ana.pk, name="Ours")
    change(crm, ana, properties={"firstname": "Older"}, at=(now() - timedelta(minutes=1)).isoformat())
    read(6)
    assert name_of(ana) == "Ours"
    crm.feed()
    crm.work(after=400)
    assert crm.there(ana)["firstname"] == "Ours"
    revise_contact(actor=crm.world.actor("support"), contact_id=ana.pk, name="Mine")
    change(crm, ana, properties={"firstname": "Later"}, at=(now() + timedelta(minutes=1)).isoformat())
    read(12)
    assert name_of(ana) == "Later"


@pytest.mark.slow
def test_newest_is_what_was_changed_last_and_not_whose_contact_was(crm: Crm) -> None:
    ana, bo = crm.customer(), crm.customer("+34600333444", "bo@quill.example")
    crm.tell()
    start(crm)
    read()
    hour = timedelta(hours=1)
    change(crm, ana, properties={"firstname": "Older"}, at=(now() - hour).isoformat())
    change(crm, bo, properties={"firstname": "Later"}, at=(now() + hour).isoformat())
    for one in (ana, bo):
        revise_contact(actor=crm.world.actor("support"), contact_id=one.pk, name="Ours")
        change(crm, one, properties={"jobtitle": "Pilot"}, at=(now() + 2 * hour).isoformat())
    crm.calls()
    crm.server.script(HISTORY, "fail")
    assert (read(6), name_of(ana), name_of(bo)) == (["INTERNAL_ERROR"], "Ours", "Ours")
    assert (read(20), name_of(ana), name_of(bo)) == ([], "Ours", "Later")
    assert crm.calls() == [SEARCH, SEARCH, HISTORY]  # one that was scripted to fail is not among them
    crm.feed()
    crm.work(after=1300)
    assert crm.there(ana)["firstname"] == "Ours"


@pytest.mark.slow
def test_value_that_a_rule_there_makes_of_ours_is_overruled_once(crm: Crm) -> None:
    ana = crm.customer()
    CrmSwitch.objects.update(field_map={"name": {"property": "firstname", "direction": "both", "owner": "ours"}})
    crm.tell()
    start(crm)
    read()
    for turn in range(3):
        change(crm, ana, properties={"firstname": "ANA"})
        crm.calls()
        assert read(6 * (turn + 1)) == []
        crm.work(after=600 * (turn + 1))
        assert (crm.calls()[1:] == [WRITES], crm.there(ana)["firstname"]) == (
            (True, "Ana Souza") if turn == 0 else (False, "ANA")
        )
    assert name_of(ana) == "Ana Souza"
    change(crm, ana, properties={"firstname": "Anne"})
    assert read(30) == []
    crm.work(after=3000)
    assert crm.there(ana)["firstname"] == "Ana Souza"


@pytest.mark.slow
def test_only_contacts_with_our_id_change_and_nobody_who_was_erased_comes_back(crm: Crm) -> None:
    ana, bo = crm.customer(), crm.customer("+34600333444", "bo@quill.example", agrees=False)
    crm.tell()
    erase(crm, ana)
    crm.work()
    assert (crm.row(ana).state, crm.there(ana)) == ("erased", {})
    with tenant_scope(crm.world.globex.pk):
        foreign = Contact.objects.create(display_name="Gus", masked_name="G")
    people = [(ana.pk, EMAIL), (bo.pk, "bo@quill.example"), (uuid4(), "c@quill.example"), ("nobody", "d@quill.example"),
              (foreign.pk, "gus@quill.example")]  # fmt: skip
    crm.server.change(
        contacts=[{"properties": {"walker_contact": str(of), "email": email, "firstname": "B"}} for of, email in people]
    )
    count = Contact.objects.count()
    start(crm)
    assert read() == []
    assert (Contact.objects.count(), name_of(bo), crm.row(ana).state) == (count, "B", "erasing")
    assert CrmContact.objects.count() == 2
    with tenant_scope(crm.world.globex.pk):
        assert (name_of(foreign), CrmContact.objects.count()) == ("Gus", 0)
    crm.work()
    assert (crm.row(ana).state, crm.there(ana)) == ("erased", {})


@pytest.mark.slow
def test_contacts_that_were_deleted_or_merged_there_stay_so_until_they_are_sent_again(crm: Crm) -> None:
    ana, bo = crm.customer(), crm.customer("+34600333444", "bo@quill.example")
    cy = crm.customer("+34600333555", "cy@quill.example")
    crm.tell()
    start(crm)
    read()
    change(crm, bo, merged_into=str(ana.pk))
    change(crm, cy, deleted=True)
    assert read(6) == []
    assert [(crm.row(one).state, crm.row(one).problem) for one in (ana, bo)] == [
        ("written", ""), ("parked", "merged_there"),
    ]  # fmt: skip
    age(crm)
    start(crm)
    assert (read(), crm.row(cy).problem) == ([], "deleted_there")
    for one in (bo, cy):
        revise_contact(actor=crm.world.actor("support"), contact_id=one.pk, name="Another")
    crm.tell()
    assert [crm.there(one) for one in (bo, cy)] == [{}, {}]
    words = " ".join(words for words, _ in switches.standing_of(crm.account.pk).reasons)
    assert ("Somebody deleted them there" in words, "Somebody merged them" in words) == (True, True)
    switches.retry_parked(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    crm.work()
    assert crm.there(cy)["firstname"] == "Another"
    change(crm, ana, deleted=True)
    age(crm)
    start(crm)
    read()
    assert crm.row(ana).problem == "deleted_there"


@pytest.mark.slow
def test_more_of_one_moment_than_a_page_go_on_by_number_and_after_a_kill(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_hubspot, "PAGE", 3)
    people = [Contact.objects.create(display_name="Old", masked_name="O") for _ in range(10)]
    at = (now() - timedelta(minutes=10)).isoformat(timespec="milliseconds")
    crm.server.change(
        contacts=[
            {"properties": {"walker_contact": str(one.pk), "firstname": f"New {number}"}, "at": at}
            for number, one in enumerate(people)
        ]
    )
    start(crm)
    page, calls = services.read_page, []

    def until_killed(*given: Any, **more: Any) -> Any:
        calls.append(given)
        if len(calls) == 3:
            raise Killed
        return page(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(services, "read_page", until_killed)
        with pytest.raises(Killed):
            read()
    cursor = SyncCursor.objects.get()
    assert (cursor.position["at"].get("behind") is not None, cursor.position["read"], cursor.position["all"]) == (
        True, 6, 10,
    )  # fmt: skip
    assert "6 of 10 so far" in page_of(crm)
    crm.calls()
    read(3)
    assert [name_of(one) for one in people] == [f"New {number}" for number in range(10)]
    assert crm.calls().count(SEARCH) < 8
    assert SyncCursor.objects.get().position.keys() == {"at", "of"}
    assert "Walker knows 10 contacts there." in page_of(crm)


def test_lag_begins_with_the_last_end_or_the_last_page_while_all_contacts_are_read(crm: Crm) -> None:
    age(crm)
    lags = [cursors.read_lag()]
    start(crm)
    lags.append(cursors.read_lag())
    for minutes in (10, 90):  # since the last page of a reading that began before
        moved = (now() - timedelta(minutes=minutes)).isoformat()
        SyncCursor.objects.update(position={"began": (now() - timedelta(hours=3)).isoformat(), "moved": moved})
        lags.append(cursors.read_lag())
    read()
    lags.append(cursors.read_lag())
    cursors.pause_reading(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    SyncCursor.objects.update(last_success_at=now() - timedelta(hours=1))
    lags.append(cursors.read_lag())
    assert lags == pytest.approx([0, 7200, 600, 5400, 0, 0], abs=60)


def page_of(crm: Crm) -> str:
    owner = Client()
    owner.force_login(crm.world.people["owner"], backend="accounts.backends.RoleBackend")
    return " ".join(html.unescape(owner.get(PAGE.format(crm.account.pk)).content.decode()).split())


def test_idle_poll_is_one_call_and_four_statements(crm: Crm) -> None:
    ana = crm.customer()
    crm.tell()
    start(crm)
    read()
    for minutes in (6, 12):  # in the overlap, and after it
        crm.calls()
        with clock.at(now() + timedelta(minutes=minutes)):
            with CaptureQueriesContext(database) as made:
                cursor = claim_due(poller.STREAM)
                assert cursor is not None
                poller.read(cursor)
            assert claim_due(poller.STREAM) is None
        assert crm.calls() == [SEARCH]
        assert len(made) <= 4, [query["sql"] for query in made]
    assert name_of(ana) == "Ana Souza"


@pytest.mark.slow
def test_endless_pages_pause_the_reading_and_other_failures_are_tried_again(
    crm: Crm, liar: Liar, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_hubspot, "PAGE", 1)
    start(crm)
    crm.server.script(SEARCH, "429", retry_after=900)
    assert read() == ["RATE_LIMITS"]
    assert SyncCursor.objects.get().lease_until > now() + timedelta(minutes=14)
    settings.HUBSPOT_API_BASE = liar.url
    row = {"walker_contact": str(uuid4()), "lastmodifieddate": "2026-01-01T00:00:00.000Z", "firstname": "A"}
    liar.say({"total": 1, "results": [{"id": "7", "properties": row}]})
    assert read(20) == ["endless_pages"]
    cursor = SyncCursor.objects.get()
    assert (cursor.paused_at is not None, read(60)) == (True, ["endless_pages"])
    assert "returned the same page again and again" in page_of(crm)
    settings.HUBSPOT_API_BASE = crm.server.url
    monkeypatch.setattr(at_hubspot, "PAGE", 100)
    owner = {"actor": crm.world.actor("owner"), "connection_id": crm.account.pk}
    cursors.resume_reading(**owner)
    assert read(120) == []
    liar.say({"total": 1})
    settings.HUBSPOT_API_BASE = liar.url
    assert read(240) == ["bad_answer"]


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 410])
def test_position_that_the_system_refuses_begins_again_after_the_last_end(
    crm: Crm, liar: Liar, settings: Any, status: int
) -> None:
    ana = crm.customer()
    crm.tell()
    start(crm)
    assert read() == []
    ended = SyncCursor.objects.get()
    assert ended.last_success_at is not None
    change(crm, ana, properties={"firstname": "Ana Maria"})
    # A worker died between two pages, and the system has forgotten the place since.
    lost = {**ended.position, "at": {"since": 4_000_000_000_000, "behind": "77"}, "pages": 1}
    SyncCursor.objects.update(position=lost)
    liar.say({"category": "VALIDATION_ERROR", "message": "This cursor has expired"}, status)
    settings.HUBSPOT_API_BASE = liar.url
    assert read(6) == ["refused"]
    position = SyncCursor.objects.get().position
    since = round(ended.last_success_at.timestamp() * 1000) - at_hubspot.OVERLAP_MS
    assert position == {"at": {"since": since}, "of": ended.position["of"]}
    settings.HUBSPOT_API_BASE = crm.server.url
    assert (read(20), name_of(ana)) == ([], "Ana Maria")
    taken = AuditEntry.objects.filter(action="CONTACT_NAMED", object_id=str(ana.pk))
    assert (taken.count(), SyncCursor.objects.get().failures) == (1, 0)
    # While all contacts are read there is no such moment: all of them are read again.
    began = {**lost, "began": now().isoformat(), "moved": now().isoformat(), "read": 1, "all": 2}
    SyncCursor.objects.update(position=began)
    settings.HUBSPOT_API_BASE = liar.url
    assert read(40) == ["refused"]
    assert SyncCursor.objects.get().position == {}
    settings.HUBSPOT_API_BASE = crm.server.url
    assert (read(60), crm.row(ana).problem) == ([], "")
    # A field that is refused says nothing about the position.
    SyncCursor.objects.update(position=lost)
    liar.say({"category": "VALIDATION_ERROR", "message": 'Property "firstname" does not exist'}, 400)
    settings.HUBSPOT_API_BASE = liar.url
    assert (read(80), SyncCursor.objects.get().position) == (["refused"], lost)


@pytest.mark.slow
def test_reading_is_started_paused_and_resumed_with_the_right_and_leaves_half_of_the_quota(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = crm.customer()
    crm.tell()
    assert "No contacts are read." in page_of(crm)
    for name in ("waiting", "written", "erased there"):
        assert f"<dt>Contacts: {name}</dt><dd>{int(name == 'written')}</dd>" in page_of(crm)
    given = {"connection_id": crm.account.pk}
    services_of: list[Callable[..., None]] = [cursors.start_reading, cursors.pause_reading, cursors.resume_reading]
    for service in services_of:
        with pytest.raises(Refused):
            service(actor=crm.world.actor("support"), **given)
    owner = crm.world.actor("owner")
    for service in services_of[1:]:
        with pytest.raises(Conflict):
            service(actor=owner, **given)
    for service in services_of[:2]:
        service(actor=owner, **given)
    assert "All contacts are being read: 0 so far." in page_of(crm)
    change(crm, ana, properties={"firstname": "Ana Maria"})
    assert (read(6), name_of(ana), "Reading was paused" in page_of(crm)) == ([], "Ana Souza", True)
    cursors.resume_reading(actor=owner, **given)
    crm.calls()
    with clock.at(now() + timedelta(minutes=12)):
        while take_background_call(crm.account, 600) is None:
            pass
        poller.read_due()
        cursor = SyncCursor.objects.get()
        assert (crm.calls(), cursor.failures, cursor.lease_until > now()) == ([], 0, True)
    assert (read(14), name_of(ana)) == ([], "Ana Maria")
    assert "Walker knows 1 contact there." in page_of(crm)
    actions = AuditEntry.objects.filter(action__startswith="CRM_READING").order_by("seq")
    assert list(actions.values_list("action", flat=True)) == [
        "CRM_READING_STARTED", "CRM_READING_PAUSED", "CRM_READING_RESUMED",
    ]  # fmt: skip


@pytest.mark.slow
def test_pause_and_erasure_during_a_reading_leave_nothing_of_it(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = crm.customer()
    crm.tell()
    start(crm)
    change(crm, ana, properties={"firstname": "Ana Maria"})
    page = services.read_page

    def pause_meanwhile(*given: Any, **more: Any) -> Any:
        found = page(*given, **more)
        cursors.pause_reading(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(services, "read_page", pause_meanwhile)
        assert (read(), name_of(ana)) == ([], "Ana Souza")
    cursors.resume_reading(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    CrmContact.objects.all().delete()  # as if Walker had never written them

    def erase_meanwhile(*given: Any, **more: Any) -> Any:
        found = page(*given, **more)
        erase(crm, ana)
        return found

    monkeypatch.setattr(services, "read_page", erase_meanwhile)
    assert read(6) == []
    assert crm.row(ana).state == "erasing"
    crm.work(after=600)
    assert (crm.row(ana).state, crm.there(ana)) == ("erased", {})
