"""The inbox shows what the earlier list of conversations did, and keeps what a person chose."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.test import Client

from accounts.models import Membership
from conversations import selectors
from conversations.inbox import states
from conversations.inbox.selectors.search import conversations_with
from conversations.models import ChannelAccount, Conversation
from conversations.selectors import ConversationFilters
from core.actors import Actor
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser
from tests.console.desk.test_conversations import leaks
from tests.console.scene import EMAIL, add_workflow, ask, write_in
from tests.world import World

pytestmark = pytest.mark.django_db
OLD_LIST = "/admin/conversations/conversation/"
INBOX = "/admin/inbox/"
STATES = ("waiting", "mine", "agent", "snoozed", "late", "closed")


@pytest.fixture
def talks(acme: World) -> dict[str, Conversation]:
    """One conversation of each state; the support person has theirs, and the late one."""
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    made = {name: write_in(line, f"I am {EMAIL}", value=f"+3460000000{number}") for number, name in enumerate(STATES)}
    person, hour = acme.people["support"], timedelta(hours=1)
    values = {
        "waiting": {"state": "person", "escalated_at": now(), "lead": 90},
        "mine": {"state": "person", "assigned_to": person},
        "snoozed": {"state": "person", "assigned_to": person, "snoozed_until": now() + hour, "snoozed_at": now()},
        "late": {"state": "person", "assigned_to": person, "next_due_at": now() - hour, "urgency": 90},
        "closed": {"state": "closed", "resolved": True, "closed_at": now()},
    }
    for name, changed in values.items():
        Conversation.objects.filter(pk=made[name]).update(**changed)
    Conversation.objects.filter(pk=made["closed"]).update(last_message_at=now() - timedelta(days=20))
    return {name: Conversation.objects.get(pk=pk) for name, pk in made.items()}


def shown(client: Client, url: str, talks: dict[str, Conversation]) -> set[str]:
    """Return which of the conversations an address leads to."""
    page = client.get(url, follow=True).content.decode()
    assert leaks(page) == []
    found = set(re.findall(r'class="wk-row-link" href="[^"]*conversation=([0-9a-f-]+)"', page))
    return {name for name, talk in talks.items() if str(talk.pk) in found}


@pytest.mark.slow
def test_addresses_of_the_list_lead_to_the_inbox_narrowed_alike(
    browser: Browser, acme: World, talks: dict[str, Conversation]
) -> None:
    every, live = set(STATES), set(STATES) - {"closed"}
    today = date.today()  # noqa: DTZ011  (the organisation's zone is UTC)
    span = f"{today - timedelta(days=30)}..{today - timedelta(days=10)}"
    wanted = {
        "": every,
        "?p=2": live,
        "?channel=whatsapp": live,
        "?channel=webchat": set(),
        "?state=all": every,
        "?state=closed": {"closed"},
        "?state=needs_person": {"waiting"},
        "?state=snoozed": {"snoozed"},
        "?state=late": {"late"},
        "?state=agent": {"agent"},
        "?state=person": {"waiting", "mine", "snoozed", "late"},
        "?mine=yes": {"mine", "snoozed", "late"},
        "?mine=yes&state=late": {"late"},
        "?priority=urgent": {"late"},
        "?priority=hot": {"waiting"},
        "?since=7": live,
        "?since=7&state=all": live,
        f"?days={span}&state=all": {"closed"},
        "?state=nonsense&priority=x&days=1..2&team=1&tag=%00": live,
    }
    clients = {role: browser(role) for role in ("support", "viewer")}
    found = {query: shown(clients["support"], f"{OLD_LIST}{query}", talks) for query in wanted}
    assert found == wanted
    # Who may read and not answer sees the same, and nothing to press; but nothing is theirs.
    queries = [query for query in wanted if "mine" not in query]
    assert {query: shown(clients["viewer"], f"{OLD_LIST}{query}", talks) for query in queries} == {
        query: wanted[query] for query in queries
    }
    page = clients["viewer"].get(f"{INBOX}?view=all&conversation={talks['mine'].pk}").content.decode()
    assert [part for part in ("data-pick", "/bulk/", "/reply/", "/close/") if part in page] == []
    assert shown(browser("owner", outside=True), f"{OLD_LIST}?state=all", talks) == set()
    assert clients["support"].post(OLD_LIST).status_code == 405
    assert Client().get(OLD_LIST)["Location"].startswith("/admin/login/")


@pytest.mark.slow
def test_all_is_narrowed_by_state_and_the_other_views_are_not(browser: Browser, talks: dict[str, Conversation]) -> None:
    client = browser("support")
    page = client.get(f"{INBOX}?view=all&state=late&priority=urgent").content.decode()
    assert re.search(r'<option value="late" selected>', page)
    assert 'href="/admin/inbox/?view=closed&amp;priority=urgent"' in page  # it keeps the priority alone
    assert 'name="state"' not in client.get(f"{INBOX}?view=open&state=late").content.decode()
    assert shown(client, f"{INBOX}?view=open&state=closed", talks) == set(STATES) - {"closed"}
    days = f"{now():%Y-%m-%d}..{now():%Y-%m-%d}"
    assert re.search(rf'<option value="{days}" selected>', client.get(f"{INBOX}?view=all&days={days}").content.decode())
    found = client.post(f"{OLD_LIST}search/?view=all", {"words": "nothing like it"})
    assert 'name="state"' in client.get(found["Location"]).content.decode()


@pytest.mark.slow
def test_conversations_are_found_by_references(acme: World, browser: Browser, talks: dict[str, Conversation]) -> None:
    add_workflow(acme)
    mine, support = talks["mine"], acme.actor("support")
    approval = ask(acme, origin={"conversation_id": mine.pk})
    number = approval.reference.removeprefix("BR-")

    def found(words: str, viewer: Actor = support) -> list[str]:
        rows = selectors.list_conversations(viewer=viewer, filters=ConversationFilters(q=words)).rows
        return [name for row in rows for name, talk in talks.items() if talk.pk == row.pk]

    named = (approval.reference, approval.reference.lower(), number, f"#{number}", str(mine.pk), mine.pk.hex[-6:])
    named += (f"…{mine.pk.hex[-6:]}", f"https://desk.example{OLD_LIST}{mine.pk}/")
    assert [words for words in named if found(words) != ["mine"]] == []
    assert [found(words) for words in ("BR-9999", "#", "BR-", f"{mine.pk.hex[-5:]}")] == [[]] * 4
    blind = replace(support, permissions=support.permissions - {"hitl.view_approval"})
    assert [found(words, blind) for words in (approval.reference, str(mine.pk))] == [[], ["mine"]]
    with tenant_scope(acme.globex.pk):
        outsider = acme.outsider()
        assert [list(conversations_with(words, viewer=outsider)) for words in named] == [[]] * len(named)
    client = browser("support")
    answer = client.post(f"{OLD_LIST}search/?view=mine", {"words": approval.reference})
    assert approval.reference not in answer["Location"]
    assert shown(client, answer["Location"], talks) == {"mine"}


@pytest.mark.slow
def test_what_opens_next_is_kept_with_the_person(browser: Browser, acme: World, talks: dict[str, Conversation]) -> None:
    support = acme.actor("support")
    states.take_over(actor=support, conversation_id=talks["waiting"].pk)

    def next_after_reply(client: Client) -> bool:
        talk = talks["mine"]
        sent = client.post(
            f"{OLD_LIST}{talk.pk}/reply/?view=mine&from=inbox&next={talks['waiting'].pk}",
            {"text": "On it.", "after": "99"},
        )
        return f"conversation={talks['waiting'].pk}" in sent["Location"]

    assert browser("support").get("/admin/moving-on/").json() == {"decision": True, "answer": True}
    assert next_after_reply(browser("support"))
    kept = browser("support").post("/admin/moving-on/", {"after": "answer", "on": "no"})
    assert kept.json() == {"decision": True, "answer": False}
    assert not next_after_reply(browser("support"))  # in another browser, too
    assert browser("admin").get("/admin/moving-on/").json() == {"decision": True, "answer": True}
    assert browser("support").post("/admin/moving-on/", {"after": "role", "on": "no"}).status_code == 400
    assert browser("support").put("/admin/moving-on/").status_code == 405
    with tenant_scope(acme.globex.pk):
        assert not Membership.objects.filter(next_after_answer=False).exists()
    browser("support").post("/admin/moving-on/", {"after": "answer", "on": "yes"})
    assert next_after_reply(browser("support"))


@pytest.mark.slow
def test_many_are_changed_from_a_view_and_lead_back_to_it(browser: Browser, talks: dict[str, Conversation]) -> None:
    client = browser("support")
    page = client.get(f"{INBOX}?view=all&state=person&priority=hot").content.decode()
    bulk = re.findall(r'action="([^"]*/bulk/[^"]*)"', page)[0].replace("&amp;", "&")
    chosen = {"change": "close", "item": [str(talks["waiting"].pk)]}
    back = f"{INBOX}?view=all&amp;priority=hot&amp;state=person"
    assert f'href="{back}">Cancel' in client.post(bulk, chosen).content.decode()
    report = client.post(bulk, {**chosen, "confirm": "yes", "resolved": "yes"}, follow=True).content.decode()
    assert f'href="{back}">Back to the list' in report
    talks["waiting"].refresh_from_db()
    assert talks["waiting"].state == "closed"


def test_page_of_one_stays_and_is_below_the_inbox(browser: Browser, talks: dict[str, Conversation]) -> None:
    page = browser("viewer").get(f"{OLD_LIST}{talks['mine'].pk}/").content.decode()
    crumbs = re.findall(r'<nav aria-label="Breadcrumb">.*?</nav>', page, re.DOTALL)[0]
    assert re.findall(r"<li[^>]*>(.*?)</li>", crumbs)[:2] == [
        '<a href="/admin/">Desk</a>',
        f'<a href="{INBOX}">Inbox</a>',
    ]
    assert re.search(r'href="/admin/inbox/"[^>]*aria-current="true"', page)
