"""What people ask of their data: recorded, due in a month, extended once, and answered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Membership
from analytics.models import PersonRequest
from analytics.person_requests import requests
from analytics.person_requests.requests import due_soon, months_after, open_for_contact, open_for_member
from conversations.contacts.selectors.consents import wishes_of
from conversations.models import ChannelAccount, Contact, Conversation
from core import clock
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry, Consent, StreamEvent
from core.reach import ledger
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser
from tests.console.scene import PHONE, write_in
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
    member = Membership.objects.get(user=acme.people["support"])
    told = {"actor": acme.actor("owner"), "membership_id": member.pk, "received_on": now().date()}
    open_for_member(**told, kind="objection", purpose="notice")
    index = ledger.index_of_mail(acme.people["support"].email)
    assert [(entry.purpose, entry.state) for entry in ledger.entries_of([index])[index]] == [("notice", "withdrawn")]
    Membership.objects.filter(pk=member.pk).update(is_active=False, erased_at=now())
    with pytest.raises(Conflict):
        open_for_member(**told, kind="access")


@pytest.mark.slow
def test_pages_record_show_and_answer_a_request(browser: Browser, acme: World, contact: Contact) -> None:
    page, officer = f"/admin/conversations/contact/{contact.pk}/", browser("compliance")
    form = {"kind": "access", "received_on": f"{now():%Y-%m-%d}", "wish": f"Call me at {PHONE}", "purpose": ""}
    assert "Record a privacy request…" in officer.get(page).content.decode()
    assert browser("support").post(f"{page}open-request/", form).status_code == 403
    assert officer.post(f"{page}open-request/", {**form, "received_on": "2999-01-01"}).status_code == 400
    made = officer.post(f"{page}open-request/", form)
    row = PersonRequest.objects.get()
    assert (made.status_code, made.headers["Location"]) == (302, f"{REQUESTS}{row.pk}/")
    shown = officer.get(f"{REQUESTS}{row.pk}/").content.decode()
    assert (PHONE in shown, f"{page}export-person/" in shown) == (True, True)
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
