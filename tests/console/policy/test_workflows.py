"""Workflows, groups, calendars, limits and weights in the console."""

import re
from typing import Any

import pytest

from accounts.models import Membership, Tenant
from agents.models import Agent
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import ApprovalWorkflow, ApproverGroup, BusinessCalendar, Cap, RiskPolicy
from hitl.policy.workflows.workflows import conditions_of, levels_of, revise_workflow, share_workflow
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.world import World

pytestmark = pytest.mark.django_db
WEEK = {"mon": [["09:00", "17:00"]]}
FLOW = "/admin/hitl/approvalworkflow/"
LEVEL = {"approvers": ["role:approver"], "mode": "any", "sla_hours": "4"}
SECOND = {"approvers": ["role:owner"], "mode": "all", "parallel": "on", "min_auth": "mfa"}
STEP = {"after": "8", "to": ["role:owner"]}
RULE = {"id": "small", "currency": "EUR", "max_cost": "50", "max_score": "20"}
REMOVED = {"DELETE": "on"}


def rows(prefix: str, *filled: dict[str, Any]) -> dict[str, Any]:
    """Return the rows of a formset as a browser sends them."""
    counts = {f"{prefix}-TOTAL_FORMS": str(len(filled)), f"{prefix}-INITIAL_FORMS": "0"}
    named = [(f"{prefix}-{n}", {"DELETE": "", **row}) for n, row in enumerate(filled)]
    return counts | {f"{row}-{name}": value for row, values in named for name, value in values.items()}


FORM = {
    "name": "Budgets", "condition": "cost > 1000 or risk >= 70", "currency": "EUR", "expire_hours": "72",
    "execute_within_hours": "24", **rows("levels", LEVEL, REMOVED, SECOND), **rows("escalation", STEP),
    **rows("auto_rules", RULE),
}  # fmt: skip


def kept(form: Any) -> list[str]:
    """Return the prefixes of the rows that a form shows."""
    return [row.prefix for formset in form.formsets.values() for row in formset.kept()]


def errors_in(form: Any) -> list[str]:
    """Return where a form shows errors: fields, and formsets as a whole."""
    rows = [row for formset in form.formsets.values() for row in formset.kept()]
    wholes = [prefix for prefix, formset in form.formsets.items() if formset.non_form_errors()]
    return [*form.errors, *(f"{row.prefix}-{name}" for row in rows for name in row.errors), *wholes]


@pytest.fixture
def flows(world: World) -> World:
    """The first tenant with its default workflow and a request."""
    with tenant_scope(world.acme.pk):
        add_workflow(world)
        ask(world)
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


@pytest.mark.slow
def test_whoever_is_asked_is_told_by_mail_where_the_form_says_so(browser: Browser, flows: World) -> None:
    visitor = browser("owner")
    assert re.search('name="by_mail"[^>]* checked', visitor.get(f"{FLOW}create/").content.decode())
    visitor.post(f"{FLOW}create/", {**FORM, "by_mail": "on"})
    with tenant_scope(flows.acme.pk):
        made = _only(condition__contains="risk")
    assert made.notify_by == ["email"]
    assert "In the console and by email" in visitor.get(f"{FLOW}{made.pk}/").content.decode()
    visitor.post(f"{FLOW}{made.pk}/edit/", {**FORM, "version": "1"})
    assert "In the console only" in visitor.get(f"{FLOW}{made.pk}/").content.decode()


@pytest.mark.slow
def test_nobody_signs_twice_in_a_new_workflow_unless_it_says_so(browser: Browser, flows: World) -> None:
    visitor = browser("owner")
    assert re.search('name="distinct_approvers"[^>]* checked', visitor.get(f"{FLOW}create/").content.decode())
    said = visitor.post(f"{FLOW}sentence/", {**FORM, "distinct_approvers": "on"}).content.decode()
    assert "after 8 hours also Owners; different people at each level. Automatically approved up to 50 EUR" in said
    visitor.post(f"{FLOW}create/", FORM)
    with tenant_scope(flows.acme.pk):
        made = _only(condition__contains="risk")
    assert not made.distinct_approvers
    assert not re.search(
        'name="distinct_approvers"[^>]* checked', visitor.get(f"{FLOW}{made.pk}/edit/").content.decode()
    )


def test_new_form_begins_sensibly_and_says_so(browser: Browser, flows: World) -> None:
    shown = browser("owner").get(f"{FLOW}create/").content.decode()
    assert "Every action: one of Approvers within 8 hours." in shown
    assert 'name="levels-0-approvers"' in shown
    assert 'name="levels-1-approvers"' not in shown
    assert re.search(r'<details class="wk-flow-fold">\s*<summary>More conditions', shown)


def test_form_refused_for_asking_nobody_says_so(browser: Browser, flows: World) -> None:
    shown = browser("owner").post(f"{FLOW}create/", {**FORM, "levels-0-approvers": [], "levels-2-approvers": []})
    assert shown.status_code == 400
    assert "Choose at least one approver." in shown.content.decode()


@pytest.mark.slow
def test_edit_form_shows_what_was_saved(browser: Browser, flows: World) -> None:
    visitor = browser("owner")
    visitor.post(f"{FLOW}create/", FORM)
    with tenant_scope(flows.acme.pk):
        made = _only(condition__contains="risk")
    page = visitor.get(f"{FLOW}{made.pk}/edit/").content.decode()
    assert "cost &gt; 1000 or risk &gt;= 70" in page
    again = visitor.post(f"{FLOW}{made.pk}/edit/", {**FORM, "name": "Money", "version": "1"})
    assert again.status_code == 302
    with tenant_scope(flows.acme.pk):
        assert (_only(pk=made.pk).name, _only(pk=made.pk).version) == ("Money", 2)


def _as_shown(form: Any) -> dict[str, Any]:
    """Return what a browser sends when nothing is touched."""
    formsets = form.formsets.values()
    shown = [form, *(one for formset in formsets for one in (formset.management_form, *formset.forms))]
    values = {one.add_prefix(name): one[name].value() for one in shown for name in one.fields}
    sent = {name: value for name, value in values.items() if value is not False and value not in (None, "")}
    return {name: "on" if value is True else value for name, value in sent.items()}


def _everything(owner: str) -> dict[str, Any]:
    asked = [{"type": "role", "value": owner}]
    steps: list[dict[str, Any]] = [{"after_hours": hours, "add": asked} for hours in range(1, 9)]
    approves = {"id": "approves-small", "verdict": "approve", "max_cost": "50", "max_score": 20, "currency": "EUR"}
    limits = {"condition": "hour < 18", "per": "requester", "window_amount": "90", "window_hours": 48, "per_day": 5}
    rejects = {"verdict": "reject", "min_score": 90, "condition": "reach > 9"}
    return {
        "levels": [{"approvers": asked, "min_auth": "password"}, *({"approvers": asked} for _ in range(11))],
        "escalation": [{"after_hours": 2, "replace": asked, "repeat": 3}, *steps,
                       {"after_hours": 9, "add": asked, "replace": asked}],
        "auto_rules": [
            {"id": "mine", **rejects, "currency": "EUR"}, {**approves, **limits}, {"id": "rejects-risky", **rejects},
            {"id": "any", "verdict": "approve", "max_cost": 5, "max_score": "0", "per": "kind", "condition": ""},
            *({"id": f"more-{n}", "verdict": "reject", "min_score": n} for n in range(26)),
        ],
        "edit_policy": {"editor_may_vote": True, "fall_allows_fewer": True},
        "notify_by": ["email"], "open_per_agent": 7, "allow_override": True, "distinct_approvers": True,
        "contact_tags": ["vip"], "reminder_every_hours": 2, "reminder_max": 3,
        "time_window": {"days": ["mon"], "from": "18:00"},
    }  # fmt: skip


@pytest.mark.slow
def test_form_saved_as_it_is_shown_changes_nothing(browser: Browser, flows: World) -> None:
    with tenant_scope(flows.acme.pk):
        wanted = _everything("owner")
        made = services.create_workflow(actor=flows.actor("owner"), name="All", currency="EUR", **wanted)
    visitor = browser("owner")
    shown = visitor.get(f"{FLOW}{made.pk}/edit/").context["form"]
    assert visitor.post(f"{FLOW}{made.pk}/edit/", _as_shown(shown)).status_code == 302
    with tenant_scope(flows.acme.pk):
        kept = _only(pk=made.pk)
        assert (conditions_of(kept), levels_of(kept), kept.version) == (conditions_of(made), levels_of(made), 2)


@pytest.mark.slow
def test_row_is_added_by_a_button_and_nothing_is_saved(browser: Browser, flows: World) -> None:
    typed = {**FORM, "name": "", "min_cost": "much", "add_row": "levels"}
    answer = browser("owner").post(f"{FLOW}create/", typed)
    form = answer.context["form"]
    assert (answer.status_code, errors_in(form), form["min_cost"].value()) == (200, [], "much")
    assert [row.prefix for row in form.formsets["levels"].kept()] == ["levels-0", "levels-2", "levels-3"]
    assert re.search('<div [^>]*id="row-levels-3"[^>]* autofocus', answer.content.decode())
    with tenant_scope(flows.acme.pk):
        assert ApprovalWorkflow.objects.count() == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("button", "rows"),
    [
        ({"add_row": "escalation"}, ["levels-0", "levels-2", "escalation-0", "escalation-1", "auto_rules-0"]),
        ({"add_row": "auto_rules-reject"}, ["levels-0", "levels-2", "escalation-0", "auto_rules-0", "auto_rules-1"]),
        ({"add_row": "auto_rules"}, ["levels-0", "levels-2", "escalation-0", "auto_rules-0"]),
        ({"add_row": "row"}, ["levels-0", "levels-2", "escalation-0", "auto_rules-0"]),
        ({"remove_row": "levels-0"}, ["levels-2", "escalation-0", "auto_rules-0"]),
        ({"remove_row": "auto_rules-0"}, ["levels-0", "levels-2", "escalation-0"]),
        ({"remove_row": "name"}, ["levels-0", "levels-2", "escalation-0", "auto_rules-0"]),
    ],
)
def test_rows_come_and_go_by_their_buttons(
    browser: Browser, flows: World, button: dict[str, str], rows: list[str]
) -> None:
    form = browser("owner").post(f"{FLOW}create/", {**FORM, **button}).context["form"]
    assert kept(form) == rows
    assert form["name"].value() == "Budgets"


@pytest.mark.slow
def test_row_added_after_one_was_removed_is_a_new_one(browser: Browser, flows: World) -> None:
    visitor = browser("owner")
    visitor.post(f"{FLOW}create/", FORM)
    with tenant_scope(flows.acme.pk):
        url = f"{FLOW}{_only(condition__contains='risk').pk}/edit/"
    rules = rows("auto_rules", REMOVED, {"verdict": "reject"})
    shown = {"version": "1", "name": "Budgets", **rows("levels", {"mode": "any"}), **rules}
    form = visitor.post(url, {**shown, "add_row": "auto_rules-approve"}).context["form"]
    assert [(row.prefix, row.outcome) for row in form.formsets["auto_rules"].kept()] == [
        ("auto_rules-1", "reject"),
        ("auto_rules-2", "approve"),
    ]
    form = visitor.post(url, {**shown, **rows("levels", LEVEL, REMOVED), "add_row": "levels"}).context["form"]
    assert [row.prefix for row in form.formsets["levels"].kept()] == ["levels-0", "levels-2"]
    assert "stored" not in form.formsets["levels"].forms[2].initial


@pytest.mark.slow
def test_full_list_of_rows_says_so_and_takes_no_more(browser: Browser, flows: World) -> None:
    full = rows("levels", *(LEVEL for _ in range(12)))
    answer = browser("owner").post(f"{FLOW}create/", {**FORM, **full, "add_row": "levels"})
    assert len(answer.context["form"].formsets["levels"].kept()) == 12
    button = r'value="levels"[^>]* disabled>Add level</button>\s*<span[^>]*>Up to 12[.]'
    assert re.search(button, answer.content.decode())


def test_first_of_the_levels_that_are_left_opens_alone(browser: Browser, flows: World) -> None:
    rest = {**FORM, **rows("levels", REMOVED, REMOVED, SECOND)}
    assert browser("owner").post(f"{FLOW}create/", rest).status_code == 302
    with tenant_scope(flows.acme.pk):
        made = _only(condition__contains="risk")
        assert [(level.mode, level.parallel) for level in made.levels.all()] == [("all", False)]


@pytest.mark.slow
def test_changed_rule_keeps_what_the_form_does_not_show(browser: Browser, flows: World) -> None:
    with tenant_scope(flows.acme.pk):
        made = services.create_workflow(actor=flows.actor("owner"), name="All", currency="EUR", **_everything("owner"))
    visitor = browser("owner")
    sent = _as_shown(visitor.get(f"{FLOW}{made.pk}/edit/").context["form"])
    visitor.post(f"{FLOW}{made.pk}/edit/", {**sent, "auto_rules-0-min_score": "91"})
    with tenant_scope(flows.acme.pk):
        kept = _only(pk=made.pk).auto_rules
    assert (kept[0]["min_score"], kept[0]["currency"], kept[1:]) == (91, "EUR", made.auto_rules[1:])


def test_form_says_each_escalation_step_and_each_rule(browser: Browser, flows: World) -> None:
    second = {"after": "1", "to": ["role:admin"]}
    steps = rows("escalation", {**STEP, "how": "replace", "repeat": "2"}, second)
    limited = {**RULE, "per_day": "5", "window_amount": "100", "per": "agent"}
    rules = rows("auto_rules", limited, {"verdict": "reject", "id": "far", "condition": "reach > 9"})
    said = browser("owner").post(f"{FLOW}sentence/", {**FORM, **steps, **rules}).content.decode()
    assert "after 8 hours Owners instead (repeated 2 times), 1 hour later also Admins." in said
    assert "Automatically approved up to 50 EUR and risk 20, at most 5 a day and 100 EUR in 24 hours" in said
    assert "in 24 hours for each agent. Automatically rejected with people reached above 9." in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (rows("escalation", STEP, {"after": "3"}), "escalation-1-to"),
        ({"escalation-0-after": ""}, "escalation-0-after"),
        ({"auto_rules-0-max_score": ""}, "auto_rules-0-max_score"),
        ({"auto_rules-0-max_cost": "1001"}, "auto_rules-0-max_cost"),
        ({"auto_rules-0-condition": '"vip" in tags'}, "auto_rules-0-id"),
        (rows("auto_rules", RULE, {"id": "none", "verdict": "reject"}), "auto_rules-1-id"),
        (rows("auto_rules", RULE, {"id": "small", "verdict": "reject", "min_score": "9"}), "auto_rules-1-id"),
        (rows("auto_rules", RULE, REMOVED, {"id": "none", "verdict": "reject"}), "auto_rules-2-id"),
        (rows("escalation", *(STEP for _ in range(11))), "escalation"),
        (rows("levels", *(LEVEL for _ in range(13))), "levels"),
        (rows("levels", LEVEL, {}), "levels-1-approvers"),
        ({"levels-0-editable_fields": "no_such_field"}, "levels-0-approvers"),
        ({"levels-TOTAL_FORMS": ""}, "levels"),
    ],
)
def test_error_of_a_row_is_shown_at_its_field(
    browser: Browser, flows: World, wrong: dict[str, str], field: str
) -> None:
    answer = browser("owner").post(f"{FLOW}create/", {**FORM, **wrong})
    assert (answer.status_code, errors_in(answer.context["form"])) == (400, [field])
    assert "Nothing was saved. Check <a href=" in answer.content.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"condition": "cost >"}, "ends too early"),
        ({"levels-0-approvers": [], "levels-2-approvers": []}, "Choose at least one approver."),
        ({"min_cost": "9", "max_cost": "8"}, "must be below the highest"),
        ({"from_time": "late"}, "times such as 18:00"),
    ],
)
def test_mistake_is_said_in_words_at_its_field(browser: Browser, flows: World, wrong: Any, words: str) -> None:
    answer = browser("owner").post(f"{FLOW}create/", {**FORM, **wrong})
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_sentence_follows_the_form(browser: Browser, flows: World) -> None:
    said = browser("owner").post(f"{FLOW}sentence/", {**FORM, "name": ""}).content.decode()
    assert said == (
        "Every action with cost above 1,000 in any currency or risk of at least 70: one of Approvers within 4 hours "
        "and at the same time all of Owners within 8 hours, after 8 hours also Owners. "
        "Automatically approved up to 50 EUR and risk 20."
    )


def test_list_and_page_show_the_sentence(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    visitor = browser("admin")
    assert "Everything else" in visitor.get(FLOW).content.decode()
    assert "Everything else" in visitor.get(f"{FLOW}{_only().pk}/").content.decode()


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
    assert "Approvers</dt>" in answer.content.decode()


def test_trial_says_of_later_levels_when_their_clock_starts(browser: Browser, acme: World) -> None:
    levels = [{"approvers": [{"type": "role", "value": role}]} for role in ("approver", "owner")]
    services.create_workflow(actor=acme.actor("owner"), name="Two", levels=levels, is_default=True)
    answer = browser("admin").post(f"{FLOW}try/", {"kind": "console_budget", "score": "30"})
    assert answer.content.decode().count("Starts when the previous level has approved") == 1


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
    visitor.post(f"/admin/hitl/approvergroup/{group.pk}/edit/", {"name": "Heads", "people": [], "version": "1"})
    assert (ApproverGroup.objects.get().name, group.members.count()) == ("Heads", 0)
    form = visitor.get(f"/admin/hitl/approvergroup/{group.pk}/delete/").content.decode()
    assert form.count(f'href="/admin/hitl/approvergroup/{group.pk}/"') == 2  # the breadcrumb and Cancel
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
    wrong = visitor.post(f"/admin/hitl/businesscalendar/{calendar.pk}/edit/", {**form, "mon": "late", "version": "1"})
    assert wrong.status_code == 400


def test_calendars_zone_is_chosen_and_begins_with_the_tenants(browser: Browser, acme: World) -> None:
    Tenant.objects.filter(pk=acme.acme.pk).update(timezone="Asia/Tokyo")
    visitor = browser("owner")
    shown = visitor.get("/admin/hitl/businesscalendar/create/").content.decode()
    assert '<option value="Asia/Tokyo" selected>Tokyo</option>' in shown
    assert '<option value="America/Argentina/Buenos_Aires">Buenos Aires, Argentina</option>' in shown
    assert visitor.post("/admin/hitl/businesscalendar/create/", {"name": "X", "zone": "Mars/Base"}).status_code == 400


def test_limit_is_set_and_taken_away(browser: Browser, acme: World) -> None:
    visitor = browser("owner")
    form = {"scope": "all", "amount": "5000", "currency": "eur", "window": "month"}
    assert visitor.post("/admin/hitl/cap/create/", form).status_code == 302
    cap = Cap.objects.get()
    assert visitor.post(f"/admin/hitl/cap/{cap.pk}/edit/", {"amount": "6000", "version": "1"}).status_code == 302
    assert "6,000" in visitor.get("/admin/hitl/cap/").content.decode()
    visitor.post(f"/admin/hitl/cap/{cap.pk}/retire/")
    assert not Cap.objects.get().is_active


def test_limit_of_one_agent_is_chosen_by_name_and_asks_for_it_at_its_field(browser: Browser, acme: World) -> None:
    visitor, agent = browser("owner"), Agent.objects.create(name="Desk", type="paid_ads")
    form = {"scope": "agent", "amount": "5000", "currency": "EUR", "window": "month"}
    assert "Choose what the limit applies to." in visitor.post("/admin/hitl/cap/create/", form).content.decode()
    assert (
        f'<option value="{agent.pk}">{agent.name}</option>' in visitor.get("/admin/hitl/cap/create/").content.decode()
    )
    assert visitor.post("/admin/hitl/cap/create/", {**form, "agent": str(agent.pk)}).status_code == 302
    assert Cap.objects.get().target == str(agent.pk)


def test_weights_are_set_as_a_version(browser: Browser, acme: World) -> None:
    visitor = browser("owner")
    assert (
        visitor.post(
            "/admin/hitl/riskpolicy/weigh/", {"weight_cost": "3", "reason": "Costs", "version": "0"}
        ).status_code
        == 302
    )
    assert RiskPolicy.objects.get().weights["cost"] == 3
    assert "Cost: 3×" in visitor.get("/admin/hitl/riskpolicy/").content.decode()


def _membership(world: World, role: str) -> Any:
    return Membership.objects.filter(user=world.people[role])


def test_stale_form_overwrites_nothing_and_shows_who_was_faster(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    visitor, flow = browser("owner"), _only()
    revise_workflow(actor=acme.actor("admin"), workflow_id=flow.pk, priority=7)
    late = visitor.post(f"{FLOW}{flow.pk}/edit/", {**FORM, "version": "1"})
    page = late.content.decode()
    assert (late.status_code, _only().priority, _only().version) == (409, 7, 2)
    assert acme.people["admin"].get_full_name() in page
    assert "(version 2). Nothing was saved. It now says: “Everything else" in page
    assert 'name="version" value="1"' in page


@pytest.mark.slow
@pytest.mark.parametrize("path", ["approvergroup", "businesscalendar", "cap"])
def test_stale_form_of_a_policy_overwrites_nothing(browser: Browser, acme: World, path: str) -> None:
    owner = acme.actor("owner")
    made: Any = {
        "approvergroup": lambda: services.create_group(actor=owner, name="G", people=[]),
        "businesscalendar": lambda: services.create_calendar(actor=owner, name="C", zone="UTC", week=WEEK),
        "cap": lambda: services.create_cap(actor=owner, scope="all", currency="EUR", amount="5", window="day"),
    }[path]()
    form = {"name": "New", "zone": "UTC", "mon": "08:00-09:00", "amount": "6"}
    answers = [
        browser("owner").post(f"/admin/hitl/{path}/{made.pk}/edit/", {**form, "version": version})
        for version in ("1", "1", "")
    ]
    assert [answer.status_code for answer in answers] == [302, 409, 400]
    assert "(version 2). Nothing was saved." in answers[1].content.decode()


@pytest.mark.slow
def test_approver_who_lost_the_right_is_kept_and_named(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    flow, person = _only(), acme.people["approver"]
    asked = [{"type": "user", "value": str(person.pk)}, {"type": "role", "value": "admin"}]
    revise_workflow(actor=acme.actor("owner"), workflow_id=flow.pk, levels=[{"approvers": asked}])
    _membership(acme, "approver").update(role="viewer")
    visitor, url = browser("owner"), f"{FLOW}{flow.pk}/edit/"
    assert f'value="user:{person.pk}"' in visitor.get(url).content.decode()
    form = {**FORM, **rows("levels", {**LEVEL, "approvers": ["role:admin", f"user:{person.pk}"]}), "version": "2"}
    refused = visitor.post(url, form)
    assert (refused.status_code, _only().version) == (400, 2)
    assert f"{person.get_full_name()} can no longer approve. Remove" in refused.content.decode()
    assert visitor.post(url, {**form, "levels-0-approvers": ["role:admin"]}).status_code == 302


def test_member_of_a_group_who_lost_the_right_is_kept(browser: Browser, acme: World) -> None:
    person = acme.people["approver"]
    group = services.create_group(actor=acme.actor("owner"), name="Leads", people=[person.pk])
    _membership(acme, "approver").update(role="viewer")
    visitor, url = browser("owner"), f"/admin/hitl/approvergroup/{group.pk}/edit/"
    assert f"{person.get_full_name()} (can no longer approve)" in visitor.get(url).content.decode()
    form = {"name": "Heads", "people": [str(person.pk)], "version": "1"}
    assert (visitor.post(url, form).status_code, group.members.count()) == (302, 1)
    _membership(acme, "approver").update(is_active=False)
    gone = visitor.post(url, {**form, "version": "2"})
    assert "is no longer a member. Remove this person" in gone.content.decode()


@pytest.mark.slow
def test_channel_that_the_form_does_not_know_is_kept(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    flow = _only()
    revise_workflow(actor=acme.actor("owner"), workflow_id=flow.pk, channels=["fax"])
    visitor, url = browser("owner"), f"{FLOW}{flow.pk}/edit/"
    assert "fax (unknown)" in visitor.get(url).content.decode()
    assert visitor.post(url, {**FORM, "channels": ["fax"], "version": "2"}).status_code == 302
    assert _only().channels == ["fax"]


@pytest.mark.slow
def test_shared_workflow_is_changed_by_the_role_it_is_shared_with(browser: Browser, flows: World) -> None:
    with tenant_scope(flows.acme.pk):
        flow = _only(is_default=True)
    page = f"{FLOW}{flow.pk}/"
    assert browser("approver").get(f"{page}edit/").status_code == 403
    assert browser("owner").post(f"{page}share/", {"roles": ["approver"]}).status_code == 302
    assert browser("approver").get(f"{page}edit/").status_code == 200
    assert f"{page}edit/" in browser("approver").get(page).content.decode()


@pytest.mark.slow
def test_form_of_a_shared_workflow_shows_what_falls_under_it_and_saves_only_who_signs(
    browser: Browser, flows: World
) -> None:
    browser("owner").post(f"{FLOW}create/", {**FORM, "channels": ["email"], "days": ["mon"]})
    with tenant_scope(flows.acme.pk):
        made = _only(condition__contains="risk")
        revise_workflow(actor=flows.actor("owner"), workflow_id=made.pk, channels=["sms"], agents=[made.pk])
        share_workflow(actor=flows.actor("owner"), workflow_id=made.pk, roles=["approver"])
    visitor, url = browser("approver"), f"{FLOW}{made.pk}/"
    page = visitor.get(f"{url}edit/").content.decode()
    assert "This workflow was shared with you" in page
    assert re.search(r'<input type="text" name="condition"[^>]* disabled', page)
    assert not re.search(r'name="levels-0-sla_hours"[^>]* disabled', page)
    wish = {"name": "Ours", "version": "2", "expire_hours": "9", "execute_within_hours": "9", "priority": "999",
            "is_default": "on", **rows("auto_rules", {**RULE, "max_cost": "999"}), **rows("escalation"),
            **rows("levels", {"approvers": ["role:owner"]})}  # fmt: skip
    assert visitor.post(f"{url}edit/", wish).status_code == 302
    with tenant_scope(flows.acme.pk):
        kept = _only(pk=made.pk)
        assert (kept.name, kept.expire_hours, kept.levels.get().approvers[0]["value"]) == ("Ours", 9, "owner")
    same = ("is_default", "priority", "condition", "channels", "auto_rules", "time_window")
    assert [getattr(kept, name) for name in same] == [
        False, 0, made.condition, ["sms"], made.auto_rules, {"days": ["mon"]}
    ]  # fmt: skip
    assert f"{url}retire/" not in visitor.get(url).content.decode()
    assert visitor.post(f"{url}retire/", {"version": "3"}).status_code == 403
