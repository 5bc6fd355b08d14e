"""Saved views of a list: saved, opened, renamed and deleted by their person alone."""

import re
from html import unescape
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts import saved_views
from accounts.models import SavedView
from conversations.inbox import states
from core.errors import Conflict, Invalid
from core.ids import uuid7
from core.tenancy.scope import tenant_scope
from tests.api.office import Office
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.conversations.conftest import make_shop
from tests.world import World

pytestmark = pytest.mark.django_db
QUEUE = "/admin/hitl/approval/"
VIEWS = "/admin/accounts/savedview/"
KEY = "hitl.approval"


def save(client: Client, name: str, query: str, key: str = KEY) -> HttpResponse:
    """Post the form of the list's menu."""
    return client.post(f"{VIEWS}save/", {"name": name, "query": query, "list_key": key})  # type: ignore[return-value]


def keep(world: World, name: str, query: str, role: str = "approver") -> SavedView:
    """Save a view past the form, as an older release may have."""
    return saved_views.save_view(actor=world.actor(role), list_key=KEY, name=name, query=query)


@pytest.mark.slow
def test_view_is_saved_opened_renamed_and_deleted(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    mine, _other = ask(acme), ask(acme, params={"campaign": "Winter Boots"})
    client = browser("approver")
    shown = client.get(f"{QUEUE}?q=summer&sort=-cost&state=pending&p=1").content.decode()
    query = re.search(r'name="query" value="([^"]*)"', shown)
    assert query is not None
    answer = save(client, "  Monday   morning ", unescape(query[1]))
    assert answer.status_code == 302
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("Monday morning", "q=summer&sort=-cost&state=pending")
    page = client.get(answer["Location"]).content.decode()
    assert re.search(r'aria-current="true">Monday morning<', page)
    assert re.findall(r'class="wk-row-link"[^>]*>\s*<span class="wk-nowrap">(BR-\d+)', page) == [mine.reference]
    assert client.post(f"{VIEWS}{view.pk}/rename/", {"name": "Sales"}).status_code == 302
    assert ">Sales<" in client.get(QUEUE).content.decode()
    assert "Sales" in client.get(VIEWS).content.decode()
    assert "Queue" in client.get(f"{VIEWS}{view.pk}/").content.decode()
    client.post(f"{VIEWS}{view.pk}/delete/")
    assert not SavedView.objects.exists()


def test_view_with_filters_that_are_gone_says_so_and_applies_the_rest(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    ask(acme)
    found = ask(acme, params={"campaign": "Winter Boots"})
    keep(acme, "Old", "colour=red&kind=retired_kind&q=winter&risk=nothing")
    client = browser("approver")
    menu = client.get(QUEUE).content.decode()
    link = re.search(r'href="([^"]*)" data-view', menu)
    assert link is not None
    answer = client.get(unescape(link[1]))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "“colour”, “kind”, “risk”, which no longer exist and are left out. The rest is applied." in page
    assert re.findall(r'class="wk-row-link"[^>]*>\s*<span class="wk-nowrap">(BR-\d+)', page) == [found.reference]


@pytest.mark.parametrize(
    ("name", "query", "key"),
    [
        ("", "risk=high", KEY),
        ("x" * 41, "risk=high", KEY),
        ("Nothing", "", KEY),
        ("Unknown only", "colour=red&p=3&view=1", KEY),
        ("Long", f"q={'%20x' * 700}", KEY),
        ("ana.garcia@customer.example", "risk=high", KEY),
        ("Her", "q=%2B49+170+1234567&risk=high", KEY),
        ("No list", "risk=high", "core.auditentry"),
        ("No list", "risk=high", "'; drop"),
    ],
)
def test_view_that_makes_no_sense_is_refused_with_a_reason(
    browser: Browser, acme: World, name: str, query: str, key: str
) -> None:
    answer = save(browser("approver"), name, query, key)
    assert answer.status_code == 400
    assert "wk-error" in answer.content.decode() or 'role="alert"' in answer.content.decode()
    assert not SavedView.objects.exists()


@pytest.mark.slow
def test_name_is_taken_once_per_list_and_person(browser: Browser, acme: World) -> None:
    client = browser("approver")
    assert [save(client, "Mine", "risk=high").status_code for _ in range(2)] == [302, 400]
    assert save(browser("viewer"), "Mine", "risk=low").status_code == 302


@pytest.mark.slow
def test_views_of_others_are_not_found(browser: Browser, acme: World) -> None:
    view = keep(acme, "Mine", "risk=high")
    for client in (browser("admin"), browser("owner", outside=True)):
        assert "Mine" not in client.get(VIEWS).content.decode()
        assert client.get(f"{VIEWS}{view.pk}/").status_code == 404
        assert client.post(f"{VIEWS}{view.pk}/delete/").status_code == 404
        assert client.get(f"{QUEUE}?view={view.pk}").status_code == 200
    with tenant_scope(acme.globex.pk):
        assert not SavedView.objects.exists()
    assert SavedView.objects.count() == 1


@pytest.mark.parametrize("view", ["nonsense", "%00", "01a20449-0e8a-703b-9d11-ed4d4c18d8cc"])
def test_unknown_view_in_the_address_is_ignored(browser: Browser, view: str) -> None:
    assert browser("approver").get(f"{QUEUE}?risk=high&view={view}").status_code == 200


def test_thirty_views_are_the_limit(acme: World) -> None:
    rows = [
        SavedView(person=acme.people["approver"], list_key=KEY, name=f"V{number}", query="risk=high")
        for number in range(saved_views.MOST)
    ]
    SavedView.objects.bulk_create(rows)
    with pytest.raises(Conflict, match="30 saved views"):
        keep(acme, "One more", "risk=high")
    keep(acme, "Another person's", "risk=high", role="admin")
    with pytest.raises(Invalid):
        saved_views.rename_view(actor=acme.actor("approver"), view_id=rows[0].pk, name="V1")


@pytest.mark.django_db(transaction=True)
def test_last_view_is_saved_once_by_two_at_the_same_time(world: World) -> None:
    with tenant_scope(world.acme.pk):
        SavedView.objects.bulk_create(
            SavedView(person=world.people["approver"], list_key=KEY, name=f"V{number}", query="risk=high")
            for number in range(saved_views.MOST - 1)
        )
    start, outcomes = Barrier(2), []

    def attempt(name: str) -> None:
        try:
            start.wait()
            with tenant_scope(world.acme.pk):
                outcomes.append(keep(world, name, "risk=high").name)
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=attempt, args=(name,)) for name in ("A", "B")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "too_many_views" in outcomes
    with tenant_scope(world.acme.pk):
        assert SavedView.objects.count() == saved_views.MOST


@pytest.mark.slow
def test_view_of_conversations_opens_the_inbox_narrowed_again(browser: Browser, acme: World) -> None:
    shop, talks = make_shop(acme), "conversations.conversation"
    mine, _other = shop.conversation(), shop.call()
    states.assign(actor=acme.actor("support"), conversation_id=mine.pk, user_id=acme.people["support"].pk)
    client = browser("support")
    shown = client.get("/admin/inbox/?view=all&assignee=me&channel=webchat&after=x&next=y").content.decode()
    query = re.search(r'name="query" value="([^"]*)"', shown)
    assert query is not None
    answer = save(client, "My chats", unescape(query[1]), key=talks)
    view = SavedView.objects.get()
    assert (answer.status_code, view.query) == (302, "assignee=me&channel=webchat&view=all")
    assert answer["Location"] == f"/admin/inbox/?{view.query}&saved={view.pk}"
    # Another one was saved of the list that stood there before, with its names; its tag is gone.
    older = saved_views.save_view(
        actor=acme.actor("support"), list_key=talks, name="Old", query=f"mine=yes&since=7&tag={uuid7()}&colour=red"
    )
    pages = [answer["Location"], f"/admin/conversations/conversation/?mine=yes&channel=webchat&view={view.pk}"]
    for address in (*pages, f"/admin/inbox/?{older.query}&saved={older.pk}"):
        found = client.get(address, follow=True).content.decode()
        name = older.name if address not in pages else view.name
        assert re.search(rf'aria-current="true">{name}<', found), address
        assert re.findall(r'href="[^"]*conversation=([0-9a-f-]+)"', found) == [str(mine.pk)], address
    assert "“tag”, “colour”, which no longer exist and are left out" in found
    assert f"&amp;saved={older.pk}&amp;conversation=" in found
    assert "My chats" not in browser("admin").get(answer["Location"]).content.decode()
    for wrong in ("found=abc", "conversation=1"):
        assert save(client, "Wrong", wrong, key=talks).status_code == 400


@pytest.mark.slow
def test_api_keeps_lists_renames_and_deletes_ones_own_views(acme: World) -> None:
    office = Office(acme)
    caller, colleague = office.caller("approver"), office.caller("admin")
    wanted = {"list_key": KEY, "name": "Late", "query": "state=pending&sort=-cost"}
    made = caller.post("views/", wanted)
    assert (made.status_code, made.json()["query"]) == (201, "sort=-cost&state=pending")
    pk = made.json()["id"]
    assert made.json()["url"] == f"{QUEUE}?sort=-cost&state=pending&view={pk}"
    for wrong, field in (
        ({"list_key": "core.tenant"}, "list_key"),
        ({"query": "nonsense=1"}, "query"),
        ({"name": " "}, "name"),
        ({"name": "Late"}, "name"),
        ({"name": "call +34 600 999 111"}, "name"),
    ):
        answer = caller.post("views/", {**wanted, **wrong})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert caller.post("views/", {**wanted, "name": "X", "query": "q=ann@example.com"}).status_code == 400
    assert [row["name"] for row in caller.get(f"views/?list_key={KEY}").json()["results"]] == ["Late"]
    assert caller.get("views/?list_key=conversations.conversation").json()["results"] == []
    for stranger in (colleague, office.outsider()):
        assert stranger.get("views/").json()["results"] == []
        assert stranger.send("patch", f"views/{pk}/", {"name": "Mine"}).status_code == 404
        assert stranger.send("delete", f"views/{pk}/").status_code == 404
    assert caller.send("patch", f"views/{pk}/", {"name": "Very late"}).json()["name"] == "Very late"
    assert caller.send("delete", f"views/{pk}/").status_code == 204
    assert caller.get(f"views/{pk}/").status_code == 404
