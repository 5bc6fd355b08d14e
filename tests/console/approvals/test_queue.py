"""The approval queue: its order, its search, its quick filters with counts, and what it says when nothing is left."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.services import actor_for_user
from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.decide.questions import send_back
from hitl.approvals.decide.reassign import delegate
from hitl.models import Approval, ApprovalText
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.database.sealing import rewrite
from tests.world import World

pytestmark = pytest.mark.django_db
QUEUE = "/admin/hitl/approval/"
PHONE = "+34 600 123 456"


@pytest.fixture
def office(acme: World) -> World:
    """The first tenant with a workflow: the approver and the admin approve everything."""
    add_workflow(acme)
    return acme


def named(world: World, name: str, role: str = "support", **fields: object) -> Approval:
    """Ask for something about a campaign."""
    params = {"campaign": name, **{key: fields.pop(key) for key in ("budget",) if key in fields}}
    return ask(world, role, params=params, **fields)


def rows(client: Client, query: str = "") -> list[str]:
    """Return the references on the list, in order."""
    page = client.get(f"{QUEUE}?{query}").content.decode()
    return re.findall(r'class="wk-row-link"[^>]*>\s*(?:<span class="wk-nowrap">)?(BR-\d+)', page)


def chips(client: Client, query: str = "") -> dict[str, str]:
    """Return the counts of the quick filters by name."""
    page = client.get(f"{QUEUE}?{query}").content.decode()
    return dict(re.findall(r'data-chip="([\w-]+)".*?class="wk-count[^>]*>([^<]+)<', page, re.DOTALL))


def chip_links(client: Client, query: str = "") -> dict[str, str]:
    """Return the links of the quick filters by name."""
    page = client.get(f"{QUEUE}?{query}").content.decode()
    return {name: unescape(url) for url, name in re.findall(r'href="([^"]*)" data-chip="([\w-]+)"', page)}


@pytest.mark.slow
def test_queue_is_ordered_by_lateness_then_risk_then_deadline(browser: Browser, office: World) -> None:
    late, risky, soon, later = (named(office, name) for name in ("Late", "Risky", "Soon", "Later"))
    hour = timedelta(hours=1)
    rewrite(Approval.objects.filter(pk=late.pk), sla_due_at=now() - hour, risk_level="low")
    rewrite(Approval.objects.filter(pk=risky.pk), sla_due_at=now() + 9 * hour, risk_level="critical")
    rewrite(Approval.objects.filter(pk=soon.pk), sla_due_at=now() + 2 * hour, risk_level="medium")
    rewrite(Approval.objects.filter(pk=later.pk), sla_due_at=now() + 3 * hour, risk_level="medium")
    expected = [each.reference for each in (late, risky, soon, later)]
    assert rows(browser("approver")) == expected
    assert rows(browser("viewer")) == expected
    # What all rows have in common is said in none of them.
    usual, everything = (browser("approver").get(f"{QUEUE}{query}").content.decode() for query in ("", "?state=all"))
    assert [("<span>Waiting</span>" in page, "For you" in page) for page in (usual, everything)] == [
        (False, False), (True, False),
    ]  # fmt: skip


@pytest.mark.slow
def test_headings_sort_reverse_and_restore(browser: Browser, office: World) -> None:
    cheap, dear = (named(office, name, budget=budget) for name, budget in (("Cheap", "150.00"), ("Dear", "5000.00")))
    client, up = browser("approver"), [cheap.reference, dear.reference]
    assert rows(client, "sort=cost&state=all") == rows(client, "sort=-age") == rows(client, "sort=cost") == up
    assert rows(client, "sort=-cost&state=all") == rows(client, "sort=age") == rows(client, "sort=-cost") == up[::-1]
    for each in ("risk", "-risk", "deadline", "-deadline", "nonsense"):
        assert sorted(rows(client, f"sort={each}")) == sorted(rows(client, f"sort={each}&state=all")) == up
    page = client.get(f"{QUEUE}?sort=-cost&risk=&q=e").content.decode()
    heading = re.search(r'<th scope="col" aria-sort="descending">\s*Cost\s*<a class="wk-sort" href="([^"]*)"', page)
    assert heading is not None
    assert "sort=cost" in heading[1]
    assert "q=e" in heading[1]


@pytest.mark.slow
def test_order_is_kept_from_page_to_page(browser: Browser, office: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitl.approvals.admin.model_admin.ApprovalAdmin.list_per_page", 2)
    asked = [named(office, f"C{number}", budget=f"{200 + number}.00").reference for number in range(3)]
    client = browser("viewer")
    assert rows(client, "sort=cost") == asked[:2]
    page = client.get(f"{QUEUE}?sort=cost").content.decode()
    following = re.search(r'href="\?([^"]*)" rel="next"', page)
    assert following is not None
    assert rows(client, unescape(following[1])) == asked[2:]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "{reference}",
        "{lower}",
        "{number}",
        "#{number}",
        "summer",
        "SUMM sale",
        "budget of summer",
        "Supp",
        "support acme",
    ],
)
def test_request_is_found_by_reference_words_campaign_and_requester(
    browser: Browser, office: World, words: str
) -> None:
    found = named(office, "Summer Sale")
    named(office, "Winter Boots", "approver")
    reference = found.reference
    query = words.format(reference=reference, lower=reference.lower(), number=reference.partition("-")[2])
    query = query.replace("#", "%23")
    assert rows(browser("viewer"), f"q={query}") == [reference]
    assert rows(browser("viewer"), f"q={query}&state=all") == [reference]
    assert rows(browser("owner", outside=True), f"q={query}&state=all") == []


@pytest.mark.slow
@pytest.mark.parametrize("words", ["autumn", "sale winter", "%27%3A* %26 !", "\\", "%00", "50%25", "a" * 300, "'"])
def test_words_that_no_request_has_find_nothing(browser: Browser, office: World, words: str) -> None:
    named(office, "Summer Sale")
    expected = ["BR-1001"] if words == "%00" else []  # no text contains it: it is left out
    assert rows(browser("viewer"), f"q={words}") == expected
    assert rows(browser("viewer"), f"q={words}&state=all") == expected


@pytest.mark.slow
def test_nobody_finds_a_request_by_personal_data_in_it(browser: Browser, office: World) -> None:
    named(office, f"Call {PHONE}")
    assert PHONE not in ApprovalText.objects.get().masked_text
    for role in ("viewer", "approver"):
        for words in ("600", "%2B34 600 123 456", "600123456"):
            assert rows(browser(role), f"q={words}") == []
    shown = browser("approver").get(f"{QUEUE}?q=%2B34 600 123 456").content.decode()
    assert "can&#x27;t be found by phone numbers" in shown


@pytest.mark.slow
def test_finished_requests_are_found_by_reference_and_on_demand(browser: Browser, office: World) -> None:
    done = named(office, "Summer Sale")
    services.decide(
        actor=office.actor("approver"), approval_id=done.pk, digest=done.digest, verdict="reject", reason="No"
    )
    client = browser("viewer")
    assert rows(client, "q=summer") == []
    assert "q=summer&amp;state=all" in client.get(f"{QUEUE}?q=summer").content.decode()
    for query in ("q=summer&state=all", "q=summer&state=closed", "q=support&state=rejected", f"q={done.reference}"):
        assert rows(client, query) == [done.reference]


@pytest.mark.slow
def test_an_edited_request_is_found_by_its_new_words_only(browser: Browser, office: World) -> None:
    row = named(office, "Summer Sale")
    send_back(actor=office.actor("approver"), approval_id=row.pk, digest=row.digest, reason="Another one")
    params = {"campaign": "Autumn Launch", "budget": "300.00"}
    services.resubmit(actor=office.actor("support"), approval_id=row.pk, digest=row.digest, params=params)
    assert rows(browser("viewer"), "q=summer") == []
    assert rows(browser("viewer"), "q=autumn") == [row.reference]


@pytest.mark.slow
def test_chips_count_what_they_would_leave(browser: Browser, office: World) -> None:
    late, own = named(office, "Late Summer"), named(office, "Own Summer", "approver")
    rewrite(Approval.objects.filter(pk=late.pk), sla_due_at=now() - timedelta(hours=1), risk_level="high")
    rewrite(Approval.objects.filter(pk=own.pk), risk_level="low")
    client = browser("approver")
    expected = {"needs-me": "1", "overdue": "1", "high-risk": "1", "mine": "1", "delegated": "0"}
    assert chips(client) == chips(client, "q=summer") == expected
    assert chips(client, "q=own") == {**expected, "needs-me": "0", "overdue": "0", "high-risk": "0"}
    assert chips(client, "overdue=yes") == {**expected, "mine": "0"}
    assert chips(browser("viewer")) == {"overdue": "1", "high-risk": "1", "mine": "0"}
    assert set(chips(browser("owner", outside=True)).values()) == {"0"}
    links = chip_links(client, "q=summer&p=1")
    assert rows(client, links["high-risk"][1:]) == [late.reference]
    assert rows(client, links["mine"][1:]) == [own.reference]
    page = client.get(f"{QUEUE}{links['overdue']}").content.decode()
    assert re.search(r'data-chip="overdue" aria-current="true"', page)
    assert "overdue" not in chip_links(client, links["overdue"][1:])["overdue"]


@pytest.mark.slow
def test_delegated_requests_have_a_chip(browser: Browser, office: World) -> None:
    row = named(office, "Summer Sale")
    user, _ = office.another("approver")
    delegate(actor=office.actor("admin"), approval_id=row.pk, to=user.pk, digest=row.digest)
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    assert (chips(client)["delegated"], chips(browser("approver"))["delegated"]) == ("1", "0")
    assert rows(client, "mine=delegated") == [row.reference]


def test_empty_list_names_what_hides_everything(browser: Browser, office: World) -> None:
    named(office, "Summer Sale")
    page = browser("approver").get(f"{QUEUE}?q=summer&risk=critical&sort=cost").content.decode()
    shown = unescape(re.sub(r"<[^>]+>", "", page.partition("Together these hide everything")[2]))
    assert "Search: “summer”" in shown
    assert "Risk: Critical" in shown
    assert f'<a class="wk-button" href="{QUEUE}">Clear filters</a>' in page


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "q=campaign", "q=campaign&state=all", "overdue=yes&sort=risk&mine=delegated"])
def test_queue_needs_the_same_statements_for_one_row_and_three(browser: Browser, office: World, query: str) -> None:
    client, counts = browser("admin"), []
    for number in range(3):
        named(office, f"Campaign {number}")
        if number == 1:
            continue
        client.get(f"{QUEUE}?{query}")
        with CaptureQueriesContext(connection) as caught:
            client.get(f"{QUEUE}?{query}")
        counts.append(len(caught))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_number_that_is_no_reference_is_searched_as_a_word(browser: Browser, office: World) -> None:
    found = named(office, "Black Friday 2026")
    named(office, "Black Friday 2025")
    assert rows(browser("viewer"), "q=2026") == rows(browser("viewer"), "q=2026&state=all") == [found.reference]


def test_search_text_goes_with_its_tenant(office: World) -> None:
    named(office, "Summer Sale")
    with tenant_scope(office.globex.pk):
        assert not ApprovalText.objects.exists()
        assert actor_for_user(office.outsiders["owner"]) is not None
