"""Exports of people are requested through the API by those who may erase them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from accounts.models import Membership
from conversations.models import Contact
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.api.office import Office

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def test_contact_and_member_are_exported_once_a_second_person_agrees(office: Office) -> None:
    with tenant_scope(office.world.acme.pk):
        contact = Contact.objects.filter(erased_at=None, merged_into=None).earliest("id").pk
        member = Membership.objects.get(user=office.world.people["support"]).pk
    caller, why = office.caller("compliance"), {"reason": "Asked by letter of 3 November"}
    for path, body in (("contact", {"contact_id": str(contact)}), ("member", {"membership_id": str(member)})):
        made = caller.post(f"exports/{path}/", {**body, **why})
        assert made.status_code == 201, made.content
        told = made.json()
        assert (told["state"], told["source"], told["format"], told["in_clear"]) == ("waiting", path, "zip", True)
        assert caller.get(f"exports/{told['id']}/file/").json()["code"] == "not_ready"
        assert office.caller("admin").post(f"exports/{path}/", {**body, **why}).status_code == 403
        assert office.outsider().post(f"exports/{path}/", {**body, **why}).status_code == 404
        assert caller.post(f"exports/{path}/", {**body, "reason": "x"}).status_code == 400
        assert caller.post(f"exports/{path}/", why).status_code == 400
    assert caller.post("exports/contact/", {"contact_id": str(uuid4()), **why}).status_code == 404
    # A list is no person, and a person no list.
    span = {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    assert caller.post("exports/", {"source": "contact", **span}).status_code == 404
    assert caller.post("exports/", {"source": "conversations", "format": "zip", **span}).status_code == 400
    with tenant_scope(office.world.acme.pk):
        Contact.objects.filter(pk=contact).update(erased_at=now())
    assert caller.post("exports/contact/", {"contact_id": str(contact), **why}).json()["code"] == "erased"
