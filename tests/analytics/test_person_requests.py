"""What people ask of their data: recorded, due in a month, extended once, and answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Membership, User
from accounts.privacy.erasure import erase_member
from analytics.models import PersonRequest
from analytics.person_requests import requests
from analytics.person_requests.requests import due_soon, months_after, open_for_contact, open_for_member
from conversations.contacts.selectors.consents import wishes_of
from conversations.merges.merges import merge_contacts
from conversations.models import ChannelAccount, Contact, ContactPoint, Conversation
from core import clock
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry, Consent, StreamEvent
from core.reach import ledger
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser
from tests.console.scene import NAME, PHONE, write_in
from tests.database.meanwhile import meanwhile
from tests.world import World

pytestmark = pytest.mark.django_db
REQUESTS = "/admin/analytics/personrequest/"


@pytest.fixture
def contact(acme: World) -> Contact:
    """A customer who wrote by WhatsApp."""
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    found: Contact = Conversation.objects.get(pk=write_in(line, "Hello")).contact
    return found


def opened(world: World, contact: Contact, **more: Any) -> PersonRequest:
    told = {"kind": "access", "received_on": now().date(), **more}
    return open_for_contact(actor=world.actor("compliance"), contact_id=contact.pk, **told)


@pytest.mark.parametrize(
    ("received", "months", "due"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last(received: date, months: int, due: date) -> None:
    assert months_after(received, months) == due


@pytest.mark.slow
def test_request_is_assigned_extended_once_and_closed_for_good(acme: World, contact: Contact) -> None:
    officer = acme.actor("compliance")
    with clock.at(datetime(2026, 1, 31, 12, tzinfo=UTC)):
        row = opened(acme, contact, wish="All of it, please.")
        one = {"actor": officer, "person_request_id": row.pk}
        assert (row.state, row.due_on, due_soon()) == ("open", date(2026, 2, 28), 0)
    with clock.at(datetime(2026, 2, 28, 12, tzinfo=UTC)):
        assert due_soon() == 1
        owner = acme.people["owner"].pk
        assert requests.assign_request(**one, person_id=owner).handler_id == owner
        with pytest.raises(Invalid):
            requests.assign_request(**one, person_id=acme.people["viewer"].pk)
        with pytest.raises(Invalid):
            requests.extend_request(**one, reason="Much")
        extended = requests.extend_request(**one, reason="Their mails of ten years have to be read.")
        assert (extended.due_on, due_soon()) == (date(2026, 4, 30), 0)
        with pytest.raises(Conflict) as refused:
            requests.extend_request(**one, reason="Their mails of ten years have to be read.")
        assert refused.value.code == "extended"
    late = opened(acme, contact, received_on=now().date() - timedelta(days=40))
    with pytest.raises(Conflict) as refused:
        requests.extend_request(actor=officer, person_request_id=late.pk, reason="We had a lot to do.")
    assert refused.value.code == "too_late"
    for wrong in ({"outcome": "open", "answer": "x"}, {"outcome": "refused"}, {"outcome": "fulfilled", "answer": " "}):
        with pytest.raises(Invalid):
            requests.close_request(**one, **wrong)
    closed = requests.close_request(**one, outcome="fulfilled", answer="The file was handed over.")
    assert (closed.state, closed.closed_by_id, closed.answer) == (
        "fulfilled",
        officer.user_id,
        "The file was handed over.",
    )
    with pytest.raises(Conflict):
        requests.close_request(**one, outcome="withdrawn")
    assert requests.close_request(actor=officer, person_request_id=late.pk, outcome="withdrawn").answer == ""
    told = AuditEntry.objects.filter(object_id=row.pk).order_by("seq")
    assert list(told.values_list("action", flat=True)) == [
        f"PERSON_REQUEST_{what}" for what in ("OPENED", "ASSIGNED", "EXTENDED", "CLOSED")
    ]
    assert [words for words in ("All of it", "mails", "handed") if words in str(list(told.values_list("facts")))] == []


@pytest.mark.slow
def test_request_that_makes_no_sense_is_refused(acme: World, contact: Contact) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kind": "revenge"}, "kind"),
        ({"received_on": now().date() + timedelta(days=2)}, "received_on"),
        ({"purpose": "marketing"}, "purpose"),
        ({"kind": "objection", "purpose": "account"}, "purpose"),
        ({"wish": "x" * 4001}, "wish"),
        ({"wish": "a\x00b"}, "wish"),
    ]
    for given, field in wrong:
        with pytest.raises(Invalid) as refused:
            opened(acme, contact, **given)
        assert list(refused.value.facts["fields"]) == [field], given
    told = {"kind": "access", "received_on": now().date()}
    with pytest.raises(Refused):
        open_for_contact(actor=acme.actor("support"), contact_id=contact.pk, **told)
    with pytest.raises(NotFound):
        open_for_contact(actor=acme.actor("owner"), contact_id=uuid4(), **told)
    into = Contact.objects.create()
    for change, code in (({"merged_into": into}, "merged"), ({"merged_into": None, "erased_at": now()}, "erased")):
        Contact.objects.filter(pk=contact.pk).update(**change)
        with pytest.raises(Conflict) as conflict:
            opened(acme, contact)
        assert conflict.value.code == code
    assert not PersonRequest.objects.exists()
    row = opened(acme, into)
    with tenant_scope(acme.globex.pk):
        for service in (requests.extend_request, requests.close_request):
            given = {"reason": "Because of it."} if service is requests.extend_request else {"outcome": "withdrawn"}
            with pytest.raises(NotFound):
                service(actor=acme.outsider(), person_request_id=row.pk, **given)


@pytest.mark.slow
def test_objection_to_messages_opts_the_person_out_everywhere(acme: World, contact: Contact) -> None:
    opened(acme, contact, kind="objection")
    assert not Consent.objects.exists()
    changes = StreamEvent.objects.filter(type="contact_changed")
    before = changes.count()
    opened(acme, contact, kind="objection", purpose="marketing")
    assert wishes_of(contact.points.all()).opt_outs == (("any", "marketing"),)
    entries = AuditEntry.objects.filter(action__in=("PERSON_REQUEST_OPENED", "CONSENT_RECORDED")).order_by("-seq")[:2]
    assert [entry.action for entry in entries] == ["CONSENT_RECORDED", "PERSON_REQUEST_OPENED"]
    assert changes.count() == before + 1
    person = acme.people["support"]
    member = Membership.objects.get(user=person)
    told = {"actor": acme.actor("owner"), "membership_id": member.pk, "received_on": now().date()}
    # Mail to an account that a company made goes elsewhere, and addresses move when contacts are merged.
    User.objects.filter(pk=person.pk).update(company_address="sam@company.example")
    into = Contact.objects.create()
    Contact.objects.filter(pk=contact.pk).update(user=person, merged_into=into)
    ContactPoint.objects.filter(contact=contact).update(contact=into, origin=contact)
    open_for_member(**told, kind="objection", purpose="notice")
    mails = [ledger.index_of_mail(address) for address in ("sam@company.example", person.email)]
    said = {index: [(entry.purpose, entry.state) for entry in rows] for index, rows in ledger.entries_of(mails).items()}
    assert said == {mails[0]: [("notice", "withdrawn")], mails[1]: []}
    assert ("any", "notice") in wishes_of(into.points.all()).opt_outs
    Membership.objects.filter(pk=member.pk).update(is_active=False, erased_at=now())
    with pytest.raises(Conflict):
        open_for_member(**told, kind="access")


@pytest.mark.slow
def test_open_requests_of_a_colleague_who_is_erased_are_nobodys(acme: World, contact: Contact) -> None:
    person, owner = acme.people["admin"].pk, acme.actor("owner")
    rows = [opened(acme, contact) for _ in range(2)]
    for row in rows:
        requests.assign_request(actor=owner, person_request_id=row.pk, person_id=person)
    requests.close_request(actor=owner, person_request_id=rows[1].pk, outcome="withdrawn")
    member = Membership.objects.get(user=person)
    erase_member(actor=replace(owner, auth_strength="mfa"), membership_id=member.pk, reason="asked_for")
    assert [PersonRequest.objects.get(pk=row.pk).handler_id for row in rows] == [None, person]
    with pytest.raises(Invalid):
        requests.assign_request(actor=owner, person_request_id=rows[0].pk, person_id=person)


@pytest.mark.slow
def test_request_that_meets_a_merge_an_erasure_or_its_own_end_is_refused(committed_world: World) -> None:
    tenant, support = committed_world.acme.pk, committed_world.actor("support")
    with tenant_scope(tenant):
        line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
        people = [
            Conversation.objects.get(pk=write_in(line, "Hello", value=f"+3460012345{number}")).contact
            for number in range(3)
        ]
        row = opened(committed_world, people[2])
    objects = partial(opened, committed_world, kind="objection", purpose="marketing")
    closes = partial(requests.close_request, actor=committed_world.actor("owner"), person_request_id=row.pk)
    meetings: list[tuple[Callable[[], object], Callable[[], object], str]] = [
        (
            partial(merge_contacts, actor=support, contact_id=people[0].pk, into_id=people[2].pk, reason="The same"),
            partial(objects, people[0]),
            "merged",
        ),
        (
            lambda: Contact.objects.filter(pk=people[1].pk).update(erased_at=now()),
            partial(objects, people[1]),
            "erased",
        ),
        (partial(closes, outcome="fulfilled", answer="Done."), partial(closes, outcome="withdrawn"), "conflict"),
    ]
    found = [getattr(meanwhile(tenant, first, second), "code", "") for first, second, _ in meetings]
    assert found == [code for *_, code in meetings]
    with tenant_scope(tenant):
        assert (PersonRequest.objects.get().state, Consent.objects.count()) == ("fulfilled", 0)


@pytest.mark.slow
def test_pages_record_show_and_answer_a_request(browser: Browser, acme: World, contact: Contact) -> None:
    page, officer = f"/admin/conversations/contact/{contact.pk}/", browser("compliance")
    form = {"kind": "access", "received_on": f"{now():%Y-%m-%d}", "wish": f"{NAME}: {PHONE}", "purpose": ""}
    assert "Record a privacy request…" in officer.get(page).content.decode()
    assert browser("support").post(f"{page}open-request/", form).status_code == 403
    assert officer.post(f"{page}open-request/", {**form, "received_on": "2999-01-01"}).status_code == 400
    made = officer.post(f"{page}open-request/", form)
    row = PersonRequest.objects.get()
    assert (made.status_code, made.headers["Location"]) == (302, f"{REQUESTS}{row.pk}/")
    shown = officer.get(f"{REQUESTS}{row.pk}/").content.decode()
    assert ([word for word in (PHONE, NAME) if word in shown], f"{page}export-person/" in shown) == ([], True)
    assert officer.post(f"{REQUESTS}{row.pk}/reveal/", {"reason": "To answer it"}).status_code == 302
    shown = officer.get(f"{REQUESTS}{row.pk}/").content.decode()
    assert [word for word in (PHONE, NAME) if word not in shown] == []
    looked = AuditEntry.objects.get(action="PII_ACCESSED", object_id=row.pk)
    assert (looked.actor_user_id, looked.facts["fields"]) == (acme.people["compliance"].pk, ["words"])
    assert PHONE not in browser("admin").get(f"{REQUESTS}{row.pk}/").content.decode()
    # Administrators may not erase, and so not export a person either.
    assert f"{page}export-person/" not in browser("admin").get(f"{REQUESTS}{row.pk}/").content.decode()
    assert officer.post(f"{REQUESTS}{row.pk}/assign/", {"person_id": str(acme.people["admin"].pk)}).status_code == 302
    assert officer.post(f"{REQUESTS}{row.pk}/extend/", {"reason": "Many mails to read."}).status_code == 302
    assert officer.post(f"{REQUESTS}{row.pk}/close/", {"outcome": "refused"}).status_code == 400
    answer = {"outcome": "refused", "answer": "We could not tell who this is."}
    assert officer.post(f"{REQUESTS}{row.pk}/close/", answer).status_code == 302
    assert officer.post(f"{REQUESTS}{row.pk}/close/", answer).status_code == 409
    listed = officer.get(f"{REQUESTS}?state=refused").content.decode()
    assert (acme.people["admin"].get_full_name() in listed, PHONE in listed) == (True, False)
    member = Membership.objects.get(user=acme.people["viewer"])
    opened_too = officer.post(f"/admin/accounts/membership/{member.pk}/open-request/", {**form, "kind": "erasure"})
    assert (
        f"/admin/accounts/membership/{member.pk}/erase/" in officer.get(opened_too.headers["Location"]).content.decode()
    )
