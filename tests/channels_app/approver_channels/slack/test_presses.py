"""Button presses: the same decision as in the console, once, by its person, on what was shown."""

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Membership
from accounts.services import remove_member
from channels_app.approver_channels.slack import posts
from channels_app.approver_channels.slack.handler import PRESSES
from channels_app.kit import pauses
from channels_app.models import ColleagueAddress, InboundDelivery, SlackMessage
from channels_app.webhooks import deliveries
from core.clock import now
from core.jobs import queues
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.change.edit import edit
from hitl.approvals.decide.reassign import delegate
from hitl.models import Approval, ApprovalWorkflow, Decision
from hitl.policy.workflows.workflows import revise_workflow
from standins.script import Rule
from standins.slack import seed
from tests.channels_app.approver_channels.slack.conftest import (
    ANNA,
    BEN,
    GUEST,
    TEAM,
    Desk,
    buttons,
    connect_workspace,
    shown,
)
from tests.console.scene import EMAIL
from tests.database.sealing import seal

pytestmark = pytest.mark.django_db
APPROVE, REJECT, OPEN = "walker_approve", "walker_reject", "walker_open"


def state_of(approval: Approval) -> str:
    return str(Approval.objects.get(pk=approval.pk).state)


def posted(desk: Desk, approval: Approval, **more: Any) -> dict[str, Any]:
    """Notify the approver and return the message."""
    assert desk.notify(approval, **more).sent
    return desk.messages()[-1]


@pytest.mark.slow
def test_press_approves_as_its_person_and_the_buttons_go(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    assert buttons(message) == [APPROVE, REJECT, OPEN]
    assert desk.press(message, APPROVE) == [200]
    vote = Decision.objects.get(verdict="approve")
    person = desk.world.people["approver"]
    assert (vote.person_id, vote.digest, vote.channel) == (person.pk, asked.digest, "slack")
    assert (state_of(asked), vote.auth_strength) == ("approved", "slack")
    assert AuditEntry.objects.get(action="APPROVAL_APPROVE").auth_strength == "slack"
    assert AuditEntry.objects.get(action="DECIDED_BY_PRESS").facts["channel"] == "slack"
    now = desk.message(message)
    assert buttons(now) == [OPEN]
    assert "Approved by Approver Acme" in shown(now)


@pytest.mark.slow
def test_worker_of_presses_does_not_wait_for_updates(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[tuple[str, ...]] = []
    monkeypatch.setitem(queues._tasks, "update_slack", lambda *ids: queued.append(ids))
    asked = desk.ask()
    message = posted(desk, asked)
    desk.press(message, APPROVE)
    assert (state_of(asked), buttons(desk.message(message))) == ("approved", [APPROVE, REJECT, OPEN])
    assert queued == [(str(desk.world.acme.pk), str(asked.pk))]


@pytest.mark.slow
def test_press_that_waited_for_a_quarter_of_an_hour_is_asked_for_again(desk: Desk) -> None:
    owner = desk.world.actor("owner")
    asked, other = desk.ask(), desk.ask(params={"campaign": "Large", "budget": "110.00"})
    message, second = posted(desk, asked), posted(desk, other)
    pauses.set_paused(actor=owner, account_id=desk.account.pk, paused=True, reason="a token leaked")
    assert (desk.press(message, APPROVE), desk.rows()[-1].state, state_of(asked)) == ([200], "held", "pending")
    InboundDelivery.objects.update(received_at=now() - timedelta(minutes=16))
    desk.press(second, APPROVE)
    pauses.set_paused(actor=owner, account_id=desk.account.pk, paused=False)
    deliveries.dispatch_due_deliveries()
    assert (state_of(asked), state_of(other)) == ("pending", "approved")
    assert ["Press the button again" in text for text in desk.said_to(ANNA)] == [True]
    desk.press(message, APPROVE)
    assert state_of(asked) == "approved"


@pytest.mark.slow
def test_rejection_asks_for_a_reason_first(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    desk.press(message, REJECT)
    assert state_of(asked) == "pending"
    desk.submit("Too  expensive\0 \ud83d\ude00")
    vote = Decision.objects.get(verdict="reject")
    assert (state_of(asked), vote.reason, vote.channel) == ("rejected", "Too  expensive \U0001f600", "slack")
    assert "Rejected by Approver Acme" in shown(desk.message(message))


@pytest.mark.slow
def test_click_doubled_and_delivered_again_decides_once(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    desk.slack.behave({"copies": 3})
    assert desk.press(message, APPROVE) == [200, 200, 200]
    assert (Decision.objects.filter(verdict="approve").count(), desk.said_to(ANNA)) == (1, [])
    before = len(desk.rows())
    body = {"type": "block_actions", "user": {"id": ANNA}, "team": {"id": TEAM}, "actions": [{"action_ts": "1.1"}]}
    workspace = desk.slack.workspaces[TEAM]
    assert [desk.slack.poster.post(workspace, body) for _ in range(3)] == [200] * 3
    assert len(desk.rows()) == before + 1


@pytest.mark.slow
def test_press_on_what_has_changed_since_decides_nothing(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    changed = {"budget": "120.00"}
    edit(actor=desk.world.actor("admin"), approval_id=asked.pk, digest=asked.digest, changes=changed)
    desk.press(message, APPROVE)
    assert state_of(asked) == "pending"
    assert "has changed since you saw it" in desk.said_to(ANNA)[-1]
    # The message now shows the newer version, and its buttons decide that one.
    posts.update_all_of(asked.pk)
    assert "120.00" in shown(desk.message(message))
    desk.press(message, APPROVE, version=0)
    assert state_of(asked) == "pending"
    desk.press(message, APPROVE)
    assert state_of(asked) == "approved"


@pytest.mark.slow
def test_loser_is_told_who_was_faster(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    services.decide(actor=desk.world.actor("admin"), approval_id=asked.pk, verdict="approve", digest=asked.digest)
    desk.press(message, APPROVE)
    assert "Already approved by Admin Acme" in desk.said_to(ANNA)[-1]
    assert buttons(desk.message(message)) == [OPEN]
    assert Decision.objects.filter(verdict="approve").count() == 1


@pytest.mark.slow
def test_somebody_not_linked_learns_how_and_decides_nothing(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    for action in (APPROVE, REJECT):
        desk.press(message, action, GUEST)
    assert (state_of(asked), desk.slack.store.list_forms(TEAM)) == ("pending", [])
    said = desk.said_to(GUEST)
    assert len(said) == 2
    assert GUEST in said[0]
    assert "/admin/channels_app/colleagueaddress/" in said[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "member", "words"),
    [("viewer", BEN, "role doesn't allow"), ("support", BEN, "You requested this"), ("owner", BEN, "not an approver")],
)
def test_colleague_without_the_right_is_refused_and_it_is_noted(desk: Desk, role: str, member: str, words: str) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    desk.link(role, member)
    desk.press(message, APPROVE, member)
    assert state_of(asked) == "pending"
    assert words in desk.said_to(member)[-1] or (role == "support" and "role doesn't allow" in desk.said_to(member)[-1])
    assert AuditEntry.objects.filter(actor_user_id=desk.world.people[role].pk, facts__channel="slack").exists()


@pytest.mark.slow
def test_former_member_decides_nothing(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    membership = Membership.objects.get(user=desk.world.people["approver"])
    remove_member(actor=desk.world.actor("owner"), membership_id=membership.pk)
    desk.press(message, APPROVE)
    assert state_of(asked) == "pending"
    assert "aren't a member" in desk.said_to(ANNA)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("why", ["risk", "strength", "off", "keeper"])
def test_what_a_link_could_not_decide_opens_the_console(desk: Desk, settings: Any, why: str) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    if why == "risk":
        settings.DECISION_LINKS_BELOW = 1
    elif why == "off":
        settings.DECISION_LINKS = False
    elif why == "keeper":
        desk.account.keepers = [desk.world.people["admin"].pk]
        desk.account.save(update_fields=["keepers"])
    else:
        snapshot = asked.snapshot
        snapshot["levels"][0]["min_auth"] = "mfa"
        Approval.objects.filter(pk=asked.pk).update(snapshot=snapshot)
        seal(Approval.objects.get(pk=asked.pk))
    desk.press(message, APPROVE)
    assert state_of(asked) == "pending"
    said = desk.said_to(ANNA)[-1]
    assert f"/admin/hitl/approval/{asked.pk}/" in said
    assert "Walker" in said
    newer = posted(desk, asked)
    assert buttons(newer) == [OPEN]


@pytest.mark.slow
def test_buttons_leave_with_the_persons_step_and_with_their_assignment(desk: Desk) -> None:
    levels = [
        {"name": name, "mode": "any", "approvers": [{"type": "user", "value": str(desk.world.people[role].pk)}]}
        for name, role in (("First", "approver"), ("Second", "admin"))
    ]
    workflow = ApprovalWorkflow.objects.get()
    revise_workflow(actor=desk.world.actor("owner"), workflow_id=workflow.pk, levels=levels)
    desk.link("admin", BEN)
    asked = desk.ask()
    first = posted(desk, asked)
    assert buttons(first) == [APPROVE, REJECT, OPEN]
    desk.press(first, APPROVE)
    posts.update_all_of(asked.pk)
    assert buttons(desk.message(first)) == [OPEN]
    assert "This step doesn't need your decision" in shown(desk.message(first))
    asked = Approval.objects.get(pk=asked.pk)
    second = posted(desk, asked, recipient=desk.world.people["admin"])
    assert (asked.level, buttons(second)) == (2, [APPROVE, REJECT, OPEN])
    given = {"approval_id": asked.pk, "to": desk.world.people["owner"].pk, "digest": asked.digest}
    delegate(actor=desk.world.actor("admin"), **given)
    posts.update_all_of(asked.pk)
    assert buttons(desk.message(second)) == [OPEN]


def test_message_shows_no_personal_data_and_no_mention(desk: Desk) -> None:
    asked = desk.ask()
    asked.preview["rows"].append({"label": "To", "before": "", "after": EMAIL})
    asked.preview["headline"] = "Write to +34 600 123 456 <!channel> <b>now</b>"
    Approval.objects.filter(pk=asked.pk).update(preview=asked.preview)
    message = posted(desk, asked)
    assert not [word for word in (EMAIL, "600 123 456") if word in shown(message)]
    assert "<!channel>" not in message["versions"][0]["text"]
    texts = [block["text"] for block in message["versions"][0]["blocks"] if "text" in block]
    assert {text["type"] for text in texts} == {"plain_text"}


@pytest.mark.slow
def test_request_of_another_workspace_or_kind_is_stored_without_work(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    workspace = desk.slack.workspaces[TEAM]
    value = message["versions"][0]["blocks"][-2]["elements"][0]["value"]
    press = {
        "type": "block_actions",
        "user": {"id": ANNA},
        "actions": [{"action_id": APPROVE, "value": value, "action_ts": "1.2"}],
        "container": {},
    }
    odd: list[Any] = [
        {**press, "team": {"id": "T0OTHER"}},
        {**press, "team": {"id": TEAM}, "type": "shortcut"},
        {**press, "team": {"id": TEAM}, "actions": [{"action_id": OPEN, "action_ts": "1.3"}]},
        {**press, "team": {"id": TEAM}, "actions": [{"action_id": APPROVE, "value": "nonsense", "action_ts": "1.4"}]},
        {**press, "team": None, "user": None},
        ["no", "object"],
        {"type": "view_submission", "team": {"id": TEAM}, "view": {"callback_id": REJECT, "private_metadata": "[["}},
        {"type": "\ud800", "team": {"id": TEAM}, "user": {"id": "a\0b" * 10_000}},
    ]
    assert [desk.slack.poster.post(workspace, payload) for payload in odd] == [200] * len(odd)
    deliveries.dispatch_due_deliveries()
    assert state_of(asked) == "pending"
    assert {row.state for row in desk.rows()} == {"done", "parked"}
    assert [row.error for row in desk.rows() if row.state == "parked"] == ["other_workspace"] * 2 + ["not_json"]


def test_workspaces_of_two_tenants_with_one_app_stay_apart(desk: Desk, settings: Any) -> None:
    """Both use one signing secret and token, and have equal ids of users."""
    asked = desk.ask()
    message = posted(desk, asked)
    with tenant_scope(desk.world.globex.pk):
        theirs = connect_workspace("globex")
        theirs.credentials = {**theirs.credentials, "signing_secret": desk.account.credentials["signing_secret"]}
        theirs.save(update_fields=["credentials"])
    payload = {
        "type": "block_actions",
        "team": {"id": theirs.credentials["team"]},
        "user": {"id": ANNA},
        "container": {"channel_id": message["channel"], "message_ts": message["ts"]},
        "actions": [message["versions"][0]["blocks"][-2]["elements"][0] | {"action_ts": "9.9"}],
    }
    mine = desk.slack.workspaces[TEAM]
    door = replace(mine, slug="globex")
    assert desk.slack.poster.post(door, payload) == 200
    deliveries.dispatch_due_deliveries()
    assert state_of(asked) == "pending"
    with tenant_scope(desk.world.globex.pk):
        assert (len(desk.rows()), ColleagueAddress.objects.count()) == (1, 0)
    assert seed.team_id("globex") not in json.dumps(desk.account.credentials)


def test_answer_to_another_host_is_shown_by_the_api_instead(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    message = posted(desk, desk.ask())
    # What the press names is answered nowhere but at Slack's own host.
    monkeypatch.setattr(desk.slack, "address", "https://hooks.slack.com.evil.example")
    desk.press(message, APPROVE, GUEST)
    (said,) = [one for one in desk.messages() if one["only_for"] == GUEST]
    assert (said["channel"], "isn't linked" in shown(said)) == (message["channel"], True)


@pytest.mark.slow
def test_press_late_old_or_tampered_with_by_the_way(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    for odd in ({"age": 301}, {"tampered": True}):
        desk.slack.behave(odd)
        assert desk.press(message, APPROVE) == [401]
    assert (desk.rows(), state_of(asked)) == ([], "pending")
    desk.slack.behave({"late": 0.3})
    began = time.monotonic()
    assert desk.press(message, APPROVE) == [200]
    assert time.monotonic() - began > 0.3
    assert state_of(asked) == "approved"


@pytest.mark.slow
def test_reason_window_that_ended_is_said(desk: Desk) -> None:
    asked = desk.ask()
    message = posted(desk, asked)
    desk.server.script.add(Rule("POST /api/views.open", "429"))
    before = PRESSES.labels("not_asked")._value.get()
    desk.press(message, REJECT)
    assert PRESSES.labels("not_asked")._value.get() == before + 1
    assert "fewer messages" in desk.said_to(ANNA)[-1]
    assert SlackMessage.objects.filter(approval=asked).count() == 1
