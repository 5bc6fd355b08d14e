"""The survey in the chat, in a real browser: a card once it is closed, answered by one press, in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from conversations import services
from conversations.models import Survey
from conversations.services import TeamSettings
from core.actors import system
from core.tenancy.scope import tenant_scope
from tests.browser import keep_picture, serious
from tests.channels_app.test_browser import DESK, PHONE, Scene, opened, scene, web, write  # noqa: F401

pytestmark = pytest.mark.browser


def ask_how_it_was(scene: Scene) -> None:  # noqa: F811
    """Close the conversation, and ask."""

    def work() -> None:
        admin = scene.world.actor("admin")
        settings = TeamSettings(name="Care", is_default=True, survey="always", survey_question="How was it at Acme?")
        services.create_team(actor=admin, settings=settings)
        services.close(actor=admin, conversation_id=scene.conversation().pk, resolved=True)
        services.ask_survey(actor=system("desk"), survey_id=Survey.objects.get().pk)

    scene.elsewhere(work)


def test_survey_is_a_card_with_five_stars(opened: Callable[..., Page], scene: Scene) -> None:  # noqa: F811
    page = opened()
    write(page, "Thank you, that was all.")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    ask_how_it_was(scene)
    expect(page.get_by_text("How was it at Acme?")).to_be_visible(timeout=15000)
    stars = page.get_by_role("group", name="Your rating").get_by_role("button")
    expect(stars).to_have_count(5)
    for name, look in (("light", DESK), ("dark", DESK), ("phone", PHONE)):
        page.emulate_media(color_scheme="dark" if name == "dark" else "light")
        page.set_viewport_size(look)  # type: ignore[arg-type]
        keep_picture(page, f"survey-{name}", full_page=False)
        assert serious(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    stars.nth(3).focus()
    page.keyboard.press("Enter")
    expect(stars.nth(3)).to_have_attribute("aria-pressed", "true")
    for _ in range(50):
        with tenant_scope(scene.world.acme.pk):
            rating = Survey.objects.get().rating
        if rating:
            break
        page.wait_for_timeout(200)
    assert rating == 4
    keep_picture(page, "survey-rated", full_page=False)
    assert serious(page) == []
