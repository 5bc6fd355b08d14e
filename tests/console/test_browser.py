"""The console in a real browser: no accessibility fault, usable on a phone."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.sessions.engine import SessionStore
from agents.memory.models import ContactFact
from conversations import services as talk
from conversations.models import ChannelAccount, Conversation, DeliveryAttempt, Message
from core.clock import now
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.models import ApprovalWorkflow, Simulation
from hitl.simulation.runs import run_simulation
from tests.console.scene import Scene, ask, build_scene
from tests.edge.browser import COLOURS, keep_picture, serious, show_without_sandbox
from tests.world import OPERATOR, World

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1360, "height": 900}
DAYS_AGO = [now() - timedelta(days=days) for days in (1, 4, 9, 20)]
Opener = Callable[..., Page]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def scene(chromium: Browser, committed_world: World) -> Scene:
    """Rows on every page."""
    return build_scene(committed_world)


@pytest.fixture
def opened(chromium: Browser, live_server: LiveServer, scene: Scene) -> Iterator[Opener]:
    """Open a page as the person of a role, light or dark, on a desk or a phone."""
    contexts = []

    def open_page(path: str, role: str = "", *, dark: bool = False, phone: bool = False, scripts: bool = True) -> Page:
        context = chromium.new_context(
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        if role:
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session_of(scene.world.people[role])}
            context.add_cookies([{**cookie, "url": live_server.url}])  # type: ignore[list-item, typeddict-item]
        page = context.new_page()
        answer = page.goto(live_server.url + path)
        assert answer
        assert answer.ok, answer.status
        return page

    yield open_page
    for context in contexts:
        context.close()


def session_of(user: User) -> str:
    """Sign a person in without the form; returns the session's key."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "accounts.backends.RoleBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


PAGES = [
    "dashboard",
    "queue",
    "approval",
    "decided",
    "conversations",
    "conversation",
    "audit",
    "people",
    "trial",
    "check",
]
# Lists and forms of the common shape.
LIKE_OTHERS = (
    "admin/hitl/delegation/",
    "admin/hitl/approvergroup/",
    "admin/hitl/approvergroup/create/",
    "admin/hitl/businesscalendar/",
    "admin/hitl/cap/",
    "admin/hitl/cap/create/",
    "admin/hitl/evidenceexport/",
    "admin/hitl/batchdecision/",
    "admin/hitl/decisionpolicy/",
    "admin/hitl/linkpolicy/",
    "admin/agents/agentrun/",
    "admin/agents/collection/",
    "admin/agents/collection/create/",
    "admin/agents/document/",
    "admin/agents/openquestion/",
    "admin/conversations/messagetemplate/",
    "admin/conversations/suggestedreply/",
    "admin/channels_app/colleagueaddress/",
    "admin/channels_app/colleagueaddress/slack-code/",
    "admin/integrations/maildelivery/",
    "admin/integrations/auditdestination/",
    "admin/integrations/auditdestination/create/",
    "admin/integrations/webhooksubscription/",
    "admin/integrations/webhooksubscription/create/",
    "admin/core/webhookdelivery/",
    "admin/accounts/apikey/",
    "admin/accounts/savedview/",
    "admin/core/consent/",
    "admin/core/deadletter/",
    "admin/analytics/briefpreference/",
)
MORE = [
    "admin/settings/",
    "admin/settings/approval-rules/",
    "admin/accounts/tenant/",
    "admin/hitl/killswitch/",
    "admin/hitl/killswitch/stop/",
    "admin/hitl/delegation/away/",
    "admin/hitl/approvalworkflow/",
    "admin/hitl/approvalworkflow/create/",
    "admin/hitl/approvalworkflow/try/",
    "admin/hitl/businesscalendar/create/",
    "admin/hitl/cap/try-new/",
    "admin/hitl/simulation/",
    "admin/hitl/approval/export/",
    "admin/hitl/evidenceexport/new/",
    "admin/hitl/riskpolicy/",
    "admin/hitl/riskpolicy/weigh/",
    "admin/hitl/riskpolicy/try/",
    "admin/hitl/decisionpolicy/change-settings/",
    "admin/hitl/linkpolicy/switch-off/",
    "admin/agents/agent/",
    "admin/agents/agent/create/",
    "admin/agents/trial/",
    "admin/agents/evalcase/keep/",
    "admin/agents/evalrun/",
    "admin/agents/document/try/",
    "admin/agents/site/",
    "admin/conversations/channelaccount/",
    "admin/conversations/channelaccount/new-widget/",
    "admin/conversations/channelaccount/connect/",
    "admin/conversations/channelaccount/connect-mail/",
    "admin/conversations/channelaccount/connect-slack/",
    "admin/channels_app/colleagueaddress/slack-user/",
    "admin/channels_app/colleagueaddress/own-number/",
    "admin/conversations/channelaccount/connect-app/",
    "admin/analytics/brief/settings/",
    "admin/accounts/notice/",
    "admin/accounts/user/",
    "admin/accounts/browsersession/",
    "admin/accounts/browsersession/end-others/",
    "admin/accounts/savedview/save/",
    "admin/core/auditentry/verify/",
    "admin/core/consent/record/",
    "admin/core/consent/rules/",
    "account/mail/",
    "account/2fa/",
    "api/docs/",
    "admin/analytics/brief/preview/",
]
SANDBOXED = ("admin/analytics/brief/preview/",)
FOREIGN = ("api/docs/", *SANDBOXED)
"""Pages laid out by somebody else, and mails, which have no landmarks: only what is serious counts there."""
PAGES += ["brief", "brief settings", "notifications", "notification settings", "message texts", "message text"]
PAGES += ["trial", "check"]


@pytest.mark.parametrize("part", [0, 1], ids=["first half", "second half"])
def test_page_is_accessible_in_both_themes_and_fits_a_phone(opened: Opener, scene: Scene, part: int) -> None:
    page, faults = opened("/admin/", "admin"), []
    home = page.url.removesuffix("/admin/")
    for name in PAGES[part::2]:
        answer = page.goto(home + scene.path(name))
        assert answer
        assert answer.ok, name
        faults += faults_of(page, name)
    assert faults == []


def test_sign_in_is_accessible_in_both_themes_and_fits_a_phone(opened: Opener, scene: Scene) -> None:
    assert faults_of(opened(scene.path("login")), "login") == []


def faults_of(page: Page, name: str, *, least: str = "minor", themes: tuple[str, ...] = ("light", "dark")) -> list[str]:
    """Return the faults of an open page: axe's in the themes, and too wide on a phone."""
    found = []
    for theme in themes:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        keep_picture(page, f"{name}-{theme}")
        rules = COLOURS if theme == "dark" else ()
        found += [f"{name} ({theme}): {fault}" for fault in serious(page, least=least, rules=rules)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    keep_picture(page, f"{name}-phone")
    wide = page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    return [*found, *([f"{name}: too wide"] if wide else [])]


def test_failed_message_and_set_up_of_a_channel_are_accessible(opened: Opener, scene: Scene) -> None:
    with tenant_scope(scene.world.acme.pk):
        lost = Message.objects.get(conversation=scene.ids["conversation"], direction="out")
        Message.objects.filter(pk=lost.pk).update(status="failed", next_attempt_at=None)
        words = {"error": "63016", "error_text": "Outside the allowed window", "http_status": 201, "permanent": True}
        DeliveryAttempt.objects.create(
            message=lost, channel_account=lost.channel_account, number=1, outcome="failed", finished_at=now(), **words
        )
        ChannelAccount.objects.filter(pk=lost.channel_account_id).update(last_error="20003", last_error_at=now())
    page = opened(scene.path("conversation"), "admin")
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    found = faults_of(page, "failed message")
    page = opened(f"/admin/conversations/channelaccount/{lost.channel_account_id}/", "owner")
    expect(page.get_by_role("heading", name="Exchange log")).to_be_visible()
    assert [*found, *faults_of(page, "channel")] == []


def test_reply_is_reviewed_on_the_conversations_page(opened: Opener, scene: Scene) -> None:
    lost = f"/admin/conversations/conversation/{scene.ids['lost']}/"
    with tenant_scope(scene.world.acme.pk):
        draft = talk.suggest_reply(
            actor=OPERATOR,
            conversation_id=scene.ids["lost"],
            text="You can return it within 60 days. Call +34 600 123 456. [1]",
            reason="low_confidence",
            confidence=35,
            sources=[{"n": 1, "title": "Returns", "url": ""}],
        )
    page = opened("/admin/conversations/suggestedreply/", "support")
    faults = faults_of(page, "replies to review")
    page.locator(".wk-row-link").first.click()
    page.wait_for_url(f"**{lost}")
    faults += faults_of(page, "reply to review")
    page.get_by_label("Suggested reply").fill("Within 30 days.")
    page.locator(f"form[action$='{draft.pk}/send/'] button", has_text="Send").click()
    page.locator(".wk-flash", has_text="Reply sent.").wait_for()
    expect(page.locator(".wk-words", has_text="Within 30 days.")).to_be_visible()
    expect(page.get_by_role("heading", name="Reply to review")).to_have_count(0)
    assert faults == []


def test_summary_and_facts_are_read_and_corrected_beside_the_messages(opened: Opener, scene: Scene) -> None:
    with tenant_scope(scene.world.acme.pk):
        chat = Conversation.objects.get(pk=scene.ids["lost"])
        said = Message.objects.filter(conversation=chat, direction="in").earliest("seq")
        old = ContactFact.objects.create(
            contact_id=chat.contact_id, kind="company", value="Acme", masked_value="Acme", superseded_at=now()
        )
        for kind, value in (("company", "Globex"), ("language", "German"), ("preferred_name", "A•••")):
            ContactFact.objects.create(contact_id=chat.contact_id, kind=kind, masked_value=value, message=said)
        ContactFact.objects.filter(pk=old.pk).update(superseded_by=ContactFact.objects.get(masked_value="Globex"))
    page = opened(f"/admin/conversations/conversation/{chat.pk}/", "support")
    expect(page.get_by_role("heading", name="Summary")).to_be_visible()
    faults = faults_of(page, "summary and facts")
    page.get_by_role("link", name="German").click()
    page.get_by_label("What is true instead").select_option("fr")
    faults += faults_of(page, "fact")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("A colleague: ")).to_be_visible()
    page.goto(f"{page.url.partition('/admin/')[0]}/admin/conversations/contact/{chat.contact_id}/")
    expect(page.get_by_text("French")).to_be_visible()
    assert [*faults, *faults_of(page, "facts of a contact")] == []


def test_simulation_is_started_and_read_without_scripts_and_is_accessible(opened: Opener, scene: Scene) -> None:
    with tenant_scope(scene.world.acme.pk):
        for number, budget in enumerate(("20.00", "60.00", "1200.00", "2600.00")):
            asked = ask(scene.world, params={"campaign": f"Autumn {number}", "budget": budget}, now=DAYS_AGO[number])
            at = DAYS_AGO[number] + timedelta(hours=1 + number)
            services.decide(
                actor=scene.world.actor("approver"),
                approval_id=asked.pk,
                digest=asked.digest,
                verdict="approve",
                now=at,
            )
        flow = ApprovalWorkflow.objects.get()
    page = opened(f"/admin/hitl/approvalworkflow/{flow.pk}/approvers/", "owner", scripts=False)
    page.locator("[name=levels-0-mode]").select_option("all")
    page.locator("[name=levels-0-min_auth]").select_option("mfa")
    page.get_by_role("button", name="Try on last month").click()
    page.get_by_role("heading", name="Waiting for a worker").wait_for()
    path = page.url.removeprefix(page.url.split("/admin/")[0])
    result = opened(path, "owner")
    # The page refreshes itself while it waits: it stays as it is while it is looked at.
    result.route(result.url, lambda route: route.fulfill(status=204))
    assert faults_of(result, "simulation-waiting") == []
    with tenant_scope(scene.world.acme.pk):
        made = Simulation.objects.get()
        made.refresh_from_db()
        run_simulation(simulation_id=made.pk)
    result = opened(path, "owner")
    result.get_by_role("heading", name="requests would have been different").wait_for()
    assert faults_of(result, "simulation") == []


@pytest.mark.parametrize(
    ("pages", "theme"),
    [(MORE, "light"), (MORE, "dark"), (LIKE_OTHERS, "light")],
    ids=["light", "dark", "like others"],
)
def test_every_other_page_is_accessible_and_fits_a_phone(opened: Opener, pages: Sequence[str], theme: str) -> None:
    page, faults = opened("/admin/", "owner"), []
    home = page.url.split("/admin/")[0]
    for path in pages:
        show = show_without_sandbox if path in SANDBOXED else type(page).goto
        answer = show(page, f"{home}/{path}")
        least = "serious" if path in FOREIGN else "minor"
        faults += faults_of(page, path.strip("/").replace("/", "-"), least=least, themes=(theme,))
        assert answer
        assert answer.ok, path
    assert faults == []


def test_conversation_is_closed_by_clicking_whether_it_is_resolved(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("conversation"), "support")
    page.get_by_text("Close", exact=True).first.click()
    page.get_by_label("Yes, the question was answered").check()
    page.locator("form[action$='/close/'] button[type=submit]").click()
    page.get_by_text("Closed, resolved").first.wait_for()


def test_keys_walk_through_the_queue(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("queue"), "approver")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator(".wk-row-link").nth(1)
    assert second.evaluate("link => link === document.activeElement")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.locator("#live-main").wait_for()


def _press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).focus()
    page.keyboard.press("Enter")


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def test_rows_come_and_go_by_the_keyboard_and_are_saved(opened: Opener) -> None:
    page = opened("/admin/hitl/approvalworkflow/create/", "owner")
    page.get_by_label("Name", exact=True).fill("Budgets")
    for part in ("levels", "clock", "alone"):
        page.locator(f"#part-{part} > summary").click()
    for button, row, said in [
        ("Add level", "row-levels-1", "Level 2 added."),
        ("Add level", "row-levels-2", "Level 3 added."),
        ("Remove level 2", "row-levels-2", "Level 2 removed; 2 left."),
        ("Add step", "row-escalation-0", "Step 1 added."),
        ("Add rejection rule", "row-auto_rules-0", "Rule 1 rejects automatically added."),
    ]:
        _press(page, button)
        assert (_focused(page), page.locator("[data-status]").text_content()) == (row, said)
    assert page.locator("#title-levels-2").text_content() == "Level 2"
    page.locator("#row-levels-2").get_by_label("Owners").check()
    page.locator("#row-escalation-0").get_by_label("Admins").check()
    page.locator("#row-auto_rules-0").get_by_label("Minimum risk").fill("95")
    page.locator(
        "[data-says]",
        has_text="after 8 hours also Admins; different people at each level. Automatically rejected from risk 95.",
    ).wait_for()
    keep_picture(page, "workflow-rows")
    assert serious(page, least="minor") == []
    page.keyboard.press("Enter")
    page.get_by_text("Budgets is now in use.").wait_for()


def test_rows_come_by_a_reload_without_scripts(opened: Opener, scene: Scene) -> None:
    page = opened("/admin/hitl/approvalworkflow/create/", "owner", phone=True, scripts=False)
    page.get_by_label("Name", exact=True).fill("Rows")
    page.locator("#part-levels > summary").click()
    page.get_by_role("button", name="Add level").click()
    page.locator("#row-levels-1").wait_for()
    assert _focused(page) == "row-levels-1"
    assert page.get_by_label("Name", exact=True).input_value() == "Rows"
    with tenant_scope(scene.world.acme.pk):
        assert not ApprovalWorkflow.objects.filter(name="Rows").exists()


def test_areas_and_the_own_menu_work_by_keyboard(opened: Opener) -> None:
    page = opened("/admin/", "owner")
    menu = page.locator("#wk-nav")
    assert menu.evaluate("nav => nav.scrollHeight <= nav.clientHeight")
    menu.get_by_role("link", name="Settings", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Settings", exact=True).wait_for()
    expect(menu.get_by_role("link", name="Approval rules")).to_be_visible()
    expect(menu.get_by_role("link", name="Inbox")).to_have_count(0)
    own = page.get_by_role("button", name="Owner Acme")
    own.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Profile"
    keep_picture(page, "own-menu", full_page=False)
    assert serious(page, least="minor") == []
    page.keyboard.press("Escape")
    expect(page.locator("#account-menu")).to_be_hidden()
    assert page.evaluate("document.activeElement.className") == "wk-account"


def test_settings_narrow_while_typing(opened: Opener) -> None:
    page = opened("/admin/settings/", "owner")
    page.get_by_label("Search all settings").fill("spend month")
    expect(page.locator(".wk-settings li:visible")).to_have_text(re.compile("Spending limits"))
    expect(page.locator("#settings-says")).to_have_text("1 setting found.")
    page.get_by_label("Search all settings").fill("no such thing")
    expect(page.get_by_text("No settings found")).to_be_visible()
    page.get_by_label("Search all settings").fill("")
    assert page.locator(".wk-settings section:visible").count() == 7
    assert faults_of(page, "settings") == []


def test_navigation_works_on_a_phone_without_scripts(opened: Opener) -> None:
    page = opened("/admin/", "owner", phone=True, scripts=False)
    page.get_by_role("button", name="Menu", exact=True).click()
    page.locator("#wk-nav").get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Search all settings").fill("webhook")
    page.get_by_role("button", name="Search").click()
    assert page.locator(".wk-settings li").count() == 1
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("button", name="Owner Acme").click()
    page.get_by_role("link", name="My brief").click()
    page.get_by_role("heading", name="My brief").wait_for()
