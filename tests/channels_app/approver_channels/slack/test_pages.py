"""Slack in the console and the API: its page, samples, tests, channels of workflows, and linking one's own user."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from channels_app.approver_channels.slack import people
from channels_app.exchanges import calls
from channels_app.kit import pauses
from channels_app.models import ProviderCall, SlackRoute
from conversations.channel_accounts import accounts
from core.clock import now
from hitl.models import ApprovalWorkflow, Notification
from hitl.notifications.send import send_notification
from integrations.models import MailDelivery
from standins.script import Rule
from standins.slack.webhooks import signed_request
from tests.channels_app.approver_channels.slack.conftest import ANNA, BEN, GUEST, PUBLIC, TEAM, Desk
from tests.channels_app.approver_channels.slack.test_door import PRESS
from tests.channels_app.kit.test_accounts import asking, page_of
from tests.integrations.mail.conftest import connect as connect_mail
from tests.world import prove

pytestmark = pytest.mark.django_db
CHANNELS, OWN = "/admin/conversations/channelaccount/", "/admin/channels_app/colleagueaddress/"


def browser(desk: Desk, role: str) -> Client:
    """Return the browser of somebody who has just entered their password."""
    client = Client()
    client.force_login(desk.world.people[role], backend="accounts.backends.RoleBackend")
    return prove(client)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_auth", "no longer accepts the bot token"),
        ("missing_scope", "Add the scopes"),
        ("invalid_blocks", "Slack refused it (invalid_blocks)."),
    ],
)
def test_page_guides_tells_health_and_explains_the_last_error(desk: Desk, code: str, words: str) -> None:
    accounts.note_trouble(account_id=desk.account.pk, code=code)
    text = page_of(desk.world, desk.account)
    assert (words in text, text.count("wk-setup-done")) == (True, 2)
    assert text.count(f"({code})") == 1
    health = asking(desk.world, desk.account)("health/").json()
    assert (health["state"], health["error_code"]) == ("error", code)
    assert words in health["error"]["reason"]


@pytest.mark.parametrize(
    ("change", "valid", "words"),
    [
        ({}, True, "accepts this request"),
        ({"body": "payload=other"}, False, "signing secret didn't make"),
        ({"signature": "00"}, False, "starts with"),
        ({"timestamp": "1700000000"}, False, "signing secret didn't make"),
        ({"age": 400}, True, "refused because of its age"),
    ],
)
def test_sample_of_slack_is_checked_in_words(desk: Desk, change: dict[str, Any], valid: bool, words: str) -> None:
    body, headers = signed_request(desk.slack.workspaces[TEAM], PRESS, change.pop("age", 0))
    signature, timestamp = headers["X-Slack-Signature"], headers["X-Slack-Request-Timestamp"]
    sample = {"body": body, "signature": signature, "timestamp": timestamp, **change}
    answer = asking(desk.world, desk.account)("verify-sample/", sample)
    assert (answer.status_code, answer.json()["valid"]) == (200, valid)
    assert words in answer.json()["words"]


@pytest.mark.slow
def test_admin_sends_a_test_and_chooses_where_a_workflow_posts(desk: Desk) -> None:
    client, page = browser(desk, "owner"), f"{CHANNELS}{desk.account.pk}/"
    assert client.post(f"{page}test-slack/", {"to": PUBLIC}).status_code == 302
    assert "test from Walker" in str([one for one in desk.messages() if one["channel"] == PUBLIC])
    assert "Enter a channel ID such as" in client.post(f"{page}test-slack/", {"to": "#general"}).content.decode()
    workflow = ApprovalWorkflow.objects.get()
    given = {"workflow_id": str(workflow.pk), "channel": PUBLIC}
    assert client.post(f"{page}slack-channel/", given).status_code == 302
    assert SlackRoute.objects.get().channel == PUBLIC
    assert client.post(f"{page}slack-channel/", {**given, "channel": "general"}).status_code == 400
    assert PUBLIC in client.get(page).content.decode()


@pytest.mark.slow
def test_colleague_links_and_unlinks_their_slack_user_on_the_page(desk: Desk) -> None:
    client, admin = browser(desk, "admin"), desk.world.people["admin"]
    answer = client.post(f"{OWN}slack-user/", {"member_id": BEN})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{OWN}slack-code/")
    assert client.post(f"{OWN}slack-code/", {"code": "0000 0001"}).status_code == 400
    assert client.post(f"{OWN}slack-code/", {"code": desk.code_for(BEN)}).status_code == 302
    assert people.colleague_of(desk.account, BEN) == admin
    text = client.get(OWN).content.decode()
    assert (BEN in text, ANNA in text) == (True, False)
    assert client.post(f"{OWN}slack-unlink/").status_code == 302
    assert people.colleague_of(desk.account, BEN) is None


@pytest.mark.slow
def test_while_slack_is_paused_approvers_get_the_email_and_its_page_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    connect_mail(desk.world)
    owner = desk.world.actor("owner")
    pauses.set_paused(actor=owner, account_id=desk.account.pk, paused=True, reason="the token leaked")
    before = len(desk.messages())
    row = Notification.objects.get(approval=desk.ask(), channel="slack", recipient=desk.world.people["approver"])
    assert send_notification(row.pk)
    assert (MailDelivery.objects.filter(ref=row.pk).count(), len(desk.messages())) == (1, before)
    text = page_of(desk.world, desk.account)
    assert "the token leaked" in text
    assert ("Approvers get emails" in text, "Messages to customers wait" in text) == (True, False)
    client = browser(desk, "owner")
    answer = client.post(f"{CHANNELS}{desk.account.pk}/test-slack/", {"to": PUBLIC}, follow=True)
    assert "Resume it before you send a test" in answer.content.decode()


@pytest.mark.slow
def test_log_and_health_show_what_goes_to_slack(desk: Desk) -> None:
    ask = asking(desk.world, desk.account)
    asked = desk.ask()
    assert desk.notify(asked).sent
    message = desk.messages()[-1]
    desk.press(message, "walker_reject")
    desk.submit("Too expensive")
    desk.press(message, "walker_approve", GUEST, version=0)
    desk.slack.behave({"token_expired": True})
    browser(desk, "owner").post(f"{CHANNELS}{desk.account.pk}/test-slack/", {"to": PUBLIC})
    desk.server.script.add(Rule("POST /api/chat.postMessage", "fail", status=503))
    browser(desk, "owner").post(f"{CHANNELS}{desk.account.pk}/test-slack/", {"to": PUBLIC})
    rows = [row for row in ask("exchanges/").json()["results"] if row["direction"] == "out"]
    found = [(row["what"], row["outcome"], row["http_status"], row["code"]) for row in rows]
    assert found == [
        ("chat.postMessage", "unknown", 503, "status_503"),
        ("chat.postMessage", "failed", 200, "token_expired"),
        ("response_url", "succeeded", 200, ""),
        ("chat.update", "succeeded", 200, ""),
        ("views.open", "succeeded", 200, ""),
        ("chat.postMessage", "succeeded", 200, ""),  # the request
        ("chat.postMessage", "succeeded", 200, ""),  # the code of the fixture
    ]
    assert all(row["milliseconds"] >= 0 and row["message"] is None for row in rows)
    health = ask("health/").json()
    assert (health["sent"], health["failed"], health["last_sent_at"] is None) == (5, 1, False)
    page = page_of(desk.world, desk.account)
    assert "chat.postMessage: token_expired" in page
    everything = str(list(ProviderCall.objects.values()))
    assert not [word for word in (ANNA, GUEST, PUBLIC, asked.reference, "Too expensive") if word in everything]
    late = now() + timedelta(days=31)
    assert (calls.forget(), calls.forget(now=late), ProviderCall.objects.count()) == (0, 7, 0)
