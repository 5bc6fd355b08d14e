"""The door for presses: what Slack did not sign leaves no row and is answered 401; what it did is stored once."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client

from channels_app.slack import payloads, signature
from channels_app.webhooks import deliveries
from channels_app.webhooks.intake import REFUSED
from conversations.models import ChannelAccount
from core.clock import now
from core.tenancy.scope import tenant_scope
from integrations.slack.client import may_answer
from standins.slack.webhooks import signed_request
from tests.channels_app.slack.conftest import ANNA, TEAM, Desk, connect_workspace
from tests.recordings import load

pytestmark = pytest.mark.django_db
RECORDED = load("signature-vectors.json")["slack"][0]
PATH = "/channels/slack/acme-slack/interactivity/"
PRESS = {"type": "block_actions", "team": {"id": TEAM}, "user": {"id": ANNA}, "actions": [{"action_ts": "1.5"}]}


def _refused(reason: str) -> float:
    return float(REFUSED.labels("slack", reason)._value.get())


def knock(desk: Desk, payload: Any = PRESS, *, path: str = PATH, raw: str = "", age: int = 0, **headers: str) -> int:
    """Post to the door, signed unless a header says otherwise."""
    body, signed = signed_request(desk.slack.workspaces[TEAM], payload, age)
    content_type = signed.pop("Content-Type")
    given = {name: value for name, value in {**signed, **headers}.items() if value != "-"}
    answer: Any = Client().post(path, raw or body, content_type=content_type, headers=given)
    return int(answer.status_code)


def test_recorded_signature_is_genuine_by_its_raw_bytes_only() -> None:
    body, at = RECORDED["raw_body"].encode(), RECORDED["X-Slack-Request-Timestamp"]
    given, secrets = RECORDED["X-Slack-Signature"], ["another", RECORDED["signing_secret"]]
    assert signature.is_signed(body=body, timestamp=at, signature=given, secrets=secrets)
    for changed in ({"body": body + b" "}, {"timestamp": "1795220001"}, {"signature": given[:-1] + "0"}):
        facts: dict[str, Any] = {"body": body, "timestamp": at, "signature": given, "secrets": secrets, **changed}
        assert not signature.is_signed(**facts)
    assert not signature.is_signed(body=body, timestamp=at, signature=given, secrets=[])


def test_signed_press_is_one_unreadable_row_however_often_it_comes(desk: Desk) -> None:
    assert [knock(desk) for _ in range(3)] == [200] * 3
    assert len(desk.rows()) == 1
    with connection.cursor() as cursor:
        cursor.execute("select channels_app_inbounddelivery::text from channels_app_inbounddelivery")
        assert ANNA not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("no_signature", {"X-Slack-Signature": "-"}),
        ("no_signature", {"X-Slack-Signature": ""}),
        ("bad_signature", {"X-Slack-Signature": "v0=00"}),
        ("bad_signature", {"X-Slack-Signature": "v0=é"}),
        ("bad_signature", {"raw": "payload=%7B%7D"}),
        ("bad_signature", {"X-Slack-Request-Timestamp": "soon"}),
        ("bad_signature", {"X-Slack-Request-Timestamp": "-"}),
        ("stale", {"age": 301}),
        ("stale", {"age": -330}),
        ("unknown_account", {"path": "/channels/slack/nobody/interactivity/"}),
        ("unknown_account", {"path": "/channels/slack/%00/interactivity/"}),
    ],
)
def test_what_is_not_signed_now_is_401_counted_and_leaves_nothing(
    desk: Desk, reason: str, wrong: dict[str, Any]
) -> None:
    before = _refused(reason)
    assert knock(desk, **wrong) == 401
    assert (desk.rows(), _refused(reason)) == ([], before + 1)


def test_other_accounts_key_and_a_closed_workspace_open_nothing(desk: Desk) -> None:
    chat = ChannelAccount.objects.create(kind="webchat", name="Chat")
    assert knock(desk, path=f"/channels/slack/{chat.public_key}/interactivity/") == 401
    ChannelAccount.objects.filter(pk=desk.account.pk).update(is_active=False)
    assert knock(desk) == 401


def test_body_beyond_the_limit_is_not_read_and_only_post_is_answered(desk: Desk) -> None:
    assert knock(desk, raw="payload=" + "x" * 1024 * 1024) == 413
    assert Client().get(PATH).status_code == 405


def test_second_secret_counts_while_secrets_are_rotated(desk: Desk) -> None:
    kept = desk.account.credentials
    desk.account.credentials = {
        **kept, "signing_secret": "a" * 32, "secondary_signing_secret": kept["signing_secret"]
    }  # fmt: skip
    desk.account.save(update_fields=["credentials"])
    assert knock(desk) == 200


@pytest.mark.parametrize(
    "raw", ["", "payload=", "payload=null", "payload=" + "%5B" * 10_000, "a=1&" * 50, "payload=%FF"]
)
def test_signed_body_that_says_nothing_is_stored_and_parked(desk: Desk, raw: str) -> None:
    timestamp = str(int(now().timestamp()))
    secret = desk.account.credentials["signing_secret"]
    headers = {
        "X-Slack-Signature": signature.sign(raw.encode(), timestamp, secret),
        "X-Slack-Request-Timestamp": timestamp,
    }
    answer: Any = Client().post(PATH, raw, content_type="application/x-www-form-urlencoded", headers=headers)
    assert answer.status_code == 200
    deliveries.dispatch_due_deliveries()
    assert [(row.state, row.error) for row in desk.rows()] == [("parked", "not_json")]


def test_equal_presses_of_two_tenants_are_two_rows(desk: Desk) -> None:
    assert knock(desk) == 200
    with tenant_scope(desk.world.globex.pk):
        theirs = connect_workspace("globex")
        body = urlencode({"payload": json.dumps(PRESS)})
        timestamp = str(int(now().timestamp()))
        signed = signature.sign(body.encode(), timestamp, theirs.credentials["signing_secret"])
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
