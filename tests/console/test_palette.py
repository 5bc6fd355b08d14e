"""The palette: pages, requests, people and settings by a few words, for those who may see them."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from agents.knowledge.services import write_article
from agents.models import Agent, Collection
from conversations.models import ChannelAccount, Contact, Conversation
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser
from tests.console.scene import EMAIL, NAME, PHONE, add_workflow, ask, write_in
from tests.world import World

pytestmark = pytest.mark.django_db
GO = "/admin/go/"


def found(client: Client, words: str = "") -> dict[str, list[dict[str, str]]]:
    answer = client.post(GO, {"words": words}, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    groups: list[dict[str, Any]] = answer.json()["groups"]
    return {group["title"]: group["entries"] for group in groups}


def labels(client: Client, words: str, group: str) -> list[str]:
    return [entry["label"] for entry in found(client, words).get(group, [])]


@pytest.mark.parametrize("words", ["BR-1001", "br-1001", "1001", "#1001"])
def test_reference_finds_its_request(browser: Browser, acme: World, words: str) -> None:
    add_workflow(acme)
    approval = ask(acme)
    [entry] = found(browser("approver"), words)["Requests"]
    assert (entry["label"], entry["url"]) == (approval.reference, f"/admin/hitl/approval/{approval.pk}/")
    assert "Requests" not in found(browser("approver", outside=True), words)


@pytest.mark.slow
def test_beginning_of_a_reference_finds_the_newest_requests(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    references = [ask(acme).reference for _ in range(8)]
    assert labels(browser("approver"), "br-10", "Requests") == references[:1:-1]
    assert labels(browser("approver"), "br-", "Requests") == []
    assert labels(browser("approver", outside=True), "br-10", "Requests") == []


def test_summary_is_masked_for_those_who_cannot_approve(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    ask(acme, params={"campaign": f"Mail {EMAIL}"})
    assert EMAIL in found(browser("approver"), "1001")["Requests"][0]["note"]
    assert EMAIL not in found(browser("viewer"), "1001")["Requests"][0]["note"]


@pytest.mark.slow
def test_work_is_found_by_those_who_may_see_it_and_no_customer_by_a_part_of_a_name(
    browser: Browser, acme: World
) -> None:
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    talk = write_in(line, f"The parcel is damaged. Write to {EMAIL}")
    contact = Conversation.objects.get(pk=talk).contact_id
    agent = Agent.objects.create(name="Night porter", type="porter", category="support")
    shelf = Collection.objects.create(name="House rules", audience="public")
    document = write_article(actor=acme.actor("owner"), collection_id=shelf.pk, title="Late arrival", text="Ring.")
    searched = {
        "Conversations": ("damag parcel", f"/admin/conversations/conversation/{talk}/"),
        "Contacts": (PHONE, f"/admin/conversations/contact/{contact}/"),
        "Agents": ("porter", f"/admin/agents/agent/{agent.pk}/instructions/"),
        "Documents": ("late arr", f"/admin/agents/document/{document.pk}/"),
    }
    owner, outsider = browser("owner"), browser("owner", outside=True)
    for group, (words, url) in searched.items():
        assert [entry["url"] for entry in found(owner, words)[group]] == [url]
        assert group not in found(outsider, words)
    shown = json.dumps(found(owner, "damaged")) + json.dumps(found(owner, PHONE))
    assert [value for value in (EMAIL, PHONE, NAME) if value in shown] == []
    assert found(owner, NAME.split()[0]) == {}


@pytest.mark.slow
def test_people_are_found_by_name_by_those_who_may_see_them(browser: Browser, acme: World) -> None:
    person = acme.people["support"]
    User.objects.filter(pk=person.pk).update(first_name="Zoë", last_name="Quint")
    assert labels(browser("owner"), "zoë qui", "People") == ["Zoë Quint"]
    assert labels(browser("owner"), "quint other", "People") == []
    assert labels(browser("owner"), person.email, "People") == []
    assert labels(browser("viewer"), "quint", "People") == []
    assert labels(browser("owner", outside=True), "quint", "People") == []


@pytest.mark.slow
def test_pages_and_actions_are_those_of_the_role(browser: Browser, acme: World) -> None:
    owner, viewer = browser("owner"), browser("viewer")
    assert "Workflows" in labels(owner, "", "Pages")
    assert len(labels(owner, "audit", "Pages")) == 1
    assert labels(viewer, "audit", "Pages") == []
    assert "Sign-in security" in labels(viewer, "security", "Pages")
    assert labels(owner, "workflow", "Actions") != []
    assert labels(viewer, "workflow", "Actions") == []


@pytest.mark.parametrize("words", ["%", "_", "\x00", "'; --", "<b>", "x" * 500, "q " * 60])
def test_odd_words_find_nothing_and_break_nothing(browser: Browser, acme: World, words: str) -> None:
    assert labels(browser("owner"), words, "People") == []
    page = browser("owner").post(GO, {"words": words})
    assert page.status_code == 200
    assert b'<b>"' not in page.content


@pytest.mark.slow
def test_queries_do_not_grow_with_what_is_found(browser: Browser, acme: World) -> None:
    owner, counts = browser("owner"), []
    add_workflow(acme)
    ask(acme)
    found(owner, "a")
    for words in ("nothing-like-it", "abc", "1001", "10"):
        with CaptureQueriesContext(connection) as asked:
            found(owner, words)
        counts.append(len(asked))
    # A request is read with its risk; the beginning of a reference is sought once it is no reference, and two letters
    # are too few for conversations.
    assert len(set(counts[:2])) == 1
    assert counts[2:] == [counts[0] + 1, counts[0] + 2]
    for _ in range(4):
        ask(acme)
    with CaptureQueriesContext(connection) as asked:
        found(owner, "10")
    assert len(asked) == counts[3]
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    counts.clear()
    # Colleagues who write by the public line, each of whom has a name of their own.
    for number, role in enumerate(("viewer", "support", "approver")):
        talk = Conversation.objects.get(pk=write_in(line, "My umbrella is gone", value=f"+3461100000{number}"))
        Contact.objects.filter(pk=talk.contact_id).update(user=acme.people[role])
        with CaptureQueriesContext(connection) as asked:
            assert len(labels(owner, "umbrella", "Conversations")) == number + 1
        counts.append(len(asked))
    assert len(set(counts)) == 1, counts


@pytest.mark.slow
def test_page_works_without_scripts_and_keeps_the_words_out_of_its_address(browser: Browser, acme: World) -> None:
    with tenant_scope(acme.acme.pk):
        add_workflow(acme)
        approval = ask(acme)
    owner = browser("owner")
    assert "Workflows" in owner.get(GO, {"words": "1001"}).content.decode()
    page = owner.post(GO, {"words": "#1001"}).content.decode()
    assert f'href="/admin/hitl/approval/{approval.pk}/"' in page
    assert "Nothing found" in owner.post(GO, {"words": "no such thing"}).content.decode()
