"""The page of a contact: who they are, what was said, and the ways to write to them."""

import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F

from conversations.channel_accounts.templates import FoundTemplate, store_templates, use_template
from conversations.contacts import contacts
from conversations.gauges import most_contacts_viewed
from conversations.models import ChannelAccount, Contact, Conversation, MessageTemplate
from conversations.texts import words_before_gap
from core import clock
from core.clock import now
from core.errors import Refused
from core.models import AuditEntry, ReplyWindow
from tests.console.conftest import Browser
from tests.console.scene import PHONE, write_in
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
CONTACTS = "/admin/conversations/contact/"
LIVE = {"X-Walker-Fragment": "1"}
BODY = "Hello {{1}}, we have news about {{order_number}}. {{3}}{{4}}"


def test_gap_is_named_by_what_stands_before_it() -> None:
    wanted = {"1": "Hello", "order_number": "we have news about", "3": "", "4": ""}
    assert {name: words_before_gap(BODY, name) for name in wanted} == wanted
    assert words_before_gap("{{ 1 }}\nabout {{2}}", "2") == "about"


@pytest.mark.slow
def test_contact_s_page_shows_the_history_and_folds_the_ways_to_write(browser: Browser, acme: World) -> None:
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    talk = Conversation.objects.get(pk=write_in(line, f"Where is my parcel? Call {PHONE}"))
    body = "Hello {{1}}, we have news about {{order_number}}."
    store_templates(account_id=line.pk, found=[FoundTemplate("again", "en", "1", "approved", body=body)])
    use_template(actor=OPERATOR, template_id=MessageTemplate.objects.get().pk, use="reopening")
    ReplyWindow.objects.update(wrote_at=F("wrote_at") - timedelta(hours=24))
    page = f"{CONTACTS}{talk.contact_id}/"
    shown = browser("support").get(page)
    words = shown.content.decode()
    assert ("Where is my parcel?" in words, PHONE in words) == (True, False)
    assert f'href="/admin/conversations/conversation/{talk.pk}/"' in words
    assert "Can be contacted" in words
    assert ("Gap 1, after “Hello”" in words, "Gap 2: order number" in words) == (True, True)
    assert "Hello [gap 1], we have news about [gap 2]." in words
    assert [label for label, value in shown.context["rows"] if value in ("–", "", "Not known")] == []
    menu = re.findall(rf'<li><a href="{page}([a-z-]+)/"', words)
    assert ("merge" in menu, "block" in menu, "write" in menu) == (True, True, False)
    assert browser("support").get(f"{page}block/").status_code == 200
    assert browser("owner", outside=True).get(page).status_code == 404
    clocks = {"Answer 3 h late": {"state": "person", "next_due_at": now() - timedelta(hours=3, minutes=1)}}
    clocks |= {"Snoozed: in 2 h": {"snoozed_until": now() + timedelta(hours=2, minutes=1)}}
    drawn = []
    for columns in clocks.values():
        Conversation.objects.filter(pk=talk.pk).update(**columns)
        drawn.append(browser("support").get(page).content.decode())
    assert [one in each for one, each in zip(clocks, drawn, strict=True)] == [True, True]
    colleague = acme.people["support"]
    Contact.objects.filter(pk=talk.contact_id).update(user=colleague)
    again = browser("admin").get(page).content.decode()
    assert f"<bdi>{colleague.get_full_name()}</bdi>" in again


@pytest.mark.slow
def test_each_look_at_a_contact_is_recorded_and_those_of_one_person_are_counted(browser: Browser, acme: World) -> None:
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    numbers = [f"+3460012345{digit}" for digit in range(3)]
    talks = [Conversation.objects.get(pk=write_in(line, "Hello", number)) for number in numbers]
    pages = [f"{CONTACTS}{talk.contact_id}/" for talk in talks]
    support, looks = browser("support"), AuditEntry.objects.filter(action="CONTACT_VIEWED")
    assert [support.get(page).status_code for page in (pages[0], pages[0], pages[1])] == [200] * 3
    support.get(f"/admin/conversations/conversation/{talks[0].pk}/")
    # An open page reads its live parts again, which is no further look; without a look before, it is one.
    assert [support.get(page, headers=LIVE).status_code for page in (pages[0], pages[1])] == [200] * 2
    browser("admin").get(pages[2], headers=LIVE)
    assert support.get(CONTACTS).status_code == 200
    assert browser("owner", outside=True).get(pages[0]).status_code == 404
    assert [(entry.role, entry.object_id) for entry in looks.order_by("seq")] == [
        *[("support", talks[0].contact_id)] * 2, ("support", talks[1].contact_id), ("admin", talks[2].contact_id)
    ]  # fmt: skip
    assert most_contacts_viewed() == 2
    key = replace(acme.actor("support"), kind="api_key", id=uuid4())
    contacts.record_view(actor=key, contact=talks[2].contact)
    with pytest.raises(Refused):
        contacts.record_view(actor=replace(key, permissions=frozenset()), contact=talks[2].contact)
    assert (looks.count(), most_contacts_viewed()) == (5, 2)
    with clock.at(now() + timedelta(minutes=61)):
        assert most_contacts_viewed() == 0
