"""The console stays fresh by itself: a real browser, a real socket, no reload."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, Page, expect

from accounts.notices import mark_all_seen
from conversations.models import ChannelAccount
from core import notices
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.change import holds
from hitl.models import Approval
from tests.console.scene import Scene, ask, build_scene, write_in
from tests.console.test_browser import session_of
from tests.edge.browser import keep_picture, serious
from tests.edge.web_server import Web
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def scene(chromium: Browser, committed_world: World) -> Scene:
    """Rows on every page."""
    return build_scene(committed_world)


@pytest.fixture(scope="module")
def web(django_db_setup: None, redis_client: object) -> Iterator[Web]:
    """A server of ours, for all tests of the file: each makes its own rows in the same database."""
    found = Web()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def page(chromium: Browser, scene: Scene, web: Web) -> Iterator[Page]:
    """A page of the approver."""
    context = chromium.new_context(base_url=web.url)
    name = f"{settings.SESSION_COOKIE_NAME.rstrip('0123456789')}{web.port}"
    cookie = {"name": name, "value": session_of(scene.world.people["approver"]), "url": web.url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    yield context.new_page()
    context.close()


def meanwhile(world: World, work: Callable[[], object]) -> None:
    """Let somebody of the first tenant do something, outside this thread with Playwright's loop."""

    def run() -> None:
        try:
            with tenant_scope(world.acme.pk):
                work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


def test_new_request_appears_in_the_queue_without_reload(page: Page, scene: Scene) -> None:
    page.goto(scene.path("queue"))
    page.evaluate("window.stayed = true")
    expect(page.locator("#live-state")).to_have_text("Live")
    chip = page.locator("[data-chip=needs-me] .wk-count")
    waiting = int(chip.inner_text())
    meanwhile(scene.world, lambda: ask(scene.world, params={"campaign": "Flash Sale"}))
    expect(page.get_by_text("Flash Sale")).to_be_visible(timeout=8000)
    expect(chip).to_have_text(str(waiting + 1))
    assert page.evaluate("window.stayed")


def reject(scene: Scene) -> None:
    """Let the admin reject the scene's approval."""
    row = Approval.objects.get(pk=scene.ids["approval"])
    admin = scene.world.actor("admin")
    services.decide(actor=admin, approval_id=row.pk, verdict="reject", digest=row.digest, reason="No.")


def test_page_shows_a_colleagues_decision_without_reload(page: Page, scene: Scene) -> None:
    page.goto(scene.path("approval"))
    expect(page.locator("#live-state")).to_have_text("Live")
    meanwhile(scene.world, lambda: reject(scene))
    expect(page.locator("#banner")).to_contain_text("Rejected by Admin Acme", timeout=8000)
    expect(page.locator("#h-decide")).to_have_count(0)


def test_message_appears_in_the_conversation_without_reload(page: Page, scene: Scene) -> None:
    page.goto(scene.path("conversation"))
    expect(page.locator("#live-state")).to_have_text("Live")
    meanwhile(scene.world, lambda: write_in(ChannelAccount.objects.get(), "Are you still there?"))
    expect(page.get_by_text("Are you still there?", exact=True)).to_be_visible(timeout=8000)


def test_half_written_reason_survives_a_refresh(page: Page, scene: Scene) -> None:
    page.goto(scene.path("approval"))
    expect(page.locator("#live-state")).to_have_text("Live")
    page.locator("#vote-reject").click()
    page.fill("#id_reject_reason", "Too expensive, bec")
    hold = {"actor": scene.world.actor("compliance"), "approval_id": scene.ids["approval"]}
    meanwhile(scene.world, lambda: holds.hold(**hold, reason="Wait."))  # type: ignore[arg-type]
    expect(page.locator("#live-head")).to_contain_text("On hold", timeout=8000)
    assert page.input_value("#id_reject_reason") == "Too expensive, bec"


def test_rows_do_not_move_under_the_pointer_or_the_focus_until_they_are_asked_for(page: Page, scene: Scene) -> None:
    page.goto(scene.path("queue"))
    expect(page.locator("#live-state")).to_have_text("Live")
    order = page.locator(".wk-row-link").all_inner_texts()
    page.locator(".wk-row-link").nth(1).hover()
    meanwhile(scene.world, lambda: ask(scene.world, params={"campaign": "Flash Sale"}))
    pill = page.get_by_role("button", name="1 new – show")
    expect(pill).to_be_visible(timeout=8000)
    assert page.locator(".wk-row-link").all_inner_texts() == order
    assert serious(page) == []
    pill.click()
    expect(page.get_by_text("Flash Sale")).to_be_visible()
    expect(pill).to_be_hidden()
    page.mouse.move(5, 5)
    page.keyboard.press("j")
    meanwhile(scene.world, lambda: ask(scene.world, params={"campaign": "Last Minute"}))
    expect(pill).to_be_visible(timeout=8000)
    assert page.get_by_text("Last Minute").count() == 0
    page.locator("h1").click()  # nobody works in the list any more
    expect(page.get_by_text("Last Minute")).to_be_visible()
    assert page.evaluate("scrollY") == 0


def test_key_takes_to_the_form_and_sends_nothing(page: Page, scene: Scene) -> None:
    page.goto(scene.path("approval"))
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.id") == "id_approve_reason"
    with tenant_scope(scene.world.acme.pk):
        assert Approval.objects.get(pk=scene.ids["approval"]).state == "pending"


def test_approving_in_the_browser_tells_the_result(page: Page, scene: Scene) -> None:
    page.goto(scene.path("approval"))
    page.locator("#vote-approve").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".wk-undos")).to_contain_text("BR-1001: Approved")


def test_notice_rings_the_bell_and_is_shown_without_reload(page: Page, scene: Scene) -> None:
    person = scene.world.people["approver"].pk
    given = {"people": [person], "kind": "approval", "link": "/admin/hitl/killswitch/"}
    page.goto(scene.path("queue"))
    page.evaluate("window.stayed = true")
    expect(page.locator("#live-state")).to_have_text("Live")
    expect(page.locator("#toasts")).to_be_empty()
    meanwhile(scene.world, lambda: notices.leave(title="BR-1042 <b>needs</b> you", **given))  # type: ignore[arg-type]
    toast = page.locator("#toasts[role=status] .wk-toast")
    expect(toast).to_contain_text("BR-1042 <b>needs</b> you", timeout=8000)
    expect(page.locator("#bell")).to_contain_text("new")
    keep_picture(page, "toast", full_page=False)
    assert serious(page, least="minor") == []
    assert page.evaluate("window.stayed")
    toast.get_by_role("button", name="Open").click()
    page.wait_for_url("**/admin/hitl/killswitch/")
    expect(page.locator("#toasts")).to_be_empty()


def test_notice_seen_on_one_page_is_gone_from_the_bell_of_another(page: Page, scene: Scene) -> None:
    page.goto("/admin/accounts/notice/")
    expect(page.locator("#live-state")).to_have_text("Live")
    expect(page.locator(".wk-is-new").first).to_be_visible()
    meanwhile(scene.world, lambda: mark_all_seen(actor=scene.world.actor("approver")))
    expect(page.locator(".wk-bell-count")).to_have_count(0, timeout=8000)
    expect(page.locator(".wk-is-new")).to_have_count(0)


def test_two_people_in_one_conversation_see_one_another(chromium: Browser, scene: Scene, web: Web, page: Page) -> None:
    cookie, pages = page.context.cookies()[0]["name"], []
    for role in ("admin", "support"):
        context = chromium.new_context(base_url=web.url)
        value = session_of(scene.world.people[role])
        context.add_cookies([{"name": cookie, "value": value, "url": web.url}])
        pages.append(context.new_page())
    first, second = pages
    first.goto(scene.path("conversation"))
    expect(first.locator(".wk-together")).to_be_hidden()
    second.goto(scene.path("conversation"))
    expect(first.get_by_text("Support Acme is viewing this too.")).to_be_visible()
    second.get_by_label("Your reply").press_sequentially("I am on it")
    expect(first.get_by_text("Support Acme is replying.")).to_be_visible()
    expect(second.get_by_text("Admin Acme is viewing this too.")).to_be_visible()
    keep_picture(first, "two-in-one-conversation")
    assert serious(first) == []
    second.context.close()
    expect(first.locator(".wk-together")).to_be_hidden()
    first.context.close()
