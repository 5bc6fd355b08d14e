"""The navigation: five areas with a short second level, the same names everywhere, and no link that refuses."""

import html
import re
from dataclasses import dataclass
from typing import Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.ids import uuid7
from core.jobs import dead_letters
from tests.console.conftest import Browser
from tests.world import World

pytestmark = pytest.mark.django_db
ROLES: Final = ("owner", "admin", "approver", "support", "compliance", "viewer")
MOST: Final = 12
OWN_HEADINGS: Final = {"/admin/", "/admin/figures/", "/admin/inbox/"}
"""Pages whose heading isn't their name: a greeting, the first of several tabs, and the view that is open."""
# What the navigation of earlier versions led to: bookmarks and mails still do.
EARLIER: Final = """
 account/2fa/ account/mail/ account/password/ admin/ admin/accounts/apikey/ admin/accounts/invitation/
 admin/accounts/membership/ admin/accounts/notice/ admin/accounts/savedview/ admin/agents/agent/ admin/agents/agentrun/
 admin/agents/answerrule/ admin/agents/budget/ admin/agents/collection/ admin/agents/contactfact/ admin/agents/document/
 admin/agents/evalcase/ admin/agents/evalrun/ admin/agents/flowserver/ admin/agents/modelcall/ admin/agents/modelroute/
 admin/agents/openquestion/ admin/agents/site/ admin/agents/trial/ admin/analytics/alertrule/ admin/analytics/brief/
 admin/analytics/briefpreference/ admin/analytics/export/ admin/analytics/exportschedule/
 admin/analytics/figuredashboard/ admin/channels_app/colleagueaddress/ admin/conversations/availability/
 admin/conversations/cannedreply/ admin/conversations/channelaccount/ admin/conversations/contact/
 admin/conversations/conversation/ admin/conversations/macro/ admin/conversations/messagetemplate/
 admin/conversations/suggestedreply/ admin/conversations/survey/ admin/conversations/tag/ admin/conversations/team/
 admin/conversations/triagerule/ admin/core/auditentry/ admin/core/consent/ admin/core/deadletter/ admin/core/erasure/
 admin/core/webhookdelivery/ admin/figures/ admin/figures/approvals/ admin/figures/system/ admin/go/
 admin/hitl/approval/ admin/hitl/approvalworkflow/ admin/hitl/approvergroup/ admin/hitl/batchdecision/
 admin/hitl/businesscalendar/ admin/hitl/cap/ admin/hitl/complianceflag/ admin/hitl/decisionpolicy/
 admin/hitl/delegation/ admin/hitl/evidenceexport/ admin/hitl/killswitch/ admin/hitl/linkpolicy/
 admin/hitl/notificationpreference/ admin/hitl/notificationtemplate/ admin/hitl/overridereview/ admin/hitl/riskpolicy/
 admin/hitl/simulation/ admin/inbox/ admin/integrations/maildelivery/ admin/integrations/provideraccount/
 admin/integrations/auditdestination/ admin/integrations/webhooksubscription/
"""


def links(part: str) -> dict[str, str]:
    """Return the links of a part of a page: their addresses and what they are called."""
    found = re.findall(r'<a\b[^>]*href="([^"]+)"[^>]*>(.*?)</a>', part, re.DOTALL)
    return {
        url: " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", words, flags=re.DOTALL).split()) for url, words in found
    }


@dataclass
class Opened:
    """A page's parts that name where it is."""

    menu: str
    own: str
    crumbs: str
    settings: str
    title: str


def opened(client: Client, path: str) -> Opened | int:
    """Open a page and take it apart; returns the status of one that doesn't open."""
    answer = client.get(path)
    if answer.status_code != 200:
        return answer.status_code
    page = answer.content.decode()

    def part(pattern: str) -> str:
        found = re.search(pattern, page, re.DOTALL)
        return found[0] if found else ""

    return Opened(
        menu=part(r'<nav class="wk-nav" id="wk-nav".*?</nav>'),
        own=part(r'<nav aria-label="Your account".*?</nav>'),
        crumbs=part(r'<nav aria-label="Breadcrumb".*?</nav>'),
        settings=part(r'class="wk-settings".*?</main>'),
        title=html.unescape(re.sub(r"<[^>]+>", "", part(r"<h1.*?</h1>"))).strip(),
    )


def faults_of(page: Opened, path: str, name: str) -> list[str]:
    """Return what is wrong with a page's navigation; `name` is what its link says."""
    shown = len(links(page.menu)) + 1  # and the organisation's
    faults = [f"{path}: {shown} links are visible"] if shown > MOST else []
    if path not in OWN_HEADINGS and page.title != name:
        faults.append(f"{path}: “{page.title}” is called “{name}”")
    if len(re.findall('aria-current="(?:page|true)"', page.menu + page.own)) not in (1, 2):
        faults.append(f"{path}: its area and page aren't marked")
    if 'aria-current="page"' not in page.crumbs:
        faults.append(f"{path}: the breadcrumbs don't end with it")
    return faults


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_link_opens_and_no_more_than_twelve_are_visible(browser: Browser, world: World, role: str) -> None:
    client, faults = browser(role), []
    names = {"/admin/": "Dashboard"}
    seen: set[str] = set()
    while todo := set(names) - seen:
        path = todo.pop()
        seen.add(path)
        page = opened(client, path)
        if isinstance(page, int):
            faults.append(f"{path} answers {page}")
        elif not path.startswith("/account/"):  # those have no menu
            # A page's own link names it, not that of its area: later ones win.
            names = {**links(page.crumbs), **names, **links(page.settings), **links(page.own), **links(page.menu)}
            faults += faults_of(page, path, names[path])
    assert faults == []
    assert len(seen) > 15


@pytest.mark.slow
def test_addresses_of_the_navigation_before_still_open(browser: Browser, world: World) -> None:
    client = browser("owner")
    answers = {path: client.get(f"/{path}", follow=True).status_code for path in EARLIER.split()}
    assert {path: status for path, status in answers.items() if status != 200} == {}


def test_area_shows_the_badges_of_its_pages_until_it_is_open(browser: Browser, acme: World) -> None:
    dead_letters.park(kind="test", ref=uuid7(), error="gone")
    for path, shown in (
        ("/admin/go/", "Settings 1 failed jobs"),
        ("/admin/settings/", "Data and security 1 failed jobs"),
    ):
        page = opened(browser("owner"), path)
        assert isinstance(page, Opened)
        assert [name for name in links(page.menu).values() if "failed jobs" in name] == [shown]


@pytest.mark.slow
def test_breadcrumbs_lead_to_area_group_and_the_page_above(browser: Browser, world: World) -> None:
    client, ways = browser("owner"), {}
    for path in (
        "hitl/approvalworkflow",
        "accounts/invitation",
        "agents/trial",
        "analytics/brief",
        "conversations/team",
    ):
        page = opened(client, f"/admin/{path}/")
        assert isinstance(page, Opened)
        items = re.findall(r"<li[^>]*>(.*?)</li>", page.crumbs, re.DOTALL)
        ways[path.partition("/")[2]] = " / ".join(re.sub(r"<[^>]+>", "", item).strip() for item in items)
    assert ways == {
        "approvalworkflow": "Settings / Approval rules / Workflows",
        "invitation": "Settings / Organisation / People / Invitations",
        "trial": "Agents / Trials",
        "brief": "Your account / My brief",
        "team": "Desk / Teams",
    }


def settings_of(client: Client, query: str = "") -> list[str]:
    page = opened(client, f"/admin/settings/{query}")
    assert isinstance(page, Opened)
    return list(links(page.settings).values())


@pytest.mark.slow
def test_settings_are_those_of_the_role_each_with_a_sentence(browser: Browser, world: World) -> None:
    owner, viewer = browser("owner"), browser("viewer")
    assert {"General", "People", "Webhooks", "Workflows", "Teams", "Alerts", "Audit", "My brief"} <= set(
        settings_of(owner)
    )
    assert {"Who answers", "Teams", "My notifications", "Sign-in security"} <= set(settings_of(viewer))
    assert not {"General", "People", "Webhooks", "Workflows", "Alerts", "Audit"} & set(settings_of(viewer))
    page = opened(owner, "/admin/settings/")
    assert isinstance(page, Opened)
    sentences = re.findall(r"</a>\s*<p>([^<]*)</p>", page.settings)
    assert len(sentences) == len(settings_of(owner))
    assert [text for text in sentences if not text.endswith(".") or not 15 < len(text) < 140] == []


def test_settings_are_searched_by_name_sentence_and_group(browser: Browser, world: World) -> None:
    client = browser("owner")
    assert settings_of(client, "?q=webhook") == ["Webhooks"]
    assert "Spending limits" in settings_of(client, "?q=SPENT+month")
    assert "Workflows" in settings_of(client, "?q=approval+rules")
    assert settings_of(client, "?q=no-such-thing") == []
    assert settings_of(client, "?q=%00%3Cb%3E") == []
    assert "No settings found" in client.get("/admin/settings/?q=no-such-thing").content.decode()
    assert settings_of(client, "channels-and-email/?q=webhook") == ["Channels", "Templates", "Help centre", "Email"]


@pytest.mark.parametrize(("role", "group", "status"), [("viewer", "organisation", 404), ("owner", "nothing", 404)])
def test_group_without_a_page_for_the_person_does_not_exist(
    browser: Browser, role: str, group: str, status: int
) -> None:
    assert browser(role).get(f"/admin/settings/{group}/").status_code == status
    assert browser(role).post("/admin/settings/").status_code == 405


def test_queries_of_the_settings_do_not_grow_with_rows(browser: Browser, acme: World) -> None:
    client, counts = browser("owner"), []
    client.get("/admin/settings/")
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            client.get("/admin/settings/")
        counts.append(len(asked))
        for _ in range(3):
            dead_letters.park(kind="test", ref=uuid7(), error="gone")
    assert counts[0] == counts[1] <= 12
