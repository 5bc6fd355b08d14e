"""A contact's page: their customer number, linked, changed and removed by those who may reply."""

from uuid import UUID

import pytest
from django.test import Client

from accounts.privacy.reveals import reveal
from conversations.models import Contact, ContactPoint
from core.models import AuditEntry
from hub.models import CustomerLink
from integrations.connections import services as connections
from integrations.models import ProviderAccount
from tests.console.conftest import Browser, browser
from tests.hub.conftest import Shop

__all__ = ["browser"]  # a fixture
pytestmark = pytest.mark.django_db
NUMBER, OTHER = "c-1001", "c-2002"


def page_of(contact_id: UUID, end: str = "") -> str:
    return f"/admin/conversations/contact/{contact_id}/{end}"


def panel(client: Client, contact_id: UUID) -> str:
    """The panel's part of the page, "" without one."""
    text = client.get(page_of(contact_id)).content.decode()
    return text.partition('id="h-customer"')[2].partition("</section>")[0]


@pytest.mark.slow
def test_number_is_linked_changed_and_removed_on_the_page_and_masked(shop: Shop, browser: Browser) -> None:
    contact, support = shop.write("Hello", "tilda", by="sms").conversation.contact_id, browser("support")
    empty = panel(support, contact)
    assert ("Not linked" in empty, "Link customer number…" in empty, "Remove number…" in empty) == (True, True, False)
    refused = support.post(page_of(contact, "link-customer/"), {"customer": "c 1001/"})
    assert (refused.status_code, "Use up to 64 letters, digits" in refused.content.decode()) == (400, True)
    for number in (NUMBER, OTHER):
        said = support.post(page_of(contact, "link-customer/"), {"customer": f" {number} "}, follow=True)
        assert "Customer number saved." in said.content.decode()
    shown = support.get(page_of(contact)).content.decode()
    assert (OTHER in shown, "•••02" in shown, "Change number…" in shown) == (False, True, True)
    assert shown.count("link-customer/") == 2  # one to change and one to remove: the menu repeats neither
    assert CustomerLink.objects.get().customer == OTHER
    form = support.get(page_of(contact, "link-customer/")).content.decode()
    assert OTHER not in form
    support.post(page_of(contact, "unlink-customer/"))
    assert "Not linked" in panel(support, contact)
    told = AuditEntry.objects.filter(action__startswith="CUSTOMER_").order_by("seq")
    assert [entry.action for entry in told] == ["CUSTOMER_LINKED", "CUSTOMER_LINKED", "CUSTOMER_UNLINKED"]
    assert not any(number in str(entry.facts) for entry in told for number in (NUMBER, OTHER))


def test_number_is_clear_under_a_reveal_and_viewers_and_strangers_change_nothing(shop: Shop, browser: Browser) -> None:
    contact = shop.begin("tilda", by="sms").contact_id
    reveal(
        actor=shop.world.actor("owner"), object_type="conversations.contact", object_id=contact, fields=["contact"],
        reason="The customer is on the phone",
    )  # fmt: skip
    assert (NUMBER in panel(browser("owner"), contact), NUMBER in panel(browser("support"), contact)) == (True, False)
    seen = panel(browser("compliance"), contact)
    assert (NUMBER in seen, "•••01" in seen, "link-customer/" in seen) == (False, True, False)
    for path in ("link-customer/", "unlink-customer/"):
        assert browser("compliance").post(page_of(contact, path), {"customer": OTHER}).status_code == 403
        assert browser("owner", outside=True).post(page_of(contact, path), {"customer": OTHER}).status_code == 404
    assert CustomerLink.objects.get().customer == NUMBER


@pytest.mark.slow
def test_panel_tells_what_the_own_app_proves_and_is_absent_where_nothing_can_be_looked_up(
    shop: Shop, browser: Browser
) -> None:
    proven = shop.write("Hello").conversation.contact_id
    ContactPoint.objects.create(contact_id=proven, kind="customer", value="shop:k-77001", is_verified=True)
    shown = panel(browser("support"), proven)
    assert ("•••01" in shown, "proven by your own app" in shown, "Link customer number…" in shown) == (True,) * 3
    known, other = (
        shop.begin("tilda", by="sms").contact_id,
        shop.write("Hello", "ana", by="sms").conversation.contact_id,
    )
    Contact.objects.filter(pk=known).update(erased_at=shop.chat.created_at)
    assert (panel(browser("support"), known), "Not linked" in panel(browser("support"), other)) == ("", True)
    refused = browser("support").post(page_of(known, "link-customer/"), {"customer": OTHER})
    assert (refused.status_code, CustomerLink.objects.get().customer) == (404, NUMBER)
    office = ProviderAccount.objects.get(provider="back_office")
    connections.disconnect(actor=shop.world.actor("owner"), connection_id=office.pk)
    assert panel(browser("support"), other) == ""
