"""Approvals in the console: what is shown, who may act, and that nothing happens by GET."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from console.base.forms import RENDERER
from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.admin.page import content as admin_page
from hitl.approvals.change.holds import hold
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.models import Approval, ApprovalWorkflow
from hitl.policy.workflows.workflows import revise_workflow
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.world import World

pytestmark = pytest.mark.django_db
QUEUE = "/admin/hitl/approval/"


@pytest.fixture
def asked(acme: World) -> Approval:
    """One request of the support person that waits for the approver and the admin."""
    add_workflow(acme)
    return ask(acme)


@pytest.fixture
def page(asked: Approval) -> str:
    """The path of the request's page."""
    return f"{QUEUE}{asked.pk}/"


def state_of(approval: Approval) -> str:
    """Read the state again."""
    return str(Approval.objects.get(pk=approval.pk).state)


def sign(client: Client, approval: Approval, verdict: str = "approve", **fields: str) -> int:
    """Post the form; returns the answer's status."""
    sent = {"digest": approval.digest, "reason": "Too much for one day.", **fields}
    return client.post(f"{QUEUE}{approval.pk}/{verdict}/", sent).status_code


@pytest.mark.slow
def test_page_shows_before_after_and_digest(browser: Browser, asked: Approval, page: str) -> None:
    shown = browser("approver").get(page).content.decode()
    assert "100.00 EUR" in shown
    assert "900.00 EUR" in shown
    assert asked.digest in shown


def test_approving_by_the_form_decides(browser: Browser, asked: Approval) -> None:
    assert sign(browser("approver"), asked) == 302
    assert state_of(asked) == "approved"


@pytest.mark.slow
def test_audit_names_the_request_and_its_states_as_the_queue_does(browser: Browser, asked: Approval) -> None:
    sign(browser("approver"), asked, verdict="reject")
    shown = browser("admin").get("/admin/core/auditentry/").content.decode()
    assert f">{asked.reference}</a>" in shown
    assert "Waiting → " in shown


def test_rejecting_by_the_form_decides(browser: Browser, asked: Approval) -> None:
    assert sign(browser("approver"), asked, "reject") == 302
    assert state_of(asked) == "rejected"


def test_rejecting_without_a_reason_is_refused(browser: Browser, asked: Approval) -> None:
    assert sign(browser("approver"), asked, "reject", reason="") == 400
    assert state_of(asked) == "pending"


def test_stale_digest_is_a_conflict(browser: Browser, asked: Approval) -> None:
    assert sign(browser("approver"), asked, digest="0" * 64) == 409
    assert state_of(asked) == "pending"


@pytest.mark.slow
def test_late_vote_is_told_who_won(browser: Browser, asked: Approval) -> None:
    sign(browser("approver"), asked)
    answer = browser("admin").post(f"{QUEUE}{asked.pk}/approve/", {"digest": asked.digest})
    assert answer.status_code == 409
    assert "Already approved by Approver Acme at" in answer.content.decode()


@pytest.mark.parametrize("verb", ["approve", "reject", "cancel", "revoke", "hold", "release", "resolve"])
def test_get_of_an_action_changes_nothing(browser: Browser, asked: Approval, verb: str) -> None:
    browser("admin").get(f"{QUEUE}{asked.pk}/{verb}/?digest={asked.digest}&reason=x")
    row = Approval.objects.get(pk=asked.pk)
    assert (row.state, row.version) == (asked.state, asked.version)


def test_post_without_csrf_token_is_refused(world: World, asked: Approval) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.people["approver"], backend="accounts.backends.RoleBackend")
    assert sign(client, asked) == 403
    assert state_of(asked) == "pending"


@pytest.mark.slow
def test_viewer_sees_no_forms(browser: Browser, page: str) -> None:
    shown = browser("viewer").get(page).content.decode()
    assert "/approve/" not in shown
    assert "Your role can view requests but not approve them." in shown


def test_viewers_post_is_forbidden(browser: Browser, asked: Approval) -> None:
    assert sign(browser("viewer"), asked) == 403
    assert state_of(asked) == "pending"


@pytest.mark.slow
def test_requester_is_told_of_four_eyes(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    own = ask(acme, "approver")
    shown = browser("approver").get(f"{QUEUE}{own.pk}/").content.decode()
    assert "You requested this, so you can&#x27;t decide it." in shown
    assert f"{own.pk}/approve/" not in shown


def test_requesters_own_vote_is_refused(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    own = ask(acme, "approver")
    assert sign(browser("approver"), own) == 403


@pytest.mark.slow
def test_person_without_an_assignment_is_told_so(browser: Browser, page: str) -> None:
    assert "You&#x27;re not an approver of this step." in browser("owner").get(page).content.decode()


@pytest.mark.parametrize("path", ["", "approve/", "cancel/"])
def test_approval_of_another_tenant_is_not_found(browser: Browser, page: str, path: str) -> None:
    assert browser("owner", outside=True).get(page + path).status_code == 404


def test_foreign_post_is_not_found(browser: Browser, asked: Approval) -> None:
    assert sign(browser("admin", outside=True), asked) == 404
    assert state_of(asked) == "pending"


def test_queue_of_another_tenant_is_empty(browser: Browser, asked: Approval) -> None:
    assert asked.reference not in browser("owner", outside=True).get(QUEUE).content.decode()


def test_queue_shows_what_waits_for_me_first(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    mine = ask(acme, params={"campaign": "Mine"})
    own = ask(acme, "approver", params={"campaign": "Own"})
    shown = browser("approver").get(QUEUE).content.decode()
    assert shown.index(mine.reference) < shown.index(own.reference)


@pytest.mark.slow
def test_urgent_requests_of_others_come_before_the_rest(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    urgent = ask(acme, params={"campaign": "Urgent"}, origin={"priority": 9})
    plain = ask(acme, params={"campaign": "Plain"})
    shown = browser("viewer").get(QUEUE).content.decode()
    assert shown.index(urgent.reference) < shown.index(plain.reference)


@pytest.mark.parametrize("query", ["risk=low", "overdue=yes", "mine=asked", "state=rejected", "kind=other"])
def test_filter_narrows_the_queue(browser: Browser, asked: Approval, query: str) -> None:
    page = browser("approver").get(f"{QUEUE}?{query}").content.decode()
    # The bell names the request as well.
    shown = page.split('id="main"')[1].split("</main>")[0]
    assert (asked.reference in shown) is (query == "kind=other")


@pytest.mark.parametrize("query", ["notes__startswith=a", "summary__regex=x", "payload__x=1", "o=1&address=2"])
def test_undeclared_look_up_on_the_queue_is_refused(browser: Browser, asked: Approval, query: str) -> None:
    assert browser("admin").get(f"{QUEUE}?{query}").status_code == 400


@pytest.mark.slow
def test_personal_data_in_notes_is_masked(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    row = ask(acme, origin={"notes": "Call ana@customer.example or +34 600 123 456"})
    shown = browser("admin").get(f"{QUEUE}{row.pk}/").content.decode()
    assert "ana@customer.example" not in shown
    assert "600 123 456" not in shown


@pytest.mark.slow
@pytest.mark.parametrize(("role", "is_clear"), [("viewer", False), ("compliance", False), ("approver", True)])
def test_what_is_signed_is_read_word_for_word_only_by_those_who_sign(
    browser: Browser, acme: World, role: str, is_clear: bool
) -> None:
    add_workflow(acme)
    row = ask(acme, params={"campaign": "Call +34 600 123 456"})
    visitor = browser(role)
    shown = [visitor.get(path).content.decode() for path in (QUEUE, f"{QUEUE}{row.pk}/")]
    assert ["600 123 456" in page for page in shown] == [is_clear, is_clear]
    assert "600 123 456" not in browser("viewer").get("/admin/").content.decode()


@pytest.mark.slow
def test_approved_one_can_be_taken_back(browser: Browser, asked: Approval) -> None:
    sign(browser("approver"), asked)
    client = browser("approver")
    client.post(f"{QUEUE}{asked.pk}/revoke/", {"reason": "Wrong campaign."})
    assert state_of(asked) == "cancelled"


@pytest.mark.slow
def test_executed_change_is_undone_by_a_request_of_its_own(browser: Browser, acme: World, asked: Approval) -> None:
    page, words = f"{QUEUE}{asked.pk}/", "back to 100.00 EUR"
    client = browser("admin")
    assert words in client.get(page).content.decode()
    assert f"{page}compensate/" not in client.get(page).content.decode()
    sign(browser("approver"), asked)
    services.execute(asked.pk, now=now() + timedelta(minutes=1))
    shown = client.get(page).content.decode()
    assert (words in shown, f"{page}compensate/" in shown) == (True, True)
    client.post(f"{page}compensate/")
    undone = Approval.objects.order_by("-id")[0]
    assert (undone.state, undone.notes) == ("pending", f"Undoes {asked.reference}.")
    assert undone.payload["budget"] == "100.00"
    assert f"{page}compensate/" not in client.get(page).content.decode()
    client.post(f"{page}compensate/")
    assert Approval.objects.count() == 2


@pytest.mark.slow
def test_hold_and_release_by_the_forms(browser: Browser, asked: Approval) -> None:
    client = browser("compliance")
    client.post(f"{QUEUE}{asked.pk}/hold/", {"reason": "Looking into it."})
    assert Approval.objects.get(pk=asked.pk).holds == ["manual"]
    client.post(f"{QUEUE}{asked.pk}/release/", {"reason": ""})
    assert Approval.objects.get(pk=asked.pk).holds == []


def test_second_release_of_a_hold_is_told_that_there_is_none(browser: Browser, asked: Approval) -> None:
    answer = browser().post(f"{QUEUE}{asked.pk}/release/", {"reason": ""})
    assert answer.status_code == 409
    assert "This request has no such hold." in answer.content.decode()


@pytest.mark.slow
def test_cancel_is_offered_to_requester_and_admin_only(browser: Browser, page: str) -> None:
    assert "/cancel/" in browser("support").get(page).content.decode()
    assert "/cancel/" not in browser("approver").get(page).content.decode()


@pytest.mark.slow
def test_after_a_vote_the_next_request_of_the_signer_is_offered(browser: Browser, acme: World, page: str) -> None:
    following = ask(acme, params={"campaign": "Winter Boots"})
    approver, support = browser("approver"), browser("support")
    approver.post("/admin/moving-on/", {"after": "decision", "on": "no"})
    assert "Next for you" not in approver.get(page).content.decode()
    sign(approver, Approval.objects.order_by("id")[0])
    assert f"Next for you: {following.reference}" in approver.get(page).content.decode()
    assert "Next for you" not in support.get(page).content.decode()


@pytest.mark.slow
def test_dashboard_lists_what_is_due_first_at_the_top_with_its_risk(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    late, soon = (ask(acme, params={"campaign": name}) for name in ("Winter Boots", "Summer Sale"))
    Approval.objects.filter(pk=soon.pk).update(sla_due_at=now())
    tile = browser("approver").get("/admin/").content.decode().partition("tile-errands")[2]
    assert tile.index(soon.reference) < tile.index(late.reference)
    assert f"{soon.risk_level.title()} {soon.risk_score}" in tile
    hold(actor=acme.actor("admin"), approval_id=soon.pk, reason="Later")
    assert "On hold" in browser("approver").get("/admin/").content.decode()


@pytest.mark.slow
def test_timeline_tells_who_decided_and_why(browser: Browser, asked: Approval, page: str) -> None:
    sign(browser("approver"), asked, "reject", reason="The month is over.")
    shown = browser("viewer").get(page).content.decode()
    assert "The month is over." in shown
    assert "Rejected by Approver Acme" in shown


def test_page_of_a_replaced_one_names_no_part_of_the_system(browser: Browser, acme: World, page: str) -> None:
    ask(acme, params={"budget": "800.00"})
    shown = browser("approver").get(page).content.decode()
    assert "Replaced by a newer request" in shown
    assert "replacer" not in shown


def test_rule_that_decided_is_named_by_its_id(browser: Browser, acme: World) -> None:
    rule = {"id": "small", "verdict": "approve", "max_cost": "1000", "max_score": 49, "currency": "EUR"}
    add_workflow(acme, auto_rules=[rule])
    shown = browser("approver").get(f"{QUEUE}{ask(acme, params={'budget': '101.00'}).pk}/").content.decode()
    assert "Approved by the rule “small”" in shown
    assert "rule:small" not in shown


def queries(client: Client, path: str) -> list[str]:
    """Return the statements of one warm page."""
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        client.get(path)
    return [row["sql"] for row in caught.captured_queries]


def tables(statements: list[str]) -> Counter[str]:
    """Return how often each table is first in a statement; other statements count as they are."""
    first = [re.search(r'(?:FROM|INTO|UPDATE) "(\w+)"', each) for each in statements]
    return Counter(found[1] if found else each for found, each in zip(first, statements, strict=True))


@pytest.fixture
def counted(acme: World) -> World:
    """The first tenant with a workflow."""
    add_workflow(acme)
    return acme


# With one each for the bell, the counts of the quick filters, the saved views and the flags, and one for the seals of
# emergency stops.
QUEUE_QUERIES = 14


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3])
def test_queue_needs_the_same_statements_whatever_its_length(browser: Browser, counted: World, rows: int) -> None:
    for number in range(rows):
        ask(counted, params={"campaign": f"Campaign {number}"})
    assert len(queries(browser("admin"), QUEUE)) == QUEUE_QUERIES


@pytest.mark.slow
@pytest.mark.parametrize("role", ["approver", "admin"])
def test_page_reads_approvers_and_members_once_however_many_there_are(
    browser: Browser, counted: World, role: str
) -> None:
    flow, people = ApprovalWorkflow.objects.get(), [{"type": "role", "value": role}]
    everyone = [{"type": "role", "value": each} for each in ("approver", "admin", "owner")]
    found = []
    for number, approvers in enumerate([people, everyone], start=1):
        revise_workflow(actor=counted.actor("owner"), workflow_id=flow.pk, levels=[{"approvers": approvers}])
        asked = ask(counted, params={"campaign": f"Campaign {number}"})
        assert asked.assignments.count() == [1, 3][number - 1]
        found.append(queries(browser(role), f"{QUEUE}{asked.pk}/"))
    one, three = found
    assert tables(one) == tables(three)
    members = 2 if role == "admin" else 1
    for table, times in (("hitl_assignment", 1), ("hitl_decision", 2), ("accounts_membership", members)):
        # The activity reads the remarks by itself, the form to share the people. In a subquery a table is U0.
        assert sum(f' FROM "{table}"' in sql.replace(f'"{table}" U0', "") for sql in three) == times, table


def test_forms_of_the_console_share_one_renderer(browser: Browser, page: str) -> None:
    context = browser("approver").get(page).context
    forms = [offer["form"] for offer in (*context["votes"], *context["others"], *context["rare"])]
    assert len(forms) > 2
    assert {id(form.renderer) for form in forms} == {id(RENDERER)}


@pytest.mark.slow
def test_page_survives_a_decision_by_somebody_else(browser: Browser, acme: World, asked: Approval) -> None:
    with tenant_scope(acme.acme.pk):
        services.cancel(actor=acme.actor("admin"), approval_id=asked.pk, reason="Not needed.")
    shown = browser("approver").get(f"{QUEUE}{asked.pk}/").content.decode()
    assert "Cancelled" in shown
    assert f"{asked.pk}/approve/" not in shown


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page show one line of the story."""
    monkeypatch.setattr(admin_page, "SHOWN", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("short_pages")
def test_long_story_is_shown_in_parts(browser: Browser, asked: Approval, page: str) -> None:
    sign(browser("approver"), asked)
    client = browser("admin")
    newest = client.get(page)
    assert [row.what for row in newest.context["timeline"]] == ["Approved"]
    earlier = client.get(f"{page}?before={newest.context['earlier']}")
    assert [(row.what, row.who) for row in earlier.context["timeline"]] == [("Requested", "by Support Acme")]


@pytest.mark.slow
def test_dashboard_forgets_what_is_settled(browser: Browser, asked: Approval) -> None:
    client = browser("approver")
    assert _for_me(client) == [asked.reference]
    sign(browser("admin"), asked)
    assert _for_me(client) == []


def _for_me(client: Client) -> list[str]:
    return [errand.title.split()[0] for errand in client.get("/admin/").context["errands"]]


@pytest.mark.slow
def test_times_are_in_the_tenants_zone(browser: Browser, world: World, asked: Approval, page: str) -> None:
    with tenant_scope(world.acme.pk):
        Tenant.objects.update(timezone="Asia/Tokyo")
    assert " JST</time>" in browser("approver").get(page).content.decode()


def test_facts_name_the_campaign_and_the_currency(browser: Browser, page: str) -> None:
    facts = browser("approver").get(page).context["facts"]
    assert (facts[0].label, facts[0].value, facts[0].note) == ("Campaign", "Summer Sale", "cam_1001")
    assert {fact.label: fact.value for fact in facts[1:]} == {
        "Daily budget": "100.00 EUR",
        "Spent today": "41.20 EUR",
        "Status": "running",
    }


@pytest.mark.slow
def test_page_says_which_workflow_asks_whom(browser: Browser, page: str) -> None:
    rule = browser("approver").get(page).context["rule"]
    assert (rule.name, rule.version, rule.note) == ("Budgets", 1, "")
    assert rule.says == "Everything else: one of Approvers or Admins within 8 hours."


@pytest.mark.slow
def test_page_of_a_request_keeps_the_words_of_its_own_version(browser: Browser, acme: World, page: str) -> None:
    levels = [{"approvers": [{"type": "role", "value": "owner"}]}]
    flow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=acme.actor("owner"), workflow_id=flow.pk, levels=levels)
    rule = browser("approver").get(page).context["rule"]
    assert rule.says == "One of Approvers or Admins within 8 hours."
    assert "changed since" in rule.note


@pytest.mark.slow
def test_badge_is_right_at_once_after_ones_own_decision(browser: Browser, asked: Approval) -> None:
    client = browser("approver")
    assert "1 waiting for your approval" in client.get(QUEUE).content.decode()
    sign(client, asked)
    assert "waiting for your approval" not in client.get(QUEUE).content.decode()


@pytest.mark.slow
def test_page_tells_what_is_due_who_was_told_and_the_askers_own_words(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    own = {"tags": ("spring",), "custom": {"cost_centre": "47", "manager": "joe@customer.example"}}
    page = browser("admin").get(f"{QUEUE}{ask(acme, origin=own).pk}/").content.decode()
    for words in ("Expires", "Decision due", "asked to approve, in the app", "spring", "Cost centre"):
        assert words in page
    assert "joe@customer.example" not in page


@pytest.mark.slow
def test_of_several_holds_one_is_chosen(browser: Browser, acme: World, asked: Approval) -> None:
    hold(actor=acme.actor("compliance"), approval_id=asked.pk, reason="Wait")
    activate_kill_switch(actor=acme.actor("compliance"), scope="tenant", reason="Stop")
    client = browser("compliance")
    assert 'name="hold"' in client.get(f"{QUEUE}{asked.pk}/").content.decode()
    refused = client.post(f"{QUEUE}{asked.pk}/release/", {"hold": "kill_switch"})
    assert (refused.status_code, "emergency stop still covers" in refused.content.decode()) == (409, True)
    assert ": “Stop”." in refused.content.decode()
    client.post(f"{QUEUE}{asked.pk}/release/", {"hold": "manual"})
    assert Approval.objects.get(pk=asked.pk).holds == ["kill_switch"]


def test_only_holders_of_an_assignment_are_offered_for_reassigning(browser: Browser, asked: Approval) -> None:
    form = browser("admin").get(f"{QUEUE}{asked.pk}/reassign/").context["form"]
    offered = [name for _, name in form.fields["from_person"].choices]
    assert "Viewer Acme" not in offered
    assert "Approver Acme" in offered
