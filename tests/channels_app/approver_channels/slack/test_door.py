"""The door for presses: what Slack did not sign leaves no row and is answered 401; what it did is stored once."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from channels_app.approver_channels.slack import payloads, workspaces
from channels_app.kit.found import forget
from channels_app.webhooks.intake import is_fresh
from conversations.models import ChannelAccount
from core.clock import now
from core.tenancy.scope import tenant_scope
from integrations.slack.client import may_answer
from standins.slack.webhooks import signed_request
from tests.channels_app.approver_channels.slack.conftest import ANNA, TEAM, Desk, connect_workspace
from tests.recordings import load

pytestmark = pytest.mark.django_db
RECORDED = load("signature-vectors.json")["slack"][0]
PATH = "/channels/slack/acme-slack/interactivity/"
PRESS = {"type": "block_actions", "team": {"id": TEAM}, "user": {"id": ANNA}, "actions": [{"action_ts": "1.5"}]}


def knock(desk: Desk, payload: Any = PRESS, *, path: str = PATH, **headers: str) -> int:
    """Post to the door, signed unless a header says otherwise."""
    body, signed = signed_request(desk.slack.workspaces[TEAM], payload)
    content_type = signed.pop("Content-Type")
    given = {name: value for name, value in {**signed, **headers}.items() if value != "-"}
    answer: Any = Client().post(path, body, content_type=content_type, headers=given)
    return int(answer.status_code)


def test_recorded_signature_is_genuine_by_its_raw_bytes_only() -> None:
    body, at = RECORDED["raw_body"].encode(), RECORDED["X-Slack-Request-Timestamp"]
    given, secrets = RECORDED["X-Slack-Signature"], ["another", RECORDED["signing_secret"]]
    assert workspaces.is_signed(body=body, timestamp=at, signature=given, secrets=secrets)
    for changed in ({"body": body + b" "}, {"timestamp": "1795220001"}, {"signature": given[:-1] + "0"}):
        facts: dict[str, Any] = {"body": body, "timestamp": at, "signature": given, "secrets": secrets, **changed}
        assert not workspaces.is_signed(**facts)
    assert not workspaces.is_signed(body=body, timestamp=at, signature=given, secrets=[])


def test_signed_press_is_one_unreadable_row_however_often_it_comes(desk: Desk) -> None:
    assert [knock(desk) for _ in range(3)] == [200] * 3
    assert len(desk.rows()) == 1
    with connection.cursor() as cursor:
        cursor.execute("select channels_app_inbounddelivery::text from channels_app_inbounddelivery")
        assert ANNA not in cursor.fetchone()[0]


def test_accepted_press_costs_one_statement_once_the_workspace_is_known(desk: Desk) -> None:
    assert knock(desk) == 200
    with CaptureQueriesContext(connection) as seen:
        assert knock(desk, {**PRESS, "actions": [{"action_ts": "1.6"}]}) == 200
    assert [query["sql"].split(";")[-1].split()[0] for query in seen.captured_queries] == ["insert"]


@pytest.mark.parametrize("at", ["soon", "-", "²", "9" * 40])
def test_time_that_is_none_is_not_what_was_signed(desk: Desk, at: str) -> None:
    assert knock(desk, **{"X-Slack-Request-Timestamp": at}) == 401
    assert (desk.rows(), is_fresh(at, now())) == ([], False)


def test_other_accounts_key_and_a_closed_workspace_open_nothing(desk: Desk) -> None:
    chat = ChannelAccount.objects.create(kind="webchat", name="Chat")
    assert knock(desk, path=f"/channels/slack/{chat.public_key}/interactivity/") == 401
    ChannelAccount.objects.filter(pk=desk.account.pk).update(is_active=False)
    forget()
    assert knock(desk) == 401


def test_second_secret_counts_while_secrets_are_rotated(desk: Desk) -> None:
    kept = desk.account.credentials
    desk.account.credentials = {
        **kept, "signing_secret": "a" * 32, "secondary_signing_secret": kept["signing_secret"]
    }  # fmt: skip
    desk.account.save(update_fields=["credentials"])
    assert knock(desk) == 200


def test_equal_presses_of_two_tenants_are_two_rows(desk: Desk) -> None:
    assert knock(desk) == 200
    with tenant_scope(desk.world.globex.pk):
        theirs = connect_workspace("globex")
        body = urlencode({"payload": json.dumps(PRESS)})
        timestamp = str(int(now().timestamp()))
        signed = workspaces.sign(body.encode(), timestamp, theirs.credentials["signing_secret"])
        headers = {"X-Slack-Signature": signed, "X-Slack-Request-Timestamp": timestamp}
        path = f"/channels/slack/{theirs.public_key}/interactivity/"
        answer: Any = Client().post(path, body, content_type="application/x-www-form-urlencoded", headers=headers)
        assert (answer.status_code, len(desk.rows())) == (200, 1)
    assert len(desk.rows()) == 1


def test_keys_tell_events_apart() -> None:
    other = [
        {**PRESS, "user": {"id": "U2"}},
        {**PRESS, "team": {"id": "T2"}},
        {**PRESS, "actions": [{"action_ts": "1.6"}]},
        {**PRESS, "container": {"message_ts": "2.0"}},
        {"type": "view_submission", "view": {"id": "V1"}, "user": {"id": ANNA}},
        {"type": "view_submission", "view": {"id": "V2"}, "user": {"id": ANNA}},
    ]
    keys = {payloads.key_of(each) for each in [PRESS, *other]}
    assert (len(keys), payloads.key_of({"type": "x"}), payloads.key_of(None)) == (7, "", "")


@pytest.mark.parametrize(
    ("url", "is_slacks"),
    [
        ("https://hooks.slack.com/actions/T1/2/3", True),
        ("https://hooks.slack.com:443/actions/T1/2/3", True),
        ("http://hooks.slack.com/actions/T1", False),
        ("https://hooks.slack.com:8443/actions", False),
        ("https://hooks.slack.com.evil.example/actions", False),
        ("https://hooks.slack.com@evil.example/", False),
        ("https://evil.example/hooks.slack.com", False),
        ("https://evil.example#hooks.slack.com", False),
        ("https://evil.example\\@hooks.slack.com/", False),
        ("https://127.0.0.1/actions", False),
        ("https://[::1/", False),
        ("https://slack.com/api/x", False),
        ("//hooks.slack.com/", False),
        ("", False),
    ],
)
def test_answers_go_to_slacks_own_host_only(settings: Any, url: str, is_slacks: bool) -> None:
    settings.SLACK_API_BASE = "https://slack.com/api"
    assert may_answer(url) is is_slacks
    settings.SLACK_API_BASE = "http://127.0.0.1:9/api"
    assert may_answer("http://127.0.0.1:9/actions/T/1")
    assert not may_answer("http://127.0.0.1:10/actions/T/1")
