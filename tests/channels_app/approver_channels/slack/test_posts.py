"""Messages: one per notification or channel, held back while Slack says so, and shown as the request is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from channels_app.approver_channels.slack import connect, posts
from channels_app.approver_channels.slack.connect import SlackConnect
from channels_app.models import SlackMessage, SlackRoute
from conversations.models import ChannelAccount
from core.clock import now
from core.errors import Invalid
from core.models import AuditEntry, DeadLetter
from core.reliability.circuit_breaker import breaker
from hitl import services
from hitl.approvals.change.edit import edit
from hitl.models import Approval, ApprovalWorkflow, Notification
from hitl.notifications.send import send_notification
from hitl.notifications.texts import set_notification_template
from standins.script import Rule
from tests.channels_app.approver_channels.slack.conftest import ANNA, BEN, PUBLIC, Desk, buttons, expect, shown
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db


def queued(approval: Approval) -> Notification:
    """Return what the transition wrote for the approver in Slack."""
    found: Notification = Notification.objects.get(
        approval=approval, channel="slack", recipient__email__startswith="approver"
    )
    return found


def again(row: Notification) -> Notification:
    return Notification.objects.get(pk=row.pk)


@pytest.mark.slow
def test_workflow_that_notifies_by_slack_posts_once_to_each_linked_approver(desk: Desk) -> None:
    asked = desk.ask()
    row = queued(asked)
    assert (send_notification(row.pk), send_notification(row.pk)) == (True, False)
    assert again(row).provider_message_id == SlackMessage.objects.get().ts
    other = Notification.objects.get(approval=asked, channel="slack", recipient__email__startswith="admin")
    send_notification(other.pk)
    assert (again(other).status, again(other).failure_reason) == (
        "skipped", "This person hasn't linked their Slack user."
    )  # fmt: skip
    assert len([one for one in desk.direct(ANNA) if asked.reference in shown(one)]) == 1


@pytest.mark.slow
def test_notification_tried_again_after_a_crash_posts_no_second_message(desk: Desk) -> None:
    asked = desk.ask()
    row = queued(asked)
    send_notification(row.pk)
    # Killed before the result was written.
    Notification.objects.filter(pk=row.pk).update(status="sending", lease_until=now() - timedelta(minutes=1))
    assert send_notification(row.pk)
    assert len([one for one in desk.direct(ANNA) if asked.reference in shown(one)]) == 1


@pytest.mark.parametrize("place", ["D0123456789", "d0123456789", "U0123456789", "#general", "C0123456789\n"])
def test_workflow_posts_in_channels_only(desk: Desk, place: str) -> None:
    workflow = ApprovalWorkflow.objects.earliest("id")
    route = {"actor": desk.world.actor("admin"), "account_id": desk.account.pk, "workflow_id": workflow.pk}
    if place.strip() == "C0123456789":
        connect.set_route(**route, channel=place)
    else:
        with pytest.raises(Invalid):
            connect.set_route(**route, channel=place)
    if place.upper().startswith("D"):
        with pytest.raises(Invalid):
            SlackConnect.send_test(actor=desk.world.actor("admin"), account_id=desk.account.pk, to=place)


@pytest.mark.slow
def test_slack_that_asks_for_patience_gets_it(desk: Desk) -> None:
    asked = desk.ask()
    row = queued(asked)
    desk.server.script.add(Rule("POST /api/chat.postMessage", "429", retry_after=600))
    moment = now()
    assert not send_notification(row.pk, now=moment)
    waiting = again(row)
    assert (waiting.status, waiting.lease_until) == ("queued", moment + timedelta(seconds=600))
    assert "fewer messages" in waiting.failure_reason
    assert send_notification(row.pk, now=moment + timedelta(seconds=601))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda desk: desk.slack.behave({"token_expired": True}), "no longer accepts the bot token"),
        (lambda desk: desk.slack.workspaces.clear(), "no longer accepts the bot token"),
    ],
)
def test_token_that_no_longer_counts_is_said_and_parked(
    desk: Desk, spoil: Callable[[Desk], object], words: str
) -> None:
    row = queued(desk.ask())
    spoil(desk)
    assert not send_notification(row.pk)
    assert (again(row).status, words in again(row).failure_reason) == ("failed", True)
    assert DeadLetter.objects.filter(ref=row.pk).exists()
    account = ChannelAccount.objects.get(pk=desk.account.pk)
    assert account.last_error in ("token_expired", "invalid_auth")


@pytest.mark.slow
def test_slack_that_is_down_is_tried_again_and_then_left_alone(desk: Desk) -> None:
    row = queued(desk.ask())
    desk.server.script.add(Rule("POST /api/", "fail", times=50, status=503))
    for attempt in range(6):
        send_notification(row.pk, now=now() + timedelta(hours=attempt))
    assert again(row).status == "failed"
    assert breaker(f"slack:{desk.account.pk.hex}").state().state == "open"
    breaker(f"slack:{desk.account.pk.hex}").succeeded()


@pytest.mark.slow
def test_channel_gets_one_post_for_all_and_anyone_asked_decides_there(desk: Desk) -> None:
    workflow = ApprovalWorkflow.objects.get()
    connect.set_route(
        actor=desk.world.actor("owner"), account_id=desk.account.pk, workflow_id=workflow.pk, channel=PUBLIC
    )
    desk.link("admin", BEN)
    asked = desk.ask()
    for row in Notification.objects.filter(approval=asked, channel="slack"):
        assert send_notification(row.pk)
    found = [one for one in desk.messages() if one["channel"] == PUBLIC]
    assert len(found) == 1
    desk.press(found[0], "walker_approve", BEN)
    assert Approval.objects.get(pk=asked.pk).decided_by == desk.world.people["admin"]
    assert buttons(desk.message(found[0])) == ["walker_open"]
    facts = AuditEntry.objects.get(action="SLACK_ROUTE_SET").facts
    assert facts == {"workflow": str(workflow.pk), "channel": PUBLIC}


@pytest.mark.slow
def test_route_to_direct_messages_overrides_the_workspaces_channel(desk: Desk) -> None:
    desk.account.credentials = {**desk.account.credentials, "channel": PUBLIC}
    desk.account.save(update_fields=["credentials"])
    owner, workflow = desk.world.actor("owner"), ApprovalWorkflow.objects.get()
    facts: dict[str, Any] = {"actor": owner, "account_id": desk.account.pk, "workflow_id": workflow.pk}
    expect(Invalid, connect.set_route, **facts, channel="#general")
    connect.set_route(**facts, channel="direct")
    send_notification(queued(desk.ask()).pk)
    assert not [one for one in desk.messages() if one["channel"] == PUBLIC]
    connect.set_route(**facts, channel="")
    assert not SlackRoute.objects.exists()
    send_notification(queued(desk.ask()).pk)
    assert [one for one in desk.messages() if one["channel"] == PUBLIC]


@pytest.mark.slow
def test_decision_in_the_console_takes_the_buttons_away(desk: Desk) -> None:
    asked = desk.ask()
    desk.notify(asked)
    message = desk.messages()[-1]
    assert posts.list_outdated() == []
    services.decide(
        actor=desk.world.actor("admin"), approval_id=asked.pk, verdict="reject", reason="No", digest=asked.digest
    )
    assert [key for _, key in posts.list_outdated()] == [SlackMessage.objects.get().pk]
    posts.update_all_of(asked.pk)
    assert buttons(desk.message(message)) == ["walker_open"]
    assert "Rejected by Admin Acme" in shown(desk.message(message))
    assert (posts.list_outdated(), SlackMessage.objects.get().is_settled) == ([], True)


@pytest.mark.slow
def test_update_that_fails_is_repeated_later_and_one_of_a_deleted_message_is_not(desk: Desk) -> None:
    asked = desk.ask()
    desk.notify(asked)
    services.cancel(actor=desk.world.actor("support"), approval_id=asked.pk)
    row = SlackMessage.objects.get()
    moment = now()
    desk.server.script.add(Rule("POST /api/chat.update", "429", retry_after=120))
    assert not posts.update(row.pk, now=moment)
    assert posts.list_outdated(now=moment + timedelta(seconds=100)) == []
    assert [key for _, key in posts.list_outdated(now=moment + timedelta(seconds=121))] == [row.pk]
    desk.slack.store.clear()
    assert not posts.update(row.pk, now=moment + timedelta(seconds=121))
    assert posts.list_outdated(now=moment + timedelta(days=1)) == []


@pytest.mark.slow
def test_update_goes_on_for_a_week_while_slack_refuses_and_at_once_with_a_new_token(desk: Desk) -> None:
    asked = desk.ask()
    desk.notify(asked)
    services.cancel(actor=desk.world.actor("support"), approval_id=asked.pk)
    row, moment = SlackMessage.objects.get(), now()
    desk.slack.behave({"token_expired": True})
    for _ in range(12):
        posts.update(row.pk, now=moment)
        moment = max(moment, SlackMessage.objects.get().due_at)
    assert (moment - now() > timedelta(hours=3), SlackMessage.objects.get().is_settled) == (True, False)
    assert posts.list_outdated() == []
    desk.slack.behave({})
    spoiled = {**desk.account.credentials, "bot_token": "xoxb-old"}
    ChannelAccount.objects.filter(pk=desk.account.pk).update(credentials=spoiled)
    given = {"name": "Slack", "account_id": desk.account.pk}
    connect.connect_slack(actor=OPERATOR, bot_token=desk.account.credentials["bot_token"], **given)
    assert [key for _, key in posts.list_outdated()] == [row.pk]
    assert posts.update(row.pk)
    SlackMessage.objects.update(is_settled=False, attempts=posts.ATTEMPTS, due_at=now())
    desk.slack.behave({"token_expired": True})
    assert not posts.update(row.pk)
    assert SlackMessage.objects.get().is_settled


@pytest.mark.slow
def test_organisations_own_text_stays_when_the_message_is_updated(desk: Desk) -> None:
    own = {"template": "approval_reminder", "subject": "Please look", "body": "The dragon waits for {reference}."}
    set_notification_template(actor=desk.world.actor("admin"), **own)
    asked = desk.ask()
    route: dict[str, Any] = {"account_id": desk.account.pk, "workflow_id": ApprovalWorkflow.objects.get().pk}
    for number, channel in enumerate((PUBLIC, "direct"), start=1):
        connect.set_route(actor=desk.world.actor("owner"), channel=channel, **route)
        assert desk.notify(asked, is_reminder=True, reminder_number=number).sent
    found = [one for one in desk.messages() if f"The dragon waits for {asked.reference}." in shown(one)]
    changed = {"budget": "120.00"}
    edit(actor=desk.world.actor("admin"), approval_id=asked.pk, digest=asked.digest, changes=changed)
    posts.update_all_of(asked.pk)
    assert [f"The dragon waits for {asked.reference}." in shown(desk.message(one)) for one in found] == [True, True]
    services.cancel(actor=desk.world.actor("support"), approval_id=asked.pk)
    posts.update_all_of(asked.pk)
    # What asks for a decision is no longer true.
    assert ["dragon" in shown(desk.message(one)) for one in found] == [False, False]


def test_without_slack_or_a_link_a_notification_is_skipped_with_the_reason(desk: Desk) -> None:
    ChannelAccount.objects.filter(pk=desk.account.pk).update(is_active=False)
    row = queued(desk.ask())
    assert not send_notification(row.pk)
    assert (again(row).status, again(row).failure_reason) == ("skipped", "Slack is not connected.")


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("bot_token", "xoxp-1"), ("bot_token", "xoxb-é"), ("bot_token", "xoxb-unknown"), ("signing_secret", "short"),
        ("secondary_signing_secret", "with space"), ("channel", "#general"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_with_the_field(desk: Desk, field: str, given: str) -> None:
    facts = {"name": "Slack", "account_id": desk.account.pk, field: given}
    problem = expect(Invalid, connect.connect_slack, actor=desk.world.actor("owner"), **facts)
    assert list(problem.facts["fields"]) == [field]


def test_test_message_says_what_happened_and_the_keeper_is_remembered(desk: Desk) -> None:
    owner = desk.world.actor("owner")
    account = connect.connect_slack(actor=owner, name="Slack", account_id=desk.account.pk, channel=PUBLIC)
    assert account.keepers == [owner.user_id]
    assert "sent" in SlackConnect.send_test(actor=owner, account_id=account.pk, to=PUBLIC)
    problem = expect(Invalid, SlackConnect.send_test, actor=owner, account_id=account.pk, to="C0123456789")
    assert "doesn't know this channel" in problem.detail
    assert ChannelAccount.objects.get(pk=account.pk).last_error == "channel_not_found"
