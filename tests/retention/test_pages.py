"""Retention and legal holds on their pages and over the API."""

import pytest
from django.urls import reverse

from conversations.models import Contact
from core.models import LegalHold, RetentionChoice
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
FORM = "admin:core_retentionchoice_set_days"


def test_days_are_tried_and_chosen_on_the_page_and_by_the_api(world: World, browser: Browser) -> None:
    page, form = reverse("admin:core_retentionchoice_changelist"), reverse(FORM)
    officer, admin = browser("compliance"), browser("admin")
    assert "Until it is deleted" in officer.get(page).content.decode()
    assert form not in admin.get(page).content.decode()
    assert admin.post(form, {"kind": "mails", "days": "7"}).status_code == 403
    assert browser("support").get(page).status_code == 403
    tried = officer.post(form, {"kind": "mails", "days": "7", "try": "1"})
    assert "Would be deleted now" in tried.content.decode()
    assert "Choose 1 to 30 days" in officer.post(form, {"kind": "mails", "days": "99", "try": "1"}).content.decode()
    with tenant_scope(world.acme.pk):
        assert not RetentionChoice.objects.exists()
    assert "Choose 1 to 30 days" in officer.post(form, {"kind": "mails", "days": "99"}).content.decode()
    assert officer.post(form, {"kind": "mails", "days": "7"}).status_code == 302
    assert "7 days from" in officer.get(page).content.decode()
    api = "/api/v1/retention/"
    (mails,) = [kept for kept in admin.get(api).json() if kept["kind"] == "mails"]
    assert (mails["days"], mails["next_days"]) == (30, 7)
    sent = {"content_type": "application/json"}
    assert admin.post(api, {"kind": "mails", "days": None}, **sent).status_code == 403
    assert officer.post(api, {"kind": "mails", "days": None}, **sent).json()["starts_at"] is None
    assert officer.post(f"{api}try/", {"kind": "conversations", "days": 30}, **sent).json() == {"count": 0}
    assert officer.post(api, {"kind": "nothing", "days": 30}, **sent).status_code == 404
    assert officer.post(api, {"kind": "conversations", "days": 29}, **sent).status_code == 400


def test_holds_are_placed_and_lifted_on_the_page_and_by_the_api(world: World, browser: Browser) -> None:
    with tenant_scope(world.acme.pk):
        contact = Contact.objects.create()
    officer, form = browser("compliance"), reverse("admin:core_legalhold_place")
    said = {"subject_type": "contact", "reference": "C 12/26"}
    assert browser("admin").post(form, said).status_code == 403
    assert "Name the contact" in officer.post(form, said).content.decode()
    assert "Copy the address" in officer.post(form, {**said, "page": "https://x.example/"}).content.decode()
    address = f"https://testserver/admin/conversations/contact/{contact.pk}/"
    assert officer.post(form, {**said, "page": address}).status_code == 302
    with tenant_scope(world.acme.pk):
        hold = LegalHold.objects.get()
    assert hold.subject_id == contact.pk
    assert "C 12/26" in officer.get(reverse("admin:core_legalhold_changelist")).content.decode()
    assert officer.post(reverse("admin:core_legalhold_lift", args=[hold.pk])).status_code == 302
    assert "Lifted" in officer.get(reverse("admin:core_legalhold_change", args=[hold.pk])).content.decode()
    api, sent = "/api/v1/legal-holds/", {"content_type": "application/json"}
    made = officer.post(api, {"subject_type": "organisation", "reference": "C 13/26"}, **sent)
    assert (made.status_code, made.json()["subject_id"]) == (201, None)
    assert (
        "Everything is on legal hold" in officer.get(reverse("admin:core_retentionchoice_changelist")).content.decode()
    )
    lifted = officer.post(f"{api}{made.json()['id']}/lift/", {}, **sent)
    assert lifted.json()["lifted_by"] == str(world.people["compliance"].pk)
    assert [row["reference"] for row in officer.get(api).json()["results"]] == ["C 13/26", "C 12/26"]
    assert browser("owner", outside=True).get(f"{api}{hold.pk}/").status_code == 404
