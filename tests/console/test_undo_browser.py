"""The bar that offers to undo an approval, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene
from tests.console.test_decision_page import state_of

__all__ = ["opened", "scene"]  # fixtures
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_approval_is_undone_from_the_bar(opened: Opener, scene: Scene, scripts: bool) -> None:
    page = opened(scene.path("approval"), "approver", scripts=scripts)
    page.locator("#vote-approve").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("You can undo this until")).to_be_visible()
    assert page.locator(".wk-undo-left").count() == int(scripts)
    if scripts:
        assert faults_of(page, "undo") == []
    assert state_of(scene) == "approved"
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_text("Undone.").wait_for()
    assert state_of(scene) == "cancelled"
    assert page.locator(".wk-undo").count() == 0
