"""The recording of Slack."""

from __future__ import annotations

import json
import time
from urllib.parse import quote
from uuid import uuid4

from channels_app.kit import Without
from conversations.models import ChannelAccount
from core.tenancy.scope import tenant_scope
from standins.slack import seed as slack_seed
from standins.slack.webhooks import signed_request
from tests.channels_app.approver_channels.slack.conftest import SECRET, TEAM
from tests.channels_app.kit.recorder import (
    EMPTY,
    FORM,
    USUAL,
    Call,
    Door,
    Recorder,
    Recording,
    account_of,
)
from tests.world import World


def by_slack(world: World) -> Door:
    kept = {"team": TEAM, "signing_secret": slack_seed.signing_secret("acme", SECRET), "bot_token": "xoxb-1"}
    with tenant_scope(world.acme.pk):
        named = {"public_key": slack_seed.door_key("acme"), "address": TEAM}
        ChannelAccount.objects.create(kind="slack", provider="slack", credentials=kept, **named)
    (workspace,) = (one for one in slack_seed.demo_workspaces(SECRET) if one.team == TEAM)

    def say(
        number: int = 1,
        text: str = "U1",
        name: str = "Ana",
        kind: str = "block_actions",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        person = {"id": text, "name": name}
        action = {"action_id": "walker_approve", "action_ts": f"{number}.5", "value": f"{uuid4()}:{text}"}
        payload = {"type": kind, "team": {"id": TEAM}, "user": person, "actions": [action], "response_url": text}
        made = json.dumps(payload) if raw is None else raw.decode("latin-1")
        body, headers = signed_request(workspace, payload, age)
        if raw is not None:
            body, headers = signed_text(f"payload={quote(made)}" if len(made) < 100_000 else made)
        return Call(workspace.path, body.encode(), {k: v for k, v in headers.items() if k != "Content-Type"}, FORM)

    def signed_text(body: str) -> tuple[str, dict[str, str]]:
        from standins.slack.webhooks import signature

        at = str(int(time.time()))
        secret = workspace.signing_secret
        return body, {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature(secret, at, body)}

    return Door(
        "slack",
        1024 * 1024,
        say,
        "X-Slack-Signature",
        has_messages=False,
        bad={
            **{row: cell.replace("403", "401") for row, cell in USUAL.items()},
            "unknown address": "401 unknown_account: nothing",
            "odd address": "401 unknown_account: nothing",
            **dict.fromkeys(("signed long ago", "signed ahead"), "401 stale: nothing"),
            **dict.fromkeys(EMPTY, "200: parked"),
        },
    )


def slack(world: World) -> Recording:
    door = by_slack(world)
    return Recording(account_of(world, provider="slack"), {"slack_interactivity": door})


RECORDED = {
    ("slack", "slack"): Recorder(slack, Without("Presses decide requests: test_races.py tries them.")),
}
