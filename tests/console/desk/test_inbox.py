"""The inbox: views, teams, the list and the open conversation, masked and with a constant number of queries."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from playwright.sync_api import expect

from conversations import services
from conversations.inbox import states, tags
from conversations.inbox.admin.place import tagged_with
from conversations.inbox.teams import teams
from conversations.models import ChannelAccount, Conversation
from core.actors import system
from core.models import AuditEntry
from tests.api.office import Office
from tests.console.conftest import Browser
from tests.console.desk.test_conversations import leaks
from tests.console.scene import EMAIL, PHONE, Scene, write_in
from tests.console.test_by_keyboard import Opener, faults, opened, scene, web  # noqa: F401
from tests.edge.browser import keep_picture
from tests.world import World

pytestmark = pytest.mark.slow

INBOX = "/admin/inbox/"
AGENT = system("relay")


@pytest.fixture
def line(acme: World) -> ChannelAccount:
    """A phone line of the first tenant."""
    made: ChannelAccount = ChannelAccount.objects.create(
        kind="whatsapp", provider="twilio", name="Line", address="+34900"
    )
    return made


def handed_off(account: ChannelAccount, number: int) -> Conversation:
    """Let somebody write their address, and hand them over."""
    pk = write_in(account, f"I am {EMAIL}, call {PHONE}", value=f"+34600{number:06d}")
    return services.hand_off(actor=AGENT, conversation_id=pk, reason="asked_for_person")


@pytest.mark.django_db
def test_dashboard_tells_people_who_may_answer_how_many_wait(
    browser: Browser, line: ChannelAccount, acme: World
) -> None:
    def dashboard(role: str) -> str:
        return browser(role).get("/admin/").content.decode()

    assert "Nothing for you" in dashboard("support")
    for number in range(2):
        handed_off(line, number)
    page = dashboard("owner")
    link = 'href="/admin/inbox/?view=waiting"><bdi>2 conversations need a person</bdi></a>'
    assert (link in page, "There is no team yet" in page, "Nothing for you" in page) == (True, True, False)
    assert "2 conversations need a person" not in dashboard("viewer")
    teams.create_team(actor=acme.actor("admin"), settings=teams.TeamSettings(name="First line"))
    assert "Nobody has taken them." in dashboard("admin")


@pytest.mark.django_db
def test_inbox_shows_lists_and_a_conversation_masked_in_the_same_queries(
    browser: Browser, line: ChannelAccount, acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.extensions.BADGE_SECONDS", 600)  # a busy machine takes more than five
    client = browser("support")
    assert b"Choose one from the list" in client.get(INBOX).content
    first = handed_off(line, 0)
    team = teams.create_team(actor=acme.actor("admin"), settings=teams.TeamSettings(name="First line"))
    counts = []
    for number in (1, 6, 60):
        for each in range(number):
            handed_off(line, 1000 * number + each)
        client.get(f"{INBOX}?view=open")  # what is kept for a while is kept now
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"{INBOX}?view=open")
        counts.append(len(queries))
        assert leaks(answer.content.decode()) == []
    assert counts[0] == counts[1] == counts[2] <= 40, counts
    shown = client.get(f"{INBOX}?view=open").content.decode()
    assert shown.count("wk-row-link") == 50
    url = re.findall(r'href="([^"]*)">Show older', shown)[0].replace("&amp;", "&")
    assert client.get(url).content.decode().count("wk-row-link") == 18
    services.move_to_team(actor=acme.actor("admin"), conversation_id=first.pk, team_id=team.pk)
    for view, found in (("mine", 0), ("waiting", 1), ("late", 0), ("open", 1), ("snoozed", 0), ("closed", 0)):
        text = client.get(f"{INBOX}?view={view}&team={team.pk}").content.decode()
        assert text.count("wk-row-link") == found, view
    opened_page = client.get(f"{INBOX}?view=waiting&conversation={first.pk}").content.decode()
    assert leaks(opened_page) == []
    assert f"/{first.pk}/reply/?view=waiting&amp;from=inbox" in opened_page
    assert AuditEntry.objects.filter(action="CONVERSATION_VIEWED", object_id=first.pk).count() == 1


@pytest.mark.django_db
def test_inbox_and_api_are_narrowed_to_a_tag_in_the_same_queries(
    browser: Browser,
    line: ChannelAccount,
    acme: World,
) -> None:
    client, admin = browser("support"), acme.actor("admin")
    tag, other = (tags.create_tag(actor=admin, name=name) for name in ("Refunds", "Other"))
    talks = [handed_off(line, number) for number in range(5)]
    counts = []
    for tagged in (talks[:1], talks[1:4]):
        for talk in tagged:
            tags.change_tags(actor=admin, conversation_id=talk.pk, add=[tag.pk])
        client.get(f"{INBOX}?view=open&tag={tag.pk}")
        with CaptureQueriesContext(connection) as queries:
            shown = client.get(f"{INBOX}?view=open&tag={tag.pk}").content.decode()
        counts.append((len(queries), shown.count("wk-row-link")))
    assert counts[0][0] == counts[1][0], counts
    assert [found for _, found in counts] == [1, 4]
    assert f"view=waiting&amp;tag={tag.pk}" in shown  # a view keeps the tag
    assert f'<option value="{tag.pk}" selected>Refunds' in shown
    shown = client.get(f"{INBOX}?view=open&tag={tag.pk}&assignee=nobody").content.decode()
    kept = {view: f"view={view}&amp;tag={tag.pk}&amp;assignee" in shown for view in ("mine", "waiting", "late")}
    assert kept == {"mine": False, "waiting": False, "late": True}  # where no chip could take it away
    opened_page = client.get(f"{INBOX}?view=open&tag={tag.pk}&conversation={talks[0].pk}").content.decode()
    assert f"/{talks[0].pk}/reply/?view=open&amp;tag={tag.pk}&amp;from=inbox" in opened_page
    sent = client.post(f"/admin/conversations/conversation/{talks[0].pk}/take-over/?view=open&tag={tag.pk}&from=inbox")
    assert f"tag={tag.pk}" in sent["Location"]
    empty = client.get(f"{INBOX}?view=open&tag={other.pk}").content.decode()
    assert ("tagged “Other”" in empty, empty.count("wk-row-link")) == (True, 0)
    for unknown in ("nonsense", str(uuid4())):
        assert client.get(f"{INBOX}?view=open&tag={unknown}").content.decode().count("wk-row-link") == 5
    caller = Office(acme).caller("support")
    found = caller.get(f"conversations/?tag={tag.pk}").json()["results"]
    assert {row["id"] for row in found} == {str(talk.pk) for talk in talks[:4]}
    assert caller.get("conversations/?tag=nonsense").status_code == 400
    with connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
    plan = Conversation.objects.filter(pk__in=tagged_with(str(tag.pk))).order_by("-last_message_at", "-id").explain()
    assert "Seq Scan on conversations_conversationtag" not in plan


@pytest.mark.django_db
def test_conversation_opens_in_place_in_few_queries_and_an_answer_leads_to_the_next(
    browser: Browser, line: ChannelAccount, acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.extensions.BADGE_SECONDS", 600)
    client, support = browser("support"), acme.actor("support")
    first, second, third = [handed_off(line, number) for number in (3, 2, 1)][::-1]
    for talk in (third, second, first):
        states.take_over(actor=support, conversation_id=talk.pk)
    for number in range(30):
        write_in(line, f"Message {number}", value="+34600000001")
    place = f"{INBOX}?view=mine&conversation={first.pk}"
    client.get(place)
    in_place = {"X-Walker-Fragment": "open"}
    with CaptureQueriesContext(connection) as queries:
        part = client.get(place, headers=in_place).content.decode()
    asked = [query["sql"].split("set local role none; ")[-1] for query in queries]
    asked = [sql for sql in asked if "SAVEPOINT" not in sql]
    assert len(asked) <= 40, "\n".join(asked)
    assert ("<html" in part, "Message 29" in part, "wk-side" in part) == (False, True, False)
    assert AuditEntry.objects.filter(action="CONVERSATION_VIEWED", object_id=first.pk).count() == 2
    form = re.findall(r'action="([^"]*/reply/[^"]*)"', part)[0].replace("&amp;", "&")
    assert f"next={second.pk}" in form
    by_row = {"X-Walker-Fragment": "row"}
    row = client.get(f"{place}&next={second.pk}", headers=by_row).content.decode()
    asked = [f'id="{name}"' in row for name in ("talk-place", "live-inbox", "live-views", "inbox-tools", "wk-nav")]
    assert asked == [True, False, False, False, False]
    # What stands beside the messages and in menus comes right after them, and isn't another view.
    rest = client.get(place, headers={"X-Walker-Fragment": "rest"}).content.decode()
    whole, *parts = [set(re.findall(r'(?:action|href)="([^"]*)"', text)) for text in (part, row, rest)]
    alone = reverse("admin:conversations_conversation_change", args=[first.pk])
    whole, *parts = [{lead for lead in found if f"{first.pk}/" in lead} for found in (whole, *parts)]
    assert all(found - {alone} for found in parts)
    assert whole == (parts[0] | parts[1]) - {alone}
    assert ("wk-chat" in rest, 'data-part="side"' in rest, alone in parts[0]) == (False, True, True)
    # Most forms are read when they are opened, each alone.
    (assign,) = re.findall(r'data-form><a href="([^"]*/assign/[^"]*)"', row)
    form_alone = client.get(assign.replace("&amp;", "&"), headers={"X-Walker-Fragment": "form"}).content.decode()
    assert (f'action="{assign}"' in form_alone, "<select" in form_alone, "<html" in form_alone) == (True, True, False)
    assert client.get(assign.replace(str(first.pk), str(uuid4())), headers=by_row).status_code == 404
    assert AuditEntry.objects.filter(action="CONVERSATION_VIEWED", object_id=first.pk).count() == 3
    assert client.get(f"{INBOX}?conversation={uuid4()}", headers=by_row).status_code == 404
    assert client.get(f"{INBOX}?conversation={uuid4()}", headers={"X-Walker-Fragment": "rest"}).status_code == 404
    sent = client.post(form, {"text": "Here it is.", "after": "99"}, headers=in_place)
    assert f"conversation={second.pk}&arrived=1" in sent["Location"]
    close = (
        form.replace("/reply/", "/close/").replace(str(second.pk), str(uuid4())).replace(str(first.pk), str(second.pk))
    )
    closed = client.post(close, {"resolved": "yes"}, headers=in_place)
    assert f"conversation={third.pk}" in closed["Location"]
    client.post("/admin/moving-on/", {"after": "answer", "on": "no"})
    snooze = close.replace("/close/", "/snooze/").replace(str(second.pk), str(third.pk))
    assert f"conversation={third.pk}" in client.post(snooze, {"choice": "1h"}, headers=in_place)["Location"]
    part = client.get(f"{INBOX}?view=mine", headers=in_place).content.decode()
    undo = [url.replace("&amp;", "&") for url in re.findall(r'action="([^"]*/(?:wake|reopen)/[^"]*)"', part)]
    assert len(undo) == 2
    # Whatever place of the inbox it's asked from, what was undone is offered no more.
    for number, url in enumerate((undo[0].partition("?")[0] + "?view=closed", undo[1]), 1):
        assert client.post(url, headers=in_place).status_code == 302, url
        part = client.get(f"{INBOX}?view=mine", headers=in_place).content.decode()
        assert len(re.findall(r'action="[^"]*/(?:wake|reopen)/', part)) == 2 - number
    for talk in (second, third):
        talk.refresh_from_db()
    assert [(talk.state, talk.assigned_to_id, talk.snoozed_until) for talk in (second, third)] == [
        ("person", support.user_id, None)
    ] * 2
    assert client.post(undo[1], headers=in_place).status_code in (302, 409)
    assert browser("viewer").post(undo[1]).status_code == 403
    assert browser("owner", outside=True).post(undo[1]).status_code == 404


@pytest.mark.django_db
def test_form_of_the_inbox_leads_back_to_it_and_nowhere_else(
    browser: Browser,
    line: ChannelAccount,
    acme: World,
) -> None:
    client, talk = browser("support"), handed_off(line, 1)
    page = f"/admin/conversations/conversation/{talk.pk}/"
    answer = client.post(f"{page}take-over/?view=mine&from=inbox&after=//evil.example")
    assert answer.headers["Location"] == f"{INBOX}?view=mine&conversation={talk.pk}"
    assert client.post(f"{page}give-back/?from=//evil.example").headers["Location"] == page
    talk.refresh_from_db()
    assert talk.state == "agent"
    for query in ("conversation=nonsense", "team=1", "view=%00", "after=x|y", "after=2026-01-01T00:00:00|", "before=z"):
        assert client.get(f"{INBOX}?{query}").status_code == 200, query
    assert client.get(f"{INBOX}?conversation={uuid4()}").status_code == 404
    assert client.post(INBOX).status_code == 405
    assert browser("owner", outside=True).get(f"{INBOX}?conversation={talk.pk}").status_code == 404
    assert leaks(browser("owner", outside=True).get(INBOX).content.decode()) == []


@pytest.mark.browser
@pytest.mark.usefixtures("scene", "web")
def test_inbox_by_keyboard_on_a_desk_and_by_touch_on_a_phone(opened: Opener, scene: Scene) -> None:  # noqa: F811
    page = opened(f"{INBOX}?view=waiting", role="support")
    expect(page.get_by_text("No conversation is open")).to_be_visible()
    assert faults(page, "inbox-empty") == []
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**conversation=**")
    assert faults(page, "inbox") == []
    expect(page.locator(".wk-inbox-rows .is-chosen")).to_have_count(1)
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.locator(".wk-flash", has_text="The conversation is yours.")).to_be_visible()
    assert "view=waiting" in page.url
    page.keyboard.press("r")
    page.keyboard.type("Hello, I am here.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".wk-flash", has_text="Reply sent.")).to_be_visible()
    expect(page.get_by_text("Nobody is waiting")).to_be_visible()
    page.goto(f"{INBOX}?view=mine")
    expect(page.locator(".wk-inbox-rows")).to_contain_text("Hello, I am here.")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**conversation=**")
    for key, action in (("n", "note"), ("s", "snooze"), ("t", "tags"), ("e", "close")):
        page.keyboard.press(key)
        expect(page.locator(f"#action-{action}")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
    keep_picture(page, "inbox-mine", full_page=False)
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Conversation closed.")).to_be_visible()
    expect(page.get_by_text("Nothing assigned to you")).to_be_visible()
    page.keyboard.press("?")
    card = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(card).to_contain_text("Show this card")
    page.keyboard.press("Escape")
    phone = opened(f"{INBOX}?view=open", phone=True)
    assert faults(phone, "inbox-phone-list") == []
    phone.locator(".wk-row-link").first.tap()
    phone.wait_for_url("**conversation=**")
    expect(phone.locator(".wk-inbox-list")).to_be_hidden()
    assert faults(phone, "inbox-phone") == []
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("link", name="Back to the list").tap()
    expect(phone.locator(".wk-inbox-list")).to_be_visible()
    plain = opened(f"{INBOX}?view=open", scripts=False)
    plain.locator(".wk-row-link").first.click()
    expect(plain.locator("#live-chat")).to_be_visible()
    page.evaluate("document.documentElement.dir = 'rtl'")
    keep_picture(page, "inbox-rtl", full_page=False)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.django_db
def test_reply_over_an_answer_that_came_meanwhile_asks_first(browser: Browser, line: ChannelAccount) -> None:
    pk = write_in(line, f"I am {EMAIL}", value="+34600000001")
    url = f"/admin/conversations/conversation/{pk}/"
    pages = {role: browser(role) for role in ("support", "admin")}
    seen = re.findall(r'name="after" value="(\d+)"', pages["support"].get(url).content.decode())
    assert len(seen) == 1
    mine = {"text": "We look into it", "after": seen[0]}
    assert pages["admin"].post(f"{url}reply/", {"text": f"Ask {EMAIL}", "after": seen[0]}).status_code == 302
    asked = pages["support"].post(f"{url}reply/", mine)
    text = asked.content.decode()
    assert asked.status_code == 409
    assert "Admin Acme replied while you were writing: “Ask " in text
    assert "Send anyway" in text
    assert "We look into it" in text
    assert leaks(text) == []
    again = re.findall(r'name="after" value="(\d+)"', text)
    assert pages["support"].post(f"{url}reply/", {**mine, "after": again[0]}).status_code == 302
    with_two = Conversation.objects.get(pk=pk).messages.filter(direction="out").order_by("seq")
    assert [each.body for each in with_two] == [f"Ask {EMAIL}", "We look into it"]
