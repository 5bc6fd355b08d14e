"""A workflow is read as steps and edited section by section; its condition as rows or as a text."""

from typing import Any

import pytest

from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import ApprovalWorkflow
from hitl.policy.workflows.workflows import conditions_of, levels_of, revise_workflow, share_workflow
from tests.console.conftest import Browser
from tests.console.policy.test_workflows import FLOW, FORM, LEVEL, RULE, STEP, errors_in, rows
from tests.console.scene import Scene, add_workflow
from tests.console.test_browser import Opener, opened, scene
from tests.edge.browser import serious
from tests.world import World

__all__ = ["opened", "scene"]  # fixtures
SECTIONS = ["conditions", "approvers", "deadlines", "automatic"]
ROW = {"fact": "cost", "sign": ">", "value": "1000"}
BY_ROWS = {"condition_by": "rows", "condition_join": "or", "condition": "risk > 1"}


@pytest.fixture
def flow(acme: World) -> ApprovalWorkflow:
    """A workflow with something in every section."""
    add_workflow(acme)
    return services.create_workflow(
        actor=acme.actor("owner"),
        name="Money",
        levels=[
            {"approvers": [{"type": "role", "value": "approver"}], "sla_hours": 4},
            {"approvers": [{"type": "role", "value": "owner"}], "mode": "all", "parallel": True},
        ],
        condition="cost > 1000",
        currency="EUR",
        reminder_every_hours=2,
        reminder_max=3,
        escalation=[{"after_hours": 8, "add": [{"type": "role", "value": "owner"}]}],
        auto_rules=[{"id": "far", "verdict": "reject", "min_score": 95}],
        open_per_agent=7,
    )


def stored(flow: ApprovalWorkflow) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """Read a workflow again."""
    row = ApprovalWorkflow.objects.get(pk=flow.pk)
    return conditions_of(row), levels_of(row), row.version


@pytest.mark.slow
@pytest.mark.django_db
def test_page_tells_the_levels_as_steps_and_leads_to_each_section(browser: Browser, flow: ApprovalWorkflow) -> None:
    page = browser("owner").get(f"{FLOW}{flow.pk}/")
    said = {part["key"]: part["lines"] for part in page.context["parts"]}
    assert said["levels"] == ["One of Approvers within 4 hours", "At the same time: all of Owners within 8 hours"]
    assert said["clock"][:2] == ["Remind every 2 hours, up to 3 times.", "After 8 hours also Owners."]
    assert said["alone"] == ["Automatically rejected from risk 95."]
    shown = page.content.decode()
    assert all(f"{FLOW}{flow.pk}/{path}/" in shown for path in SECTIONS)
    assert f'action="{FLOW}try/"' in shown
    looked_at = browser("approver").get(f"{FLOW}{flow.pk}/").content.decode()
    assert not any(f"{flow.pk}/{path}/" in looked_at for path in SECTIONS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "sent", "changed"),
    [
        ("conditions", {"name": "Money", "min_cost": "5", "currency": "EUR", "condition": "cost > 1000"}, "min_cost"),
        ("approvers", rows("levels", LEVEL), "levels"),
        ("deadlines", {"expire_hours": "9", "execute_within_hours": "24", **rows("escalation", STEP)}, "expire_hours"),
        ("automatic", {"open_per_agent": "9", **rows("auto_rules", RULE)}, "auto_rules"),
    ],
)
def test_section_is_saved_alone_and_everything_else_stays(
    browser: Browser, flow: ApprovalWorkflow, path: str, sent: dict[str, Any], changed: str
) -> None:
    before, levels, _ = stored(flow)
    # What belongs to another section is not read, even if somebody sends it.
    smuggled = {} if path == "conditions" else {"name": "Other", "priority": "99", "is_default": "on"}
    answer = browser("owner").post(f"{FLOW}{flow.pk}/{path}/", {**smuggled, **sent, "version": "1"})
    assert answer.status_code == 302
    after, levels_after, version = stored(flow)
    assert version == 2
    differing = {name for name in before if before[name] != after[name]} | (
        {"levels"} if levels != levels_after else set()
    )
    assert changed in differing
    others = {
        "conditions": {"min_cost"}, "approvers": {"levels", "distinct_approvers"},
        "deadlines": {"expire_hours", "reminder_every_hours", "reminder_max"},
        "automatic": {"auto_rules", "open_per_agent"},
    }  # fmt: skip
    assert differing <= others[path]
    assert ApprovalWorkflow.objects.get(pk=flow.pk).name == "Money"


@pytest.mark.slow
@pytest.mark.django_db
def test_section_saved_on_an_older_version_overwrites_nothing(
    browser: Browser, acme: World, flow: ApprovalWorkflow
) -> None:
    revise_workflow(actor=acme.actor("admin"), workflow_id=flow.pk, priority=7)
    late = browser("owner").post(f"{FLOW}{flow.pk}/approvers/", {**rows("levels", LEVEL), "version": "1"})
    assert (late.status_code, stored(flow)[2]) == (409, 2)
    assert acme.people["admin"].get_full_name() in late.content.decode()


@pytest.mark.slow
@pytest.mark.django_db
def test_shared_workflow_lets_people_edit_who_approves_and_not_what_it_covers(
    browser: Browser, acme: World, flow: ApprovalWorkflow
) -> None:
    share_workflow(actor=acme.actor("owner"), workflow_id=flow.pk, roles=["approver"])
    visitor = browser("approver")
    page = visitor.get(f"{FLOW}{flow.pk}/").content.decode()
    assert [f"{flow.pk}/{path}/" in page for path in SECTIONS] == [True, True, True, False]
    assert visitor.post(f"{FLOW}{flow.pk}/approvers/", {**rows("levels", LEVEL), "version": "1"}).status_code == 302
    assert len(stored(flow)[1]) == 1
    visitor.post(f"{FLOW}{flow.pk}/conditions/", {"name": "Ours", "min_cost": "1", **BY_ROWS, "version": "2"})
    visitor.post(f"{FLOW}{flow.pk}/automatic/", {**rows("auto_rules"), "version": "3"})
    conditions, _, _ = stored(flow)
    assert (conditions["min_cost"], conditions["condition"], len(conditions["auto_rules"])) == (None, "cost > 1000", 1)


@pytest.mark.slow
@pytest.mark.django_db
def test_rows_and_text_are_stored_as_the_same_condition(browser: Browser, flow: ApprovalWorkflow) -> None:
    second = {"fact": "level", "sign": "in", "value": "high, critical"}
    visitor, texts = browser("owner"), []
    text = 'cost > 1000 or level in ("high", "critical")'
    by_rows = {**BY_ROWS, **rows("facts", ROW, {"DELETE": "on"}, second)}
    by_text = {"condition_by": "text", "condition": text, **rows("facts", {"fact": "x"})}
    for version, sent in enumerate((by_rows, by_text), start=1):
        answer = visitor.post(f"{FLOW}{flow.pk}/conditions/", {"name": "Money", "version": version, **sent})
        assert answer.status_code == 302
        texts.append(stored(flow)[0]["condition"])
    assert texts == [text, text]
    form = visitor.get(f"{FLOW}{flow.pk}/conditions/").context["form"]
    assert (form["condition_by"].value(), form["condition_join"].value()) == ("rows", "or")
    assert [row["value"].value() for row in form.facts.kept()] == ["1000", "high, critical"]
    visitor.post(
        f"{FLOW}{flow.pk}/conditions/",
        {"name": "Money", "version": "3", "condition_by": "text", "condition": "not (cost > 5)"},
    )
    form = visitor.get(f"{FLOW}{flow.pk}/conditions/").context["form"]
    assert (form["condition_by"].value(), form["condition"].value()) == ("text", "not (cost > 5)")
    emptied = {"name": "Money", "version": "4", **BY_ROWS, **rows("facts")}
    assert visitor.post(f"{FLOW}{flow.pk}/conditions/", emptied).status_code == 302
    assert stored(flow)[0]["condition"] == ""


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ({**ROW, "value": "much"}, "value", "Enter a number such as"),
        ({**ROW, "value": ""}, "value", "required"),
        ({**ROW, "sign": "in"}, "sign", "Choose one of these: "),
        ({**ROW, "fact": "price"}, "fact", "not one of the available choices"),
        ({"fact": "level", "sign": "==", "value": "hgh"}, "value", "Choose from low, medium, high, critical."),
        ({"fact": "weekday", "sign": "in", "value": "mon, Tuesday"}, "value", "Choose from mon"),
        ({"fact": "channel", "sign": "==", "value": "a\\b"}, "value", "without both kinds of quotes"),
    ],
)
def test_wrong_row_of_a_condition_is_told_at_its_field_and_nothing_is_saved(
    browser: Browser, flow: ApprovalWorkflow, row: dict[str, str], field: str, words: str
) -> None:
    sent = {"name": "Money", "version": "1", **BY_ROWS, **rows("facts", row)}
    answer = browser("owner").post(f"{FLOW}{flow.pk}/conditions/", sent)
    form = answer.context["form"]
    assert (answer.status_code, stored(flow)[2], errors_in(form)) == (400, 1, [])
    assert [(each.prefix, name) for each in form.facts.kept() for name in each.errors] == [("facts-0", field)]
    assert words in answer.content.decode()
    assert f'<a href="#id_conditions_facts-0-{field}">' in answer.content.decode()


@pytest.mark.django_db
def test_condition_of_too_many_rows_is_refused(browser: Browser, flow: ApprovalWorkflow) -> None:
    long = {"fact": "channel", "sign": "==", "value": "x" * 80}
    sent = {"name": "Money", "version": "1", **BY_ROWS, **rows("facts", *(long for _ in range(8)))}
    answer = browser("owner").post(f"{FLOW}{flow.pk}/conditions/", sent)
    assert (answer.status_code, "Use at most 500 characters" in answer.content.decode()) == (400, True)


@pytest.mark.django_db
def test_summary_of_a_half_edited_section_keeps_the_rest(browser: Browser, flow: ApprovalWorkflow) -> None:
    of = {"of_section": "conditions", "of_workflow": str(flow.pk)}
    said = browser("owner").post(f"{FLOW}sentence/", {**of, "of_section": "matches", **BY_ROWS, **rows("facts", ROW)})
    assert said.content.decode().startswith("Every action with cost above 1,000 in any currency: one of Approvers")
    for wrong in ({**of, "of_workflow": "x"}, {**of, "of_section": "none"}):
        assert browser("owner").post(f"{FLOW}sentence/", {**FORM, **wrong}).status_code == 200


@pytest.mark.slow
@pytest.mark.browser
def test_pages_of_a_workflow_are_short_and_accessible(opened: Opener, scene: Scene) -> None:
    with tenant_scope(scene.world.acme.pk):
        flow = ApprovalWorkflow.objects.get()
    page = opened(f"{FLOW}{flow.pk}/", "owner")
    home = page.url.split("/admin/")[0]
    page.set_viewport_size({"width": 1280, "height": 800})
    faults = []
    for path in [f"{flow.pk}/", *(f"{flow.pk}/{each}/" for each in SECTIONS), f"{flow.pk}/edit/", "create/"]:
        page.goto(f"{home}{FLOW}{path}")
        length = page.evaluate("document.documentElement.scrollHeight")
        faults += [f"{path}: {length} px"] if length > 3 * 800 else []
        faults += [f"{path}: {fault}" for fault in serious(page, least="minor")]
        page.set_viewport_size({"width": 390, "height": 844})
        faults += [f"{path}: too wide"] if page.evaluate("document.documentElement.scrollWidth") > 390 else []
        page.set_viewport_size({"width": 1280, "height": 800})
    assert faults == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    "scripts", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["with scripts", "without"]
)
def test_condition_is_built_by_the_keyboard(opened: Opener, scene: Scene, scripts: bool) -> None:
    with tenant_scope(scene.world.acme.pk):
        flow = services.create_workflow(
            actor=scene.world.actor("owner"), name="M", levels=levels_of(ApprovalWorkflow.objects.get())
        )
    page = opened(f"{FLOW}{flow.pk}/conditions/", "owner", scripts=scripts)
    for number, (fact, sign, value) in enumerate([("Risk level", "is", "high"), ("Cost", "is more than", "500")]):
        page.get_by_role("button", name="Add comparison").focus()
        page.keyboard.press("Enter")
        row = page.locator(f"#row-facts-{number}")
        row.get_by_label("Fact").select_option(fact)
        row.get_by_label("Comparison").select_option(sign)
        row.get_by_label("Value").fill(value)
    assert page.locator('[data-by="text"]').is_visible() is not scripts
    if scripts:
        page.locator("[data-says]", has_text="with risk level is high and cost above 500").wait_for()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("M was saved.").wait_for()
    with tenant_scope(scene.world.acme.pk):
        assert ApprovalWorkflow.objects.get(pk=flow.pk).condition == 'level == "high" and cost > 500'
