"""An agent's page in a real browser: by keyboard alone, on a phone, and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from agents.models import Agent, AgentVersion, Trial, TrialTurn
from agents.studio.agents.admin.studio import TABS
from agents.studio.trials.turns import answer_turn
from tests.console.scene import Scene
from tests.console.test_browser import DESK, PHONE, faults_of
from tests.console.test_by_keyboard import Opener, opened, scene, web  # noqa: F401
from tests.console.test_live import meanwhile
from tests.edge.browser import keep_picture, serious

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("scene", "web"), pytest.mark.slow]


def answer(scene: Scene, text: str) -> None:  # noqa: F811
    """Be the worker that answers what was said."""
    meanwhile(scene.world, lambda: answer_turn(turn_id=TrialTurn.objects.get(said=text).pk))


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_tabs_are_walked_and_an_agent_is_changed_tried_and_activated_by_keyboard(
    opened: Opener,  # noqa: F811
    scene: Scene,  # noqa: F811
) -> None:
    home = f"/admin/agents/agent/{scene.ids['agent']}/"
    page, faults = opened(f"{home}versions/", role="admin"), []
    page.locator(".wk-tabs a").first.focus()
    for number, name in enumerate(TABS):
        press(page, *["Tab"] * number, "Enter")
        page.wait_for_url(f"**{home}{name}/")
        faults += faults_of(page, f"studio-{name}")
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        faults += [f"{name} on a phone: {fault}" for fault in serious(page)]
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        page.locator(".wk-tabs a").first.focus()
    assert faults == []

    page.goto(f"{home}instructions/")
    state, activate = page.locator(".wk-studio-state"), page.locator(".wk-studio-activate > summary")
    expect(state).to_contain_text("Draft of version 1")
    page.get_by_label("Instructions", exact=True).fill("Be brief.")
    unsaved = state.get_by_text("Unsaved changes")
    expect(unsaved).to_be_visible()
    activate.focus()
    press(page, "Enter")
    expect(page.locator("[data-activate]")).to_be_disabled()
    press(page, "Escape")
    expect(activate).to_be_focused()
    page.get_by_label("Instructions", exact=True).focus()
    press(page, "Control+s")
    expect(page.locator(".wk-flash", has_text="Draft saved.")).to_be_visible()
    expect(unsaved).to_be_hidden()

    page.goto(f"{home}try/")
    page.get_by_label("Message", exact=True).focus()
    page.keyboard.type("Good evening")
    press(page, "Control+Enter")
    page.wait_for_url("**/try/?trial=*")
    expect(page.get_by_text("Budgets is answering")).to_have_count(2)  # in sight, and said
    keep_picture(page, "studio-waits", full_page=False)
    page.get_by_label("Message", exact=True).fill("And now")
    answer(scene, "Good evening")
    expect(page.locator(".wk-try-verdict")).to_be_visible()
    expect(page.locator("#try-says")).to_contain_text("Answered.")
    expect(page.get_by_label("Message", exact=True)).to_have_value("And now")
    press(page, "Control+Enter")
    expect(page.locator(".wk-try-turn")).to_have_count(2)

    activate.focus()
    press(page, "Enter", "Tab", "Enter")
    page.wait_for_url(f"**{home}versions/")
    expect(state).to_contain_text("Live")


def test_composer_stays_below_a_long_trial_and_everything_works_without_scripts(
    opened: Opener,  # noqa: F811
    scene: Scene,  # noqa: F811
) -> None:
    home = f"/admin/agents/agent/{scene.ids['agent']}/"

    def talk() -> None:
        trial = Trial.objects.get(pk=scene.ids["trial"])
        TrialTurn.objects.bulk_create(
            TrialTurn(trial=trial, number=number, said=f"Message {number}", answer="Yes. " * 60, state="answered")
            for number in range(2, 20)
        )

    meanwhile(scene.world, talk)
    wrong = []
    for phone in (False, True):
        page = opened(scene.path("trial"), role="admin", phone=phone)
        expect(page.get_by_text("Message 19")).to_be_in_viewport()
        box, size = page.locator(".wk-try-composer").bounding_box(), page.viewport_size
        assert box
        assert size
        if not size["height"] - 40 <= box["y"] + box["height"] <= size["height"]:
            wrong.append(f"the composer ends at {box['y'] + box['height']} of {size['height']}")
        if (high := page.evaluate("document.documentElement.scrollHeight")) > size["height"]:
            wrong.append(f"the page scrolls beside the messages: {high} of {size['height']}")
        keep_picture(page, f"studio-long-{'phone' if phone else 'desk'}", full_page=False)
    assert wrong == []

    plain = opened(f"{home}tools/", role="admin", scripts=False)
    for title in TABS.values():
        plain.locator(".wk-tabs").get_by_role("link", name=title).click()
        expect(plain.locator(".wk-tabs [aria-current=page]")).to_contain_text(title)
    plain.locator(".wk-tabs").get_by_role("link", name="Tools").click()
    plain.get_by_label("Send a file").check()
    plain.get_by_role("button", name="Save draft").click()
    expect(plain.get_by_text("Draft saved.")).to_be_visible()
    expect(plain.get_by_label("Send a file")).to_be_checked()
    plain.locator(".wk-tabs").get_by_role("link", name="Try").click()
    plain.get_by_label("Message", exact=True).fill("Hello there")
    plain.get_by_role("button", name="Send").click()
    expect(plain.locator(".wk-try-composer")).to_be_hidden()
    answer(scene, "Hello there")
    expect(plain.locator(".wk-try-verdict")).to_be_visible(timeout=10_000)
    expect(plain.locator(".wk-try-composer")).to_be_visible()
    plain.locator(".wk-studio-activate > summary").click()
    plain.get_by_role("button", name="Activate the draft").click()
    plain.wait_for_url(f"**{home}versions/")
    meanwhile(scene.world, lambda: _is_live(scene))


def _is_live(scene: Scene) -> None:  # noqa: F811
    agent = Agent.objects.get(pk=scene.ids["agent"])
    assert agent.active_version == AgentVersion.objects.get(agent=agent, is_draft=False)
    assert "send_file" in agent.active_version.tools
