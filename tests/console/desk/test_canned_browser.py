"""Canned replies in a real browser: searched with `/`, inserted in the customer's language, their files sent along."""

import pytest
from playwright.sync_api import Route, expect

from conversations.messages.files.rules import Upload
from conversations.models import Attachment, Conversation
from conversations.replies import canned_replies
from conversations.replies.canned_replies import CannedText
from core.tenancy.scope import tenant_scope
from tests import files
from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene
from tests.edge.browser import keep_picture

__all__ = ["opened", "scene"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def replies(scene: Scene) -> None:
    """Two canned replies; one has a text in German and two files. The customer writes German."""
    with tenant_scope(scene.world.acme.pk):
        owner = scene.world.actor("owner")
        label = CannedText("label", "Return label", "Here is your label.", translations={"de": "Hier ist Ihr Etikett."})
        given = [Upload("label.pdf", files.PDF), Upload("map.png", files.png())]
        canned_replies.create_canned_reply(actor=owner, wanted=label, files=given)
        canned_replies.create_canned_reply(actor=owner, wanted=CannedText("later", "Later", "We'll be back."))
        Conversation.objects.update(language="de")


@pytest.mark.usefixtures("replies")
def test_slash_searches_inserts_the_language_and_sends_the_files_left_ticked(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("conversation"), "owner")
    page.keyboard.press("/")
    box = page.locator("#live-reply textarea[name=text]")
    expect(box).to_be_focused()
    offered = page.locator("#live-reply .wk-mentions button")
    expect(offered).to_have_count(2)
    box.press_sequentially("lab")
    expect(offered).to_have_count(1)
    box.fill("/nothing")
    expect(offered).to_have_count(0)
    box.fill("/ret")  # words of the title
    expect(offered).to_have_count(1)
    keep_picture(page, "canned-search")
    box.press("Enter")
    expect(box).to_have_value("Hier ist Ihr Etikett.")
    ticks = page.locator("#live-reply input[name=canned_files]")
    expect(ticks).to_have_count(2)
    assert faults_of(page, "composer with a canned reply") == []
    page.get_by_label("map.png").uncheck()
    keep_picture(page, "canned-files")
    page.locator("#live-reply").get_by_role("button", name="Send").click()
    expect(page.locator(".wk-file")).to_have_count(1)
    with tenant_scope(scene.world.acme.pk):
        assert [file.filename for file in Attachment.objects.all()] == ["label.pdf"]


@pytest.mark.usefixtures("replies")
def test_without_scripts_the_link_inserts_text_and_files(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("conversation"), "owner", scripts=False, phone=True)
    page.locator("#live-reply summary", has_text="Canned replies").click()
    page.get_by_role("link", name="Return label").click()
    expect(page.locator("#live-reply textarea[name=text]")).to_have_value("Hier ist Ihr Etikett.")
    expect(page.locator("#live-reply input[name=canned_files]:checked")).to_have_count(2)
    keep_picture(page, "canned-files-phone")
    page.locator("#live-reply").get_by_role("button", name="Send").click()
    expect(page.locator(".wk-file")).to_have_count(2)


@pytest.mark.usefixtures("replies")
def test_opened_in_the_inbox_the_replies_and_details_come_a_moment_later(opened: Opener, scene: Scene) -> None:
    page = opened("/admin/inbox/?view=open", "owner")
    wide = {"width": 1600, "height": 900}
    page.set_viewport_size(wide)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.headers.get("x-walker-fragment") == "rest":
            held.append(route)
        else:
            route.continue_()

    page.route("**/admin/inbox/**", hold)
    page.locator("#live-inbox .wk-row-link").first.click()
    expect(page.locator(".wk-chat")).to_be_visible()
    details = page.get_by_role("link", name="Show the details")
    expect(details).to_be_visible()  # it takes long
    page.keyboard.press("/")
    offered = page.locator("#live-reply .wk-mentions button")
    expect(page.locator("#live-reply textarea[name=text]")).to_have_value("/")
    expect(offered).to_have_count(0)
    held.pop().continue_()
    expect(offered).to_have_count(2)
    expect(page.get_by_role("heading", name="Status")).to_be_visible()
    expect(details).to_have_count(0)
    assert faults_of(page, "conversation opened in the inbox") == []

    # Without an answer the links lead to the conversation's page.
    page.set_viewport_size(wide)
    page.goto(page.url.partition("?")[0] + "?view=open")
    page.locator("#live-inbox .wk-row-link").first.click()
    expect(details).to_be_visible()
    held.pop().abort()
    details.click()
    expect(page.get_by_role("heading", name="Status")).to_be_visible()
