"""The survey in the chat, in a real browser: a card once it is closed, answered by one press, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from conversations import services
from conversations.inbox.teams import teams
from conversations.inbox.teams.teams import TeamSettings
from conversations.models import Survey
from conversations.surveys import surveys
from core.actors import system
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.channels_app.web_chat.test_browser import DESK, PHONE, Scene, opened, scene, web, write  # noqa: F401
from tests.edge.browser import keep_picture, serious
from tests.edge.web_server import Web

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def ask_how_it_was(scene: Scene) -> None:  # noqa: F811
    """Close the conversation, and ask."""

    def work() -> None:
        admin = scene.world.actor("admin")
        settings = TeamSettings(name="Care", is_default=True, survey="always", survey_question="How was it at Acme?")
        teams.create_team(actor=admin, settings=settings)
        services.close(actor=admin, conversation_id=scene.conversation().pk, resolved=True)
        surveys.ask_survey(actor=system("desk"), survey_id=Survey.objects.get().pk)

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


def kept(scene: Scene, page: Page, **wanted: object) -> None:  # noqa: F811
    """Wait until the answer is stored like this."""
    for _ in range(50):
        with tenant_scope(scene.world.acme.pk):
            survey = Survey.objects.get()
        found = {name: getattr(survey, name) for name in wanted}
        if found == wanted:
            return
        page.wait_for_timeout(200)
    raise AssertionError(found)


def test_answer_is_shown_after_a_reload_may_be_changed_for_a_day_and_is_then_final(
    opened: Callable[..., Page],  # noqa: F811
    scene: Scene,  # noqa: F811
) -> None:
    page = opened()
    write(page, "Thank you, that was all.")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    ask_how_it_was(scene)
    stars = page.get_by_role("group", name="Your rating").get_by_role("button")
    stars.nth(1).click(timeout=15000)
    page.get_by_label("Anything you want to tell us? (optional)").fill("Quick, thank you.")
    page.get_by_role("button", name="Send comment").click()
    kept(scene, page, rating=2, comment="Quick, thank you.")
    page.reload()
    expect(page.get_by_text("Quick, thank you.")).to_be_visible(timeout=15000)
    expect(stars.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Anything you want to tell us? (optional)")).to_have_count(0)
    assert serious(page) == []
    stars.nth(3).click()
    page.get_by_role("button", name="Change comment").click()
    box = page.get_by_label("Your comment", exact=True)
    expect(box).to_have_value("Quick, thank you.")
    box.fill("Quick and friendly.")
    page.get_by_role("button", name="Save comment").click()
    kept(scene, page, rating=4, comment="Quick and friendly.")
    keep_picture(page, "survey-changed", full_page=False)

    def a_day_later() -> None:
        Survey.objects.update(answered_at=now() - timedelta(hours=24))

    scene.elsewhere(a_day_later)
    stars.nth(0).click()  # the page doesn't know yet
    expect(page.get_by_text("Your answer can't be changed any more")).to_be_visible()
    expect(stars.nth(3)).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.get_by_text("Good. Thank you. Your answer can’t be changed any more.")).to_be_visible(timeout=15000)
    expect(page.get_by_text("Quick and friendly.")).to_be_visible()
    expect(stars.nth(3)).to_be_disabled()
    expect(page.get_by_role("button", name="Change comment")).to_have_count(0)
    keep_picture(page, "survey-final", full_page=False)
    assert serious(page) == []
    kept(scene, page, rating=4, comment="Quick and friendly.")


class LateAnswers:
    """A line to the chat on which the server's answers to ratings arrive when the test lets them."""

    def __init__(self, page: Page) -> None:
        self.held: list[str | bytes] = []
        self.socket: WebSocketRoute | None = None
        page.route_web_socket("**/ws/chat/", self.join)

    def join(self, socket: WebSocketRoute) -> None:
        self.socket, server = socket, socket.connect_to_server()
        server.on_message(lambda said: self.held.append(said) if "survey_rated" in str(said) else socket.send(said))

    def let_one_through(self, page: Page) -> None:
        for _ in range(50):
            if self.held:
                break
            page.wait_for_timeout(100)
        assert self.socket is not None
        self.socket.send(self.held.pop(0))
        page.wait_for_timeout(100)


def test_late_answer_changes_neither_what_was_pressed_after_it_nor_what_is_being_typed(
    opened: Callable[..., Page],  # noqa: F811
    scene: Scene,  # noqa: F811
) -> None:
    page = opened()
    line = LateAnswers(page)
    page.reload()
    write(page, "Thank you, that was all.")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    ask_how_it_was(scene)
    stars = page.get_by_role("group", name="Your rating").get_by_role("button")
    stars.nth(1).click(timeout=15000)
    stars.nth(3).click()
    comment = page.get_by_label("Anything you want to tell us? (optional)")
    comment.click()
    page.keyboard.type("Quick and")
    line.let_one_through(page)  # it says 2
    expect(stars.nth(3)).to_have_attribute("aria-pressed", "true")
    page.keyboard.type(" friendly.")
    expect(comment).to_have_value("Quick and friendly.")
    page.get_by_role("button", name="Send comment").click()
    line.let_one_through(page)  # it says 4, without a comment
    expect(page.get_by_text("Quick and friendly.")).to_be_visible()
    line.let_one_through(page)
    page.get_by_role("button", name="Change comment").click()
    page.get_by_label("Your comment", exact=True).fill("Friendly.")
    stars.nth(4).click()
    page.get_by_label("Your comment", exact=True).press("End")
    line.let_one_through(page)  # the same card with another mark: what is typed stays, and so does the focus
    page.keyboard.type(" Thank you.")
    page.get_by_role("button", name="Save comment").click()
    kept(scene, page, rating=5, comment="Friendly. Thank you.")


def test_answer_given_without_a_connection_is_sent_once_there_is_one(
    opened: Callable[..., Page],  # noqa: F811
    scene: Scene,  # noqa: F811
    web: Web,  # noqa: F811
) -> None:
    page = opened()
    write(page, "Thank you, that was all.")
    expect(page.get_by_text("Sent ·")).to_be_visible()
    ask_how_it_was(scene)
    stars = page.get_by_role("group", name="Your rating").get_by_role("button")
    expect(stars).to_have_count(5, timeout=15000)
    with web.away():
        expect(page.get_by_text("No connection.")).to_be_visible(timeout=8000)
        stars.nth(4).click()
        page.get_by_label("Anything you want to tell us? (optional)").fill("Fine.")
        page.get_by_role("button", name="Send comment").click()
    expect(page.get_by_text("Closed. Write to reopen it")).to_be_visible(timeout=40000)
    kept(scene, page, rating=5, comment="Fine.")
