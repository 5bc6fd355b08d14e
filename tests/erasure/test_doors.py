"""The console's pages and the API by which somebody is erased and followed."""

from time import time
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership
from core.models import Erasure
from core.tenancy.scope import tenant_scope
from tests.erasure.scene import MAIL, NAME, PHONE, PHRASE, Traces, ask, finish
from tests.world import World

FORM = {"reason": "asked_for", "confirmation": "Erase"}


def signed_in(world: World, role: str, *, strong: bool = True) -> Client:
    """Return the browser of somebody, signed in with or without a second factor."""
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa" if strong else "password", "at": time()}]
    session.save()
    return client


def contact_page(traces: Traces) -> str:
    return f"/admin/conversations/contact/{traces.contact_id}/"


def erasure_of(traces: Traces) -> Erasure:
    with tenant_scope(traces.world.acme.pk):
        found: Erasure = Erasure.objects.get()
        return found


@pytest.mark.slow
def test_contact_page_says_what_goes_and_the_form_leads_to_the_progress(traces: Traces) -> None:
    client = signed_in(traces.world, "compliance")
    page = client.get(contact_page(traces)).content.decode()
    assert f'<a href="{contact_page(traces)}erase/" class="wk-tone-danger">Erase this person</a>' in page
    assert "This can&#x27;t be undone" in client.get(f"{contact_page(traces)}erase/").content.decode()
    answer: Any = client.post(f"{contact_page(traces)}erase/", FORM)
    erasure = erasure_of(traces)
    assert (answer.status_code, answer.url) == (302, f"/admin/core/erasure/{erasure.pk}/")
    assert client.get(answer.url).headers["Refresh"] == "3"


@pytest.mark.slow
def test_result_page_tells_counts_and_ends(traces: Traces) -> None:
    client = signed_in(traces.world, "compliance")
    client.post(f"{contact_page(traces)}erase/", FORM)
    with tenant_scope(traces.world.acme.pk):
        finish(erasure_of(traces).pk)
    answer = client.get(f"/admin/core/erasure/{erasure_of(traces).pk}/")
    page = answer.content.decode()
    assert "Messages: 2" in page
    assert "Refresh" not in answer.headers
    assert "What was erased" in client.get(contact_page(traces)).content.decode()


@pytest.mark.slow
def test_form_shows_masked_what_is_looked_for_and_the_result_links_who_is_still_named(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        named = ask(traces.world, None, NAME, "1.00")
    client = signed_in(traces.world, "compliance")
    form = client.get(f"{contact_page(traces)}erase/").content.decode()
    assert "Also searched for elsewhere" in form
    assert [word for word in (NAME, PHONE, MAIL) if word in form] == []
    erasure = traces.erase()
    page = client.get(f"/admin/core/erasure/{erasure.pk}/").content.decode()
    assert f"/admin/hitl/approval/{named.pk}/" in page
    told = client.get(f"/api/v1/erasures/{erasure.pk}/").json()
    assert told["still_named"] == [str(named.pk)]


@pytest.mark.slow
def test_contact_is_found_by_a_whole_address(traces: Traces) -> None:
    client = signed_in(traces.world, "support")
    found: Any = client.post("/admin/conversations/contact/find/", {"address": "+34 600 987 123"})
    assert (found.status_code, found.url) == (302, contact_page(traces))
    assert client.post("/admin/conversations/contact/find/", {"address": "+34 600 000 000"}).status_code == 400


@pytest.mark.slow
@pytest.mark.parametrize("confirmation", ["", "yes", "delete"])
def test_without_the_typed_word_nothing_begins(traces: Traces, confirmation: str) -> None:
    client = signed_in(traces.world, "compliance")
    answer = client.post(f"{contact_page(traces)}erase/", {**FORM, "confirmation": confirmation})
    assert answer.status_code == 400
    with tenant_scope(traces.world.acme.pk):
        assert not Erasure.objects.exists()


@pytest.mark.slow
def test_pages_of_what_was_erased_open_and_name_nobody(traces: Traces) -> None:
    traces.erase()
    client = signed_in(traces.world, "owner")
    pages = [
        contact_page(traces),
        f"/admin/conversations/conversation/{traces.conversation_id}/",
        f"/admin/hitl/approval/{traces.approval.pk}/",
        f"/admin/hitl/approval/{traces.named.pk}/",
        f"/api/v1/approvals/{traces.named.pk}/",
        f"/api/v1/approvals/{traces.named.pk}/history/",
        f"/api/v1/conversations/{traces.conversation_id}/messages/",
        "/admin/core/auditentry/",
    ]
    told = [client.get(page) for page in pages]
    assert [answer.status_code for answer in told] == [200] * len(pages)
    text = "".join(answer.content.decode() for answer in told)
    assert [word for word in (NAME, PHONE, PHRASE) if word in text] == []
    assert "Erased" in text


@pytest.mark.slow
def test_member_page_erases(world: World) -> None:
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=world.people["viewer"])
    client = signed_in(world, "owner")
    page = f"/admin/accounts/membership/{membership.pk}/"
    assert "Erase this person" in client.get(page).content.decode()
    assert client.post(f"{page}erase/", FORM).status_code == 302
    assert "Erased person" in client.get(page).content.decode()


@pytest.mark.slow
def test_weak_sign_in_is_told_on_the_page(traces: Traces) -> None:
    client = signed_in(traces.world, "compliance", strong=False)
    page = f"{contact_page(traces)}erase/"
    assert "second factor" in client.get(page).content.decode()
    assert client.post(page, FORM).status_code == 403


@pytest.mark.slow
def test_api_answers_202_and_a_repeat_is_the_same(traces: Traces) -> None:
    client = signed_in(traces.world, "compliance")
    path = f"/api/v1/contacts/{traces.contact_id}/erase/"
    first, second = (client.post(path, {"reason": "asked_for"}, content_type="application/json") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    told = client.get(first.json()["url"]).json()
    assert [row["id"] for row in client.get("/api/v1/erasures/").json()["results"]] == [told["id"]]
    assert (told["state"], told["subject_id"]) == ("asked", str(traces.contact_id))


@pytest.mark.parametrize(
    ("role", "strong", "reason", "status", "code"),
    [
        ("support", True, "asked_for", 403, "not_allowed"),
        ("compliance", False, "asked_for", 403, "weak_sign_in"),
        ("compliance", True, f"{NAME} wants it", 400, "invalid"),
    ],
)
def test_api_refuses(traces: Traces, role: str, strong: bool, reason: str, status: int, code: str) -> None:
    client = signed_in(traces.world, role, strong=strong)
    path = f"/api/v1/contacts/{traces.contact_id}/erase/"
    answer = client.post(path, {"reason": reason}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
