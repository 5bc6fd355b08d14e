"""Workflows, groups, calendars, limits and weights in the console."""

from typing import Any

import pytest

from core.scope import tenant_scope
from hitl import services
from hitl.models import ApprovalWorkflow, ApproverGroup, BusinessCalendar, Cap, RiskPolicy
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, build_scene
from tests.world import World

pytestmark = pytest.mark.django_db
FLOW = "/admin/hitl/approvalworkflow/"
FORM = {
    "name": "Budgets", "condition": "cost > 1000 or risk >= 70", "currency": "EUR", "expire_hours": "72",
    "execute_within_hours": "24", "level1_approvers": ["role:approver"], "level1_mode": "any", "level1_sla_hours": "4",
    "level3_approvers": ["role:owner"], "level3_mode": "all", "level3_parallel": "on", "level3_second_factor": "on",
    "escalate_after": "8", "escalate_to": ["role:owner"], "auto_cost": "50", "auto_score": "20",
}  # fmt: skip


@pytest.fixture
def flows(world: World) -> World:
    """The first tenant with its default workflow and something of everything."""
    build_scene(world)
    return world


def _only(**conditions: Any) -> ApprovalWorkflow:
    found: ApprovalWorkflow = ApprovalWorkflow.objects.get(**conditions)
    return found


def test_form_makes_a_workflow(browser: Browser, flows: World) -> None:
    answer = browser("owner").post(f"{FLOW}create/", FORM)
    assert answer.status_code == 302
    with tenant_scope(flows.acme.pk):
        made = _only(name="Budgets", condition__contains="risk")
        levels = list(made.levels.values_list("order", "mode", "parallel", "min_auth"))
    assert levels == [(1, "any", False, ""), (2, "all", True, "mfa")]
    assert made.escalation == [{"after_hours": 8, "add": [{"type": "role", "value": "owner"}]}]
    assert made.auto_rules[0]["max_cost"] == "50"


def test_edit_form_shows_what_was_saved(browser: Browser, flows: World) -> None:
    visitor = browser("owner")
    visitor.post(f"{FLOW}create/", FORM)
    with tenant_scope(flows.acme.pk):
        made = _only(condition__contains="risk")
    page = visitor.get(f"{FLOW}{made.pk}/edit/").content.decode()
    assert "cost &gt; 1000 or risk &gt;= 70" in page
    again = visitor.post(f"{FLOW}{made.pk}/edit/", {**FORM, "name": "Money"})
    assert again.status_code == 302
    with tenant_scope(flows.acme.pk):
        assert (_only(pk=made.pk).name, _only(pk=made.pk).version) == ("Money", 2)


def test_saving_the_form_keeps_what_it_does_not_show(browser: Browser, flows: World) -> None:
    visitor = browser("owner")
    visitor.post(f"{FLOW}create/", FORM)
    level = {"approvers": [{"type": "role", "value": "owner"}]}
    ladder = [{"after_hours": 2, "replace": [{"type": "role", "value": "owner"}]}]
    with tenant_scope(flows.acme.pk):
        made = _only(condition__contains="risk")
        rule = {**made.auto_rules[0], "condition": "hour < 18", "per": "requester", "window_hours": 48}
        services.revise_workflow(
            actor=flows.actor("owner"), workflow_id=made.pk, levels=[level] * 10, auto_rules=[rule], escalation=ladder
        )
    assert visitor.post(f"{FLOW}{made.pk}/edit/", {**FORM, "escalate_to": []}).status_code == 302
    with tenant_scope(flows.acme.pk):
        kept = _only(pk=made.pk)
        assert kept.levels.count() == 4  # the two of the form, and the ninth and tenth
    assert kept.auto_rules[0] == rule
    assert kept.escalation == ladder


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"condition": "cost >"}, "ends too early"),
        ({"level1_approvers": [], "level3_approvers": []}, "at least one level"),
        ({"min_cost": "9", "max_cost": "8"}, "below the greatest"),
        ({"from_time": "late"}, "times such as"),
    ],
)
def test_mistake_is_said_in_words_at_its_field(browser: Browser, flows: World, wrong: Any, words: str) -> None:
    answer = browser("owner").post(f"{FLOW}create/", {**FORM, **wrong})
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_sentence_follows_the_form(browser: Browser, flows: World) -> None:
    said = browser("owner").post(f"{FLOW}sentence/", {**FORM, "name": ""}).content.decode()
    assert said == (
        "Every action with cost above 1,000 or risk of at least 70: one of Approvers within 4 hours and at the same "
        "time all of Owners within 8 hours, after 8 hours Owners as well. "
        "Up to 50 EUR at risk 20 a rule approves alone."
    )


def test_list_and_page_show_the_sentence(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    visitor = browser("admin")
    assert "Whatever no other workflow covers" in visitor.get(FLOW).content.decode()
    assert "Whatever no other workflow covers" in visitor.get(f"{FLOW}{_only().pk}/").content.decode()


def test_retire_restore_and_copy(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    visitor, flow = browser("owner"), _only()
    assert visitor.post(f"{FLOW}{flow.pk}/copy/", {"name": "Second"}).status_code == 302
    assert visitor.post(f"{FLOW}{flow.pk}/retire/").status_code == 302
    assert not _only(pk=flow.pk).is_active
    assert visitor.post(f"{FLOW}{flow.pk}/restore/").status_code == 302
    assert _only(pk=flow.pk).is_active


def test_trying_it_tells_who_is_asked(browser: Browser, flows: World) -> None:
    answer = browser("admin").post(f"{FLOW}try/", {"kind": "console_budget", "score": "30", "cost": "500"})
    assert answer.status_code == 200
    assert "Who is asked" in answer.content.decode()


def test_approver_may_look_and_try_but_not_change(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    visitor = browser("approver")
    assert visitor.get(FLOW).status_code == 200
    assert visitor.get(f"{FLOW}try/").status_code == 200
    assert visitor.post(f"{FLOW}create/", FORM).status_code == 403


def test_group_is_made_and_changed(browser: Browser, acme: World) -> None:
    visitor, person = browser("owner"), str(acme.people["approver"].pk)
    visitor.post("/admin/hitl/approvergroup/create/", {"name": "Leads", "people": [person]})
    group = ApproverGroup.objects.get()
    assert group.members.count() == 1
    visitor.post(f"/admin/hitl/approvergroup/{group.pk}/edit/", {"name": "Heads", "people": []})
    assert (ApproverGroup.objects.get().name, group.members.count()) == ("Heads", 0)
    assert visitor.post(f"/admin/hitl/approvergroup/{group.pk}/delete/").status_code == 302


def test_calendar_is_written_as_on_paper(browser: Browser, acme: World) -> None:
    visitor = browser("owner")
    form = {
        "name": "Office",
        "zone": "Europe/Madrid",
        "mon": "09:00-13:00, 14:00 - 18:00",
        "holidays": "2026-12-25 Xmas",
    }
    assert visitor.post("/admin/hitl/businesscalendar/create/", form).status_code == 302
    calendar = BusinessCalendar.objects.get()
    assert calendar.week == {"mon": [["09:00", "13:00"], ["14:00", "18:00"]]}
    assert calendar.holidays == [{"day": "2026-12-25", "name": "Xmas"}]
    wrong = visitor.post(f"/admin/hitl/businesscalendar/{calendar.pk}/edit/", {**form, "mon": "late"})
    assert wrong.status_code == 400


def test_limit_is_set_and_taken_away(browser: Browser, acme: World) -> None:
    visitor = browser("owner")
    form = {"scope": "all", "amount": "5000", "currency": "eur", "window": "month"}
    assert visitor.post("/admin/hitl/cap/create/", form).status_code == 302
    cap = Cap.objects.get()
    assert visitor.post(f"/admin/hitl/cap/{cap.pk}/edit/", {"amount": "6000"}).status_code == 302
    assert "6,000" in visitor.get("/admin/hitl/cap/").content.decode()
    visitor.post(f"/admin/hitl/cap/{cap.pk}/retire/")
    assert not Cap.objects.get().is_active


def test_weights_are_set_as_a_version(browser: Browser, acme: World) -> None:
    visitor = browser("owner")
    assert visitor.post("/admin/hitl/riskpolicy/weigh/", {"weight_cost": "3", "reason": "Costs"}).status_code == 302
    assert RiskPolicy.objects.get().weights["cost"] == 3
    assert "What it costs: 3×" in visitor.get("/admin/hitl/riskpolicy/").content.decode()
