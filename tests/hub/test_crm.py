"""Contacts and closed conversations at HubSpot: who may be sent, once, and erased there."""

import html
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from conversations.contacts.blocks import block_contact
from conversations.contacts.erasure import erase_contact
from conversations.contacts.known_people import revise_contact
from conversations.models import Message
from core import bus, clock
from core.clock import now
from core.errors import Conflict, Refused
from core.models import AuditEntry, Erasure
from core.privacy.erasure import services as erasures
from core.reliability import lease
from core.tenancy.scope import tenant_scope
from hitl.execution.kill_switch_activation import activate_kill_switch
from hub.crm import cursors, switches, worker
from hub.crm.disclosures import disclosures_of
from hub.crm.events import CONSUMER
from hub.models import CrmContact, CrmNote, CrmSwitch
from integrations.connections import services as connections
from integrations.connections.selectors import Uses, list_connections, uses_of
from integrations.crm import services
from integrations.crm.types import NotDone
from integrations.hubspot import platform
from integrations.models import ProviderAccount
from tests.core.bus.consumers import take_until
from tests.hitl.machine.test_races import at_once
from tests.hub.crm_scene import EMAIL, NOTES, PHONE, WRITES, Crm, crm, hubspot, hubspot_process

__all__ = ["crm", "hubspot", "hubspot_process"]
PAGE = "/admin/integrations/provideraccount/{}/"


@pytest.mark.slow
def test_contact_is_written_by_our_id_and_again_only_when_something_changed(crm: Crm) -> None:
    ana = crm.customer()
    crm.tell()
    row = crm.row(ana)
    assert (row.state, row.tries, row.problem, EMAIL in str(vars(row))) == ("written", 0, "", False)
    told = crm.there(ana)
    wanted = {
        "walker_contact": str(ana.pk), "firstname": "Ana Souza", "email": EMAIL, "phone": PHONE, "walker_lead": "hot",
        "walker_lead_score": "70",
    }  # fmt: skip
    assert wanted.items() <= told.items()
    crm.feed(again=True)
    assert (crm.work(), crm.calls()) == (1, [])  # the same digest makes no call
    revise_contact(actor=crm.world.actor("support"), contact_id=ana.pk, name="Ana Maria Souza")
    crm.tell()
    assert crm.there(ana)["firstname"] == "Ana Maria Souza"
    assert crm.effects() == ["create_contacts", "change_contacts"]


@pytest.mark.slow
def test_closed_conversation_is_one_note_with_masked_words_and_a_link(crm: Crm) -> None:
    ana = crm.customer()
    crm.write("My number is 600 111 222 <script>")
    crm.close(ana)
    crm.tell()
    crm.feed(again=True)
    crm.work()
    [note] = CrmNote.objects.all()
    assert (note.state, crm.effects()) == ("written", ["create_contacts", "create_notes"])
    headers = {"Authorization": f"Bearer {crm.server.credentials()['token']}"}
    path = f"/crm/v3/objects/notes/walker:closing:{note.closing}?idProperty=walker_request"
    body = crm.server.call("GET", path, headers=headers).json()["properties"]["hs_note_body"]
    assert f"/admin/conversations/conversation/{note.conversation_id}/" in body
    assert ("600 111 222" in body, "<script>" in body, "What does it cost?" in body) == (False, False, True)
    crm.write("One more thing")  # opens it again
    crm.close(ana)
    crm.tell()
    assert crm.effects().count("create_notes") == 2


@pytest.mark.slow
def test_lost_answers_are_tried_again_and_write_once(crm: Crm) -> None:
    ana = crm.customer()
    crm.server.script(WRITES, "drop_after", times=3)
    crm.tell()
    row = crm.row(ana)
    assert (row.state, row.problem, row.digest) == ("waiting", "connection_lost", "")
    crm.close(ana)
    crm.feed()
    crm.server.script(NOTES, "drop_after", times=3)
    crm.work(after=200)
    assert (crm.row(ana).state, crm.notes()) == ("waiting", ["waiting"])
    crm.work(after=2000)
    assert (crm.row(ana).state, crm.notes()) == ("written", ["written"])
    assert [crm.effects().count(each) for each in ("create_contacts", "create_notes")] == [1, 1]


@pytest.mark.slow
def test_refused_contact_is_parked_with_its_field_until_somebody_sends_it_again(crm: Crm) -> None:
    taken = crm.customer(email="carla@customers.example")  # another contact there has it
    wrong = crm.customer("+34600333444", "bo@quill.invalid")
    crm.close(wrong)
    crm.tell()
    assert [(crm.row(one).state, crm.row(one).problem, crm.row(one).fields) for one in (taken, wrong)] == [
        ("parked", "refused", "email")
    ] * 2
    words = [words for words, _ in switches.standing_of(crm.account.pk).reasons]
    assert words == ["Another contact there may have this email address, or it isn't valid: Email."]
    crm.calls()
    crm.feed(again=True)
    crm.work()
    assert (crm.calls(), crm.notes()) == ([], ["waiting"])  # it would be refused again
    crm.server.change(has_key_property=False)
    assert switches.retry_parked(actor=crm.world.actor("owner"), connection_id=crm.account.pk) == 2
    crm.work()
    assert crm.row(taken).fields == "key"
    crm.server.change(has_key_property=True)
    wrong.points.get(kind="email").delete()
    switches.retry_parked(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    crm.work()
    assert (crm.row(wrong).state, crm.notes(), crm.row(taken).state) == ("written", ["written"], "parked")


def test_nothing_leaves_without_consent_nor_after_an_objection_nor_of_a_blocked_person(crm: Crm) -> None:
    ana = crm.customer(agrees=False)
    crm.close(ana)
    crm.tell()
    assert (crm.row(ana).state, crm.row(ana).problem, crm.notes()) == ("withheld", "no_consent", ["withheld"])
    assert crm.calls() == []
    crm.agree()
    crm.tell()
    assert (crm.row(ana).state, crm.notes()) == ("written", ["withheld"])
    crm.calls()
    crm.agree(state="withdrawn")
    crm.tell()
    revise_contact(actor=crm.world.actor("support"), contact_id=ana.pk, name="Another Name")
    crm.tell()
    assert (crm.row(ana).problem, crm.calls(), crm.there(ana)["firstname"]) == ("opted_out", [], "Ana Souza")
    eve = crm.customer("+34600999888", "eve@quill.example", agrees=False)
    eve.points.create(kind="phone", value=PHONE.replace("111", "777"))  # typed, and somebody else's
    crm.agree(PHONE.replace("111", "777"))
    crm.tell()
    assert (crm.row(eve).problem, crm.there(eve)) == ("no_consent", {})
    bo = crm.customer("+34600333444", "bo@quill.example")
    block_contact(actor=crm.world.actor("support"), contact_id=bo.pk)
    crm.tell()
    assert (crm.row(bo).problem, crm.there(bo)) == ("blocked", {})


@pytest.mark.slow
@pytest.mark.parametrize("cause", ["withdrawn", "off", "stopped", "paused", "broken"])
def test_no_further_note_leaves_after_a_withdrawal_or_a_stop(
    crm: Crm, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    ana, owner = crm.customer(), crm.world.actor("owner")
    for _ in range(2):
        crm.close(ana)
        crm.write()
    add = services.add_note

    def then(*given: Any) -> Any:
        done = add(*given)
        if isinstance(done, NotDone):
            return done
        if cause == "withdrawn":
            crm.agree(state="withdrawn")
        elif cause == "off":
            switches.stop_sending(actor=owner, connection_id=crm.account.pk)
        elif cause == "stopped":
            activate_kill_switch(actor=owner, scope="connection", target=str(crm.account.pk), reason="Odd notes")
        elif cause == "paused":
            ProviderAccount.objects.filter(pk=crm.account.pk).update(paused_at=now())
        else:
            raise RuntimeError(EMAIL)
        return done

    monkeypatch.setattr(services, "add_note", then)
    crm.tell()
    crm.work()
    rest, problem = {
        "withdrawn": ("withheld", "opted_out"),
        "off": ("withheld", ""),
        "stopped": ("waiting", "stopped"),
        "paused": ("waiting", "calls_paused"),
        "broken": ("waiting", "failed"),
    }[cause]
    first = "withheld" if cause == "off" else "waiting" if cause == "broken" else "written"
    assert (crm.effects().count("create_notes"), crm.notes(), crm.row(ana).problem) == (1, [first, rest], problem)
    if cause == "off":
        with pytest.raises(Conflict, match="Turn sending on first"):
            switches.retry_parked(actor=owner, connection_id=crm.account.pk)
    if cause == "stopped":
        words = [words for words, _ in switches.standing_of(crm.account.pk).reasons]
        assert words == ["An emergency stop covers this connection. Walker goes on when it is released."]
        erase(crm, ana)
        crm.work()
        assert (crm.row(ana).state, crm.there(ana)) == ("erased", {})


def erase(crm: Crm, contact: Any) -> None:
    officer = replace(crm.world.actor("compliance"), auth_strength="mfa")
    asked = erase_contact(actor=officer, contact_id=contact.pk, reason="asked_for")
    work_on(asked)


def work_on(asked: Erasure) -> None:
    while erasures.work_on(erasure_id=asked.pk):
        pass
    asked.refresh_from_db()
    waits = CrmContact.objects.filter(contact_id=asked.subject_id, state="erasing").exists()
    assert (asked.state, asked.waits_for) == (("working", ["kept_by_crm"]) if waits else ("done", []))


@pytest.mark.slow
def test_erased_person_is_erased_there_and_stays_away(crm: Crm) -> None:
    ana, bo = crm.customer(), crm.customer("+34600333444", "bo@quill.example", agrees=False)
    crm.close(ana)
    crm.tell()
    assert crm.there(ana)["email"] == EMAIL
    erase(crm, ana)
    erase(crm, bo)
    assert [crm.row(one).state for one in (ana, bo)] == ["erasing", "erased"]
    assert crm.row(ana).digest == ""
    switches.stop_sending(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    crm.server.script("POST /crm/v3/objects/contacts/gdpr-delete", "fail", times=3)
    crm.work()
    assert (crm.row(ana).state, crm.row(ana).tries) == ("erasing", 1)
    crm.work(after=200)
    assert (crm.row(ana).state, crm.there(ana), crm.row(ana).outside_id) == ("erased", {}, "")
    work_on(Erasure.objects.get(subject_id=ana.pk))
    crm.start()
    crm.calls()
    crm.feed(again=True)
    crm.work(after=4000)
    assert (crm.calls(), crm.row(ana).state) == ([], "erased")
    assert crm.effects() == ["create_contacts", "create_notes", "purge_contacts"]


@pytest.mark.slow
def test_person_is_not_counted_as_erased_where_the_connection_reaches_another_account(crm: Crm) -> None:
    ana, owner = crm.customer(), crm.world.actor("owner")
    crm.tell()

    def connect(account: str) -> None:
        with clock.at(now() + timedelta(minutes=1)):
            connections.rotate(actor=owner, connection_id=crm.account.pk, credentials=crm.server.credentials(account))

    connect("globex")
    erase(crm, ana)
    crm.work()
    assert (crm.row(ana).state, crm.row(ana).problem, crm.there(ana)["email"]) == ("erasing", "other_account", EMAIL)
    asked = Erasure.objects.get(subject_id=ana.pk)
    while erasures.work_on(erasure_id=asked.pk):
        pass
    asked.refresh_from_db()
    assert (asked.state, asked.waits_for) == ("done", [])  # no account that was disconnected is waited for
    connect("acme")
    assert (crm.work(after=3600), crm.work(after=90_000)) == (0, 1)
    assert (crm.row(ana).state, crm.there(ana)) == ("erased", {})


@pytest.mark.slow
def test_person_erased_while_a_worker_writes_is_erased_there_afterwards(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bo = crm.customer(), crm.customer("+34600333444", "bo@quill.example")
    crm.feed()
    begin = worker._begin

    def erased_first(row: CrmContact, *rest: Any, **more: Any) -> bool:
        erase(crm, row.contact)
        return begin(row, *rest, **more)

    def erased_then(row: CrmContact, *rest: Any, **more: Any) -> bool:
        may = begin(row, *rest, **more)
        erase(crm, row.contact)
        return may

    moment = now() + timedelta(seconds=30)
    monkeypatch.setattr(worker, "_begin", erased_first)
    worker.send_contact(row_id=crm.row(ana).pk, now=moment)
    assert (crm.effects(), crm.row(ana).state) == ([], "erased")
    monkeypatch.setattr(worker, "_begin", erased_then)
    worker.send_contact(row_id=crm.row(bo).pk, now=moment)
    assert (crm.effects(), crm.row(bo).state) == (["create_contacts"], "erasing")
    crm.work()
    assert (crm.row(bo).state, crm.there(bo)) == ("erased", {})


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trials", [2, pytest.param(200, marks=pytest.mark.long)])
def test_two_workers_write_once_and_the_bus_brings_the_work(
    crm: Crm, trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "CALLS_PER_MINUTE", 60_000)  # so many customers don't close in a minute
    bus.run_turn(only=[CONSUMER])
    for number in range(trials):
        ana = crm.customer(f"+34600{number:06}", f"a{number}@quill.example")
        crm.close(ana)
        take_until(lambda: CrmNote.objects.count() > number, only=[CONSUMER])  # noqa: B023
        due, moment = worker.list_due(now=now() + timedelta(seconds=30)), now() + timedelta(seconds=30)
        assert due == [(crm.world.acme.pk, crm.row(ana).pk)]
        at_once([lambda pk=due[0][1], at=moment: worker.send_contact(row_id=pk, now=at)] * 2)  # type: ignore[misc]
        assert (crm.row(ana).state, crm.row(ana).lease_until) == ("written", None)
        assert crm.effects() == ["create_contacts", "create_notes"] * (number + 1)
    row = CrmContact.objects.earliest("id")
    held = lease.claim(CrmContact.objects.filter(pk=row.pk), worker.LEASE, due_at=None)  # and the worker dies
    assert held is not None
    assert worker.list_due(now=now() + timedelta(seconds=30)) == []
    assert len(worker.list_due(now=now() + timedelta(seconds=90))) == 1


@pytest.mark.slow
def test_lag_is_how_long_a_contact_waits_also_after_tries_that_failed(crm: Crm, django_assert_num_queries: Any) -> None:
    def lag(after: int) -> float:
        with clock.at(now() + timedelta(seconds=after)), django_assert_num_queries(1):
            return worker.write_lag()

    def about(seconds: int) -> Any:
        return pytest.approx(seconds, abs=90)

    ana = crm.customer()
    for after in (30, 1000):
        crm.server.script(WRITES, "429", retry_after=900)
        crm.feed()
        crm.work(after=after)
        assert (lag(3600), crm.row(ana).state) == (about(3600), "waiting")
    crm.work(after=3000)
    assert (lag(3600), crm.row(ana).state) == (0, "written")
    support, rows = crm.world.actor("support"), CrmContact.objects.filter(contact=ana)
    revise_contact(actor=support, contact_id=ana.pk, name="Ana Maria Souza")
    crm.feed()
    held = lease.claim(rows, worker.LEASE, due_at=None)  # and the worker takes an hour
    assert held is not None
    assert lag(3600) == about(3600)
    with clock.at(now() + timedelta(hours=1)):
        revise_contact(actor=support, contact_id=ana.pk, name="Ana M. Souza")
        crm.feed()
        worker._finish(held, state="written")
    assert lag(7200) == about(3600)  # of what came meanwhile
    for problem in ("stopped", "other_account"):
        rows.update(problem=problem)
        assert lag(7200) == 0
    rows.update(problem="")
    with tenant_scope(crm.world.globex.pk):
        assert lag(7200) == 0
    erase(crm, ana)
    assert lag(7200) == about(3600)
    crm.work(after=4000)
    assert (lag(7200), crm.row(ana).state) == (0, "erased")
    crm.customer("+34600333444", "bo@quill.example")
    crm.feed()
    ProviderAccount.objects.update(paused_at=now())
    assert lag(7200) == 0


def test_switch_is_off_at_first_audited_and_needs_its_right_and_the_properties(crm: Crm) -> None:
    owner, given = crm.world.actor("owner"), {"connection_id": crm.account.pk}
    switches.stop_sending(actor=owner, **given)
    ana = crm.customer()
    crm.close(ana)
    crm.tell()
    assert (CrmContact.objects.count(), crm.calls()) == (0, [])
    crm.server.change(has_key_property=False)
    with pytest.raises(Conflict, match="walker_contact of contacts, with unique values; walker_lead of contacts"):
        crm.start()
    assert not switches.is_sending(crm.account.pk)
    for service in (switches.start_sending, switches.stop_sending, switches.retry_parked):
        with pytest.raises(Refused):
            service(actor=crm.world.actor("support"), **given)
    crm.server.change(has_key_property=True)
    crm.start()
    crm.feed(again=True)  # closed before the switch: nothing of it leaves
    assert (CrmContact.objects.count(), CrmNote.objects.count()) == (0, 0)
    noted = AuditEntry.objects.filter(object_id=crm.account.pk, action__startswith="CRM_").order_by("seq")
    assert [entry.action for entry in noted] == [
        "CRM_SENDING_STARTED", "CRM_SENDING_STOPPED", "CRM_SENDING_STARTED",
    ]  # fmt: skip
    other = ProviderAccount.objects.create(provider="sandbox_ads", name="Ads", credentials={"token": "x"})
    with pytest.raises(Conflict, match="takes no contacts"):
        switches.start_sending(actor=owner, connection_id=other.pk)
    with tenant_scope(crm.world.globex.pk):
        assert not CrmSwitch.objects.exists()


@pytest.mark.slow
def test_page_of_the_connection_previews_masked_rows_and_switches_without_an_outside_call(crm: Crm) -> None:
    switches.stop_sending(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    ana = crm.customer()
    crm.customer("+34600333444", "bo@quill.example", agrees=False)
    owner = Client()
    owner.force_login(crm.world.people["owner"], backend="accounts.backends.RoleBackend")
    crm.calls()
    page = PAGE.format(crm.account.pk)
    text = html.unescape(owner.get(page).content.decode())
    assert ("No contacts are sent." in text, ana.masked_name in text) == (True, False)
    said = {"name_property": "nickname", "email_property": "email", "heat_property": "walker_lead"}
    choices = {f"{name}_{part}": value for name in ("name", "language") for part, value in
               (("direction", "both"), ("owner", "newest"))}  # fmt: skip
    shown = owner.post(f"{page}map-contacts/", {**said, **choices, "preview": "1"})
    text = html.unescape(shown.content.decode())
    assert (ana.masked_name in text, "Ana Souza" in text, EMAIL in text, "quill.invalid" in text) == (
        True, False, False, False,
    )  # fmt: skip
    assert "Of your 2 newest contacts" in text
    assert (text.count("hot</td>"), "<code>nickname</code>" in text) == (1, True)
    assert crm.calls() == []
    started = owner.post(f"{page}send-contacts/", follow=True).content.decode()
    assert "Contacts are sent from now on." in started
    crm.customer("+34600555666", "carla@customers.example")
    crm.tell()
    crm.calls()
    text = html.unescape(owner.get(page).content.decode())
    carla = CrmContact.objects.get(state="parked").contact
    named = f'<a href="/admin/conversations/contact/{carla.pk}/"><bdi>{carla.masked_name}</bdi></a>'
    assert (named in text, carla.display_name in text) == (True, False)
    assert ("may have this email address" in text, crm.calls()) == (True, [])
    no_contacts = replace(crm.world.actor("owner"), permissions=frozenset(), all_permissions=False)
    assert switches.failures_of(viewer=no_contacts, connection_id=crm.account.pk) == []
    assert "Contacts to be sent again: 1." in owner.post(f"{page}retry-contacts/", follow=True).content.decode()
    assert "No contacts are sent any more." in owner.post(f"{page}stop-contacts/", follow=True).content.decode()


def test_more_contacts_take_no_more_queries(crm: Crm, django_assert_num_queries: Any) -> None:
    people = [crm.customer(f"+3460012300{number}", f"a{number}@quill.example") for number in range(3)]
    for some in (people[:1], people):
        with django_assert_num_queries(3):
            assert {one.reason for one in disclosures_of(some).values()} == {""}


def test_message_of_nobody_known_to_the_crm_costs_one_query(crm: Crm, django_assert_num_queries: Any) -> None:
    switches.stop_sending(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    crm.write()
    assert Message.objects.exists()
    with django_assert_num_queries(2):  # the scene reads the events
        crm.feed()


@pytest.mark.slow
def test_what_a_disconnect_stops_names_the_contacts_over_any_connection(
    crm: Crm, django_assert_num_queries: Any
) -> None:
    owner = crm.world.actor("owner")
    cursors.start_reading(actor=owner, connection_id=crm.account.pk)
    other = {**crm.server.credentials("globex"), "tickets": "no"}
    second = connections.connect(actor=owner, provider="hubspot", credentials=other, name="Second")
    rows = {row.pk: row for row in list_connections(viewer=owner)}
    with django_assert_num_queries(0):  # the list of the API asks nothing for each of its rows
        told = {key: uses_of(row).exchanges for key, row in rows.items()}
    both = ("Contacts and closed conversations sent there", "Contacts read back")
    assert told == {crm.account.pk: both, second.pk: ()}
    switches.start_sending(actor=owner, connection_id=second.pk)  # it isn't the default
    assert uses_of(second) == Uses(exchanges=both[:1])
    assert uses_of(second).in_words() == {"By itself": both[0]}
    cursors.pause_reading(actor=owner, connection_id=crm.account.pk)
    switches.stop_sending(actor=owner, connection_id=crm.account.pk)
    assert uses_of(crm.account).exchanges == ()
    page = Client()
    page.force_login(crm.world.people["owner"], backend="accounts.backends.RoleBackend")
    shown = page.get(f"/admin/integrations/provideraccount/{second.pk}/").content.decode()
    assert f"<dt>By itself</dt><dd>{both[0]}</dd>" in shown
