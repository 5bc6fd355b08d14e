"""Undoing an approval, and deciding many at once, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from core.tenancy.scope import tenant_scope
from hitl.batches.work import work_batch
from hitl.models import BatchDecision
from hitl.policy.decision_policy import set_decision_policy
from tests.console.approvals.test_decision_page import state_of
from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene

__all__ = ["opened", "scene"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(
    "scripts", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["with scripts", "without"]
)
def test_approval_is_undone_from_the_bar(opened: Opener, scene: Scene, scripts: bool) -> None:
    page = opened(scene.path("approval"), "approver", scripts=scripts)
    page.add_init_script("const real = Date.now; Date.now = () => real() + 600_000;")  # this machine's clock is fast
    page.locator("#vote-approve").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".wk-undo-time")).to_contain_text("You can undo this until")
    assert page.locator(".wk-undo-left").count() == int(scripts)
    if scripts:
        assert faults_of(page, "undo") == []
    assert state_of(scene) == "approved"
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_text("Undone.").wait_for()
    assert state_of(scene) == "cancelled"
    assert page.locator(".wk-undo").count() == 0


def test_many_are_decided_at_once(opened: Opener, scene: Scene) -> None:
    with tenant_scope(scene.world.acme.pk):
        owner = scene.world.actor("owner")
        set_decision_policy(actor=owner, undo_seconds=10, batch_risk="high", seen_version=0)
    page = opened(scene.path("queue"), "approver")
    assert page.get_by_role("button", name="Approve selected…").count() == 0, "nothing is selected yet"
    first = page.locator("input[data-pick]").first
    page.locator(".wk-row-link").nth(0).focus()
    page.keyboard.press("x")
    assert first.is_checked() or page.locator("input[data-pick]:checked").count() == 0, (
        "the first row may not be one's own"
    )
    page.get_by_label("Select all on this page").check()
    expect(page.get_by_text(f"{page.locator('input[data-pick]').count()} selected.")).to_be_visible()
    assert faults_of(page, "queue-selected") == []
    page.get_by_role("button", name="Approve selected…").click()
    page.get_by_role("heading", name="can be decided").wait_for()
    assert faults_of(page, "batch-preview") == []
    page.get_by_role("button", name=re.compile("^Approve")).last.click()
    page.get_by_role("heading", name="Deciding").wait_for()
    with tenant_scope(scene.world.acme.pk):
        work_batch(batch_id=BatchDecision.objects.get().pk)
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    assert faults_of(page, "batch-report") == []
    page.get_by_role("button", name="Undo all").click()
    page.get_by_text("Undone.").wait_for()
